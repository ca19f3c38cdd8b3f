import SimulationKernel
import Testing

@testable import Fleet

/// Deployed autoscalers against what their rules come to by hand, for a target of 2 req/s a replica.
@Suite struct ScalingRuleTests {
  /// How many there are after each decision, for the requests per second of each interval.
  private func replicas(
    _ rule: ScalingRule, _ rates: [Double], from start: Int = 1, most: Int = 100
  ) -> [Int] {
    var autoscaler = Autoscaler(
      minReplicas: 1, maxReplicas: most, interval: SimDuration(rounding: rule.period),
      startUp: .zero, targetRate: 2, patience: 5, rule: rule)
    var present = start
    return rates.map { rate in
      present = autoscaler.replicas(
        FleetReading(arrived: Int(rate * rule.period), present: present))
      return present
    }
  }

  private func times<Value>(_ count: Int, _ value: Value) -> [Value] {
    Array(repeating: value, count: count)
  }

  /// Up at once; down when the last decision that asked for four is 300 s ago, the twentieth after it.
  @Test func hpaFollowsAStepUpAtOnceAndDownAfterItsWindow() {
    #expect(
      replicas(.hpa, [2, 8, 8] + times(22, 2)) == [1, 4, 4] + times(19, 4) + times(3, 1))
  }

  /// 4 replicas are given 8 req/s: 7.4 and 8.6 are within 10 % of it, 9 is not.
  @Test func hpaToleratesATenth() {
    #expect(replicas(.hpa, [8.6, 7.4, 8, 9], from: 4) == [4, 4, 4, 5])
  }

  /// A ramp of 2 req/s an interval is followed a replica a time, up to the most.
  @Test func hpaFollowsARamp() {
    #expect(replicas(.hpa, [2, 4, 6, 8, 10, 12], most: 5) == [1, 2, 3, 4, 5, 5])
  }

  /// Twelve times the load: doubled three times, then what is asked for. A fall halves, 20 decisions of 15 s apart.
  @Test func apaDoublesAndHalves() {
    #expect(replicas(.apa, [24, 24, 24, 24, 24]) == [2, 4, 8, 12, 12])
    #expect(
      replicas(.apa, [24] + times(41, 2), from: 11)
        == [11] + times(20, 5) + times(20, 2) + [1])
    #expect(replicas(.apa, [8.6, 7.4, 9], from: 4) == [4, 4, 5])
  }

  /// Decisions every 2 s. A burst of 6 s at 16 req/s counts whole after three decisions: eight replicas, which stay for 60 s
  /// after the last decision that saw twice what there was; then half of what there is goes a decision.
  @Test func knativePanicsOnABurst() {
    let rates = times(30, 2.0) + times(3, 16) + times(40, 2)
    // Means of the last three intervals: 20 / 3, 34 / 3, 16 req/s. The first asks for 4 and 4 ≥ 2 × 1: a burst.
    // The others ask for 6 and 8, which is not twice what there is.
    let burst = [4, 6, 8]
    #expect(
      replicas(.knative, rates)
        == times(30, 1) + burst + times(27, 8) + [4, 2, 1] + times(10, 1))
  }

  /// Without a burst the mean of 60 s is followed: a step of half as much again arrives over 30 decisions.
  @Test func knativeFollowsTheMeanOfAMinute() {
    // 10 replicas are given 20 req/s; k intervals of 30 ask for ceil((600 + 10 k) ⁄ 60) = 10 + ceil(k ⁄ 6).
    #expect(
      replicas(.knative, times(30, 20) + times(30, 30), from: 10)
        == times(30, 10) + (1...30).map { 10 + ($0 + 5) / 6 })
  }

  /// The picture at ``HPAWindow``.
  @Test func aWindowHoldsBackBothWays() {
    var window = HPAWindow()
    var present = 3
    let there = [3, 3, 5, 5, 5, 5, 5, 3, 3, 3, 3, 3].map { asks in
      present = window.replicas(asks, present: present, up: 3, down: 4)
      return present
    }
    #expect(there == [3, 3, 3, 3, 5, 5, 5, 5, 5, 5, 3, 3])
  }

  /// Names are what users type: no two alike.
  @Test func namesDiffer() {
    #expect(Set(ScalingRule.all.map(\.name)).count == ScalingRule.all.count)
  }
}
