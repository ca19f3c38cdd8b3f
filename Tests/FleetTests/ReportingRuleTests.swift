import SimulationKernel
import Testing

@testable import Fleet

/// Autoscalers that read what replicas report, against what their rules come to by hand: a step, a ramp, a burst.
@Suite struct ReportingRuleTests {
  private func autoscaler(_ rule: ScalingRule, most: Int = 100) -> Autoscaler {
    var autoscaler = Autoscaler(
      minReplicas: 1, maxReplicas: most, interval: SimDuration(rounding: rule.period),
      startUp: .zero, targetRate: 2, patience: 5, rule: rule)
    autoscaler.limits = ReplicaLimits(kvTokens: 1000, maxBatchedTokens: 100, maxSequences: 50)
    return autoscaler
  }

  /// How many there are after each decision, if replicas start at once, for what all of them hold together at each:
  /// it is spread evenly, with the rest on the first.
  private func replicas(
    _ rule: ScalingRule, from start: Int = 1, most: Int = 100,
    running: [Int] = [], waiting: Int = 0, share: [Double] = []
  ) -> [Int] {
    var autoscaler = autoscaler(rule, most: most)
    var present = start
    return (0..<max(running.count, share.count)).map { decision in
      let reports = (0..<present).map { replica in
        var report = ReplicaReport(replica: replica)
        if !running.isEmpty {
          report.running =
            running[decision] / present + (replica < running[decision] % present ? 1 : 0)
        }
        report.waiting = waiting
        if !share.isEmpty { report.heldShare = share[decision] / Double(present) }
        return report
      }
      present = autoscaler.replicas(FleetReading(present: present, reports: [reports]))
      return present
    }
  }

  private func times<Value>(_ count: Int, _ value: Value) -> [Value] {
    Array(repeating: value, count: count)
  }

  // MARK: Ray Serve, two requests a replica, a decision every 10 s

  /// Means of three: 4, 6, 8, 8 ask for 2, 3, 4, 4. The fourth in a row is 30 s after the first. Down: 61 in a row.
  @Test func rayServeFollowsAStepAfterItsDelays() {
    #expect(
      replicas(.rayServe, running: [2, 2, 2] + times(5, 8)) == times(6, 1) + [4, 4])
    #expect(replicas(.rayServe, from: 4, running: times(62, 2)) == times(60, 4) + [1, 1])
  }

  /// 2, 4, 6, … : from the third on the mean asks for one fewer than the last would; each fourth decision acts.
  @Test func rayServeFollowsARamp() {
    #expect(
      replicas(.rayServe, running: (1...9).map { 2 * $0 }) == [1, 1, 1, 1, 4, 4, 4, 4, 8])
    #expect(
      replicas(.rayServe, most: 5, running: (1...9).map { 2 * $0 }) == [1, 1, 1, 1, 4, 4, 4, 4, 5])
  }

  /// One decision's burst is in three means: 21, 14 ⅔ and 14 ⅔ ask for more, a fourth does not.
  @Test func rayServeSleepsThroughABurst() {
    #expect(replicas(.rayServe, running: [2, 40] + times(8, 2)) == times(10, 1))
  }

  /// A decision for what there is, or for fewer, starts the count anew.
  @Test func rayServeCountsAnew() {
    #expect(
      replicas(.rayServe, running: [8, 8, 8, 0, 0, 0, 8, 8, 8, 8, 8, 8])
        == [1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 4])
  }

  /// Requests that wait count.
  @Test func rayServeCountsRequestsThatWait() {
    #expect(replicas(.rayServe, running: times(4, 1), waiting: 3) == [1, 1, 1, 2])
  }

  // MARK: KEDA on requests that run, two a replica, a decision every 15 s

  /// As the autoscaler of Kubernetes does with the rate: up at once, down after 300 s, not within a tenth.
  @Test func kedaFollowsWhatRuns() {
    #expect(
      replicas(.kedaRunning, running: [2, 8, 8] + times(22, 2))
        == [1, 4, 4] + times(19, 4) + times(3, 1))
    #expect(replicas(.kedaRunning, from: 10, running: [21, 18, 23]) == [10, 10, 12])
  }

  /// A queue in front of a full engine is not seen.
  @Test func kedaDoesNotSeeAQueue() {
    #expect(replicas(.kedaRunning, running: times(5, 2), waiting: 500) == times(5, 1))
  }

  // MARK: WVA, the first rule, a decision every 60 s that is acted on 240 s later

  /// 75 % of one pool leaves 5 % below 80 %: one more, on which 42.5 % are left; without it 5 %, so that it stays. 20 % of a
  /// pool on two leaves 60 % on one.
  @Test func wvaActsFourMinutesLater() {
    #expect(
      replicas(.wvaSaturation, share: times(7, 0.75) + times(6, 0.2))
        == times(4, 1) + times(3, 2) + times(4, 2) + [1, 1])
  }

  /// What was asked for once is asked for until it is there, although the burst is over.
  @Test func wvaKeepsAskingAfterABurst() {
    #expect(
      replicas(.wvaSaturation, share: [0.75] + times(9, 0.1)) == times(4, 1) + times(5, 2) + [1])
  }

  /// A ramp of 5 % of a pool a minute adds one at a time, five decisions apart at least.
  @Test func wvaFollowsARampOneAtATime() {
    // Beyond 70 %: the 15th. Two hold 140 % at most: the 29th.
    let there = replicas(.wvaSaturation, share: (1...34).map { 0.05 * Double($0) - 0.001 })
    #expect(there == times(18, 1) + times(14, 2) + times(2, 3))
  }

  /// One decision by itself: what five of the same ask for.
  @Test(arguments: [
    // Shares of the pools, requests that wait, and replicas after it.
    ([0.70], [0], 1), ([0.71], [0], 2), ([0.1], [2], 1), ([0.1], [3], 2),
    // Saturated ones do not count, if others are left: the mean of the others has 10 % to spare.
    ([0.95, 0.70], [0, 0], 2), ([0.95, 0.71], [0, 0], 3), ([0.95, 0.95], [0, 0], 3),
    ([0.1, 0.1], [9, 0], 2),
    // One fewer: 35 % twice is 70 % on one, 36 % is not; 1 request twice is 2, which leaves 3 of 5.
    ([0.35, 0.35], [0, 0], 1), ([0.36, 0.36], [0, 0], 2), ([0.1, 0.1], [1, 1], 1),
    ([0.1, 0.1], [1, 2], 2),
  ]) func wvaDecides(shares: [Double], waiting: [Int], then: Int) {
    var autoscaler = autoscaler(.wvaSaturation)
    let reports = shares.indices.map { replica in
      ReplicaReport(replica: replica, waiting: waiting[replica], heldShare: shares[replica])
    }
    let reading = FleetReading(present: shares.count, reports: [reports])
    let there = (0..<5).map { _ in autoscaler.replicas(reading) }
    #expect(there.last == then)
  }

  /// The most of four reports in a minute counts, of replicas that still report.
  @Test func wvaSeesPeaks() {
    func report(_ replica: Int, _ share: Double) -> ReplicaReport {
      ReplicaReport(replica: replica, heldShare: share)
    }
    let reading = FleetReading(
      present: 1,
      reports: [[report(0, 0.1), report(1, 0.9)], [report(0, 0.75)], [report(0, 0.2)]])
    #expect(reading.peaks == [report(0, 0.75)])
  }

  /// Nothing is decided while one starts.
  @Test func wvaWaitsForReplicasThatStart() {
    var autoscaler = autoscaler(.wvaSaturation)
    let reading = FleetReading(present: 2, reports: [[ReplicaReport(replica: 0, heldShare: 0.9)]])
    #expect((0..<12).map { _ in autoscaler.replicas(reading) } == times(12, 2))
  }

  /// Kubernetes does not act on 12 in place of 11, nor on 9 in place of 10, which are within a tenth: it is asked for for good.
  @Test func wvaEndsWhereKubernetesToleratesATenth() {
    #expect(
      replicas(.wvaSaturation, from: 10, share: times(5, 7.5)) == times(4, 10) + [11])
    #expect(
      replicas(.wvaSaturation, from: 11, share: times(20, 8.25) + times(20, 1)) == times(40, 11))
  }

  // MARK: WVA, the second rule, pools of 1,000 tokens

  /// One decision by itself, as above. A replica holds 800 tokens, or what it computes.
  @Test(arguments: [
    // 680 are 85 % of 800.
    ([0.68], [0], 0, 1), ([0.69], [0], 0, 2),
    // 1,400 tokens on four: 70 % of 2,000, so that 1,200 are left, one replica's and a half.
    (times4(0.35), times4(0), 0, 3), (times4(0.1), times4(0), 0, 1), (times4(0.5), times4(0), 0, 4),
    // Waiting prompts of 400 tokens: 900 + 10 × 400 at 85 % are 5,764.7, 4,964.7 more than 800: seven replicas.
    ([0.9], [10], 400, 8),
    // Nothing is known of prompts: requests that wait do not count.
    ([0.5], [4], 0, 1),
  ]) func wvaCountsTokens(shares: [Double], waiting: [Int], prompt: Int, then: Int) {
    var autoscaler = autoscaler(.wvaTokens)
    autoscaler.limits?.maxBatchedTokens = 1_000_000
    autoscaler.limits?.maxSequences = 1000
    var reading = FleetReading(present: shares.count)
    reading.reports = [
      shares.indices.map {
        ReplicaReport(replica: $0, waiting: waiting[$0], heldShare: shares[$0])
      }
    ]
    if prompt > 0 {
      reading.answered = AnsweredRequests(count: 2, promptTokens: 2 * prompt, outputTokens: 200)
    }
    let there = (0..<5).map { _ in autoscaler.replicas(reading) }
    #expect(there == times(4, shares.count) + [then] || then < shares.count && there.last == then)
  }

  /// Prompts of 400 and outputs of 100 tokens in a budget of 10 an iteration: 2 sequences of 450. Then 300 are seen while
  /// five wait, which holds for outputs of such a length.
  @Test func wvaLearnsWhatIsComputed() {
    var policy = WVATokens()
    var autoscaler = autoscaler(.wvaTokens)
    autoscaler.limits?.maxBatchedTokens = 10
    autoscaler.interval = SimDuration(rounding: 600)
    // Every decision counts by itself: its lengths are those of 300 s, and what it asks for is one of two in the window.
    func asks(_ share: Double, waiting: Int, output: Int) -> Int {
      let reading = FleetReading(
        present: 1,
        reports: [[ReplicaReport(replica: 0, waiting: waiting, heldShare: share)]],
        answered: AnsweredRequests(count: 1, promptTokens: 400, outputTokens: output))
      _ = policy.replicas(reading, of: autoscaler)
      var twice = policy
      return twice.replicas(reading, of: autoscaler)
    }
    // 765 = 85 % of 900, of which a pool has room for 800: 680.
    #expect(asks(0.68, waiting: 0, output: 100) == 1 && asks(0.69, waiting: 0, output: 100) == 2)
    // 300 in use and 5 × 400 are 2,300, at 85 % 2,705.9: nine of 300 are 2,700.
    #expect(asks(0.3, waiting: 5, output: 100) == 10)
    // 255 = 85 % of 300.
    #expect(asks(0.255, waiting: 0, output: 499) == 1 && asks(0.256, waiting: 0, output: 100) == 2)
    // Longer outputs: 10 · 500 ⁄ 900 = 5.6 sequences of 650, more than there is room for.
    #expect(asks(0.68, waiting: 0, output: 500) == 1)
  }

  // MARK: Dynamo's planner

  /// Tokens held and waiting, of pools of 1,000; replicas after one decision.
  @Test(arguments: [
    (ScalingRule.dynamo, [1000], [0], 1), (.dynamo, [900], [101], 2), (.dynamo, [0], [0], 1),
    (.dynamo, [599, 599], [0, 0], 1), (.dynamo, [599, 500], [0, 100], 2),
    (.dynamo, [0, 1001], [0, 0], 3),
    (.dynamoLatency, [400], [0], 1), (.dynamoLatency, [400], [1], 2),
    (.dynamoLatency, [99, 99], [0, 0], 1), (.dynamoLatency, [99, 100], [0, 0], 2),
  ]) func dynamoComparesTokens(rule: ScalingRule, held: [Int], waiting: [Int], then: Int) {
    var autoscaler = autoscaler(rule)
    let reports = held.indices.map {
      ReplicaReport(replica: $0, heldTokens: held[$0], waitingTokens: waiting[$0])
    }
    #expect(autoscaler.replicas(FleetReading(present: held.count, reports: [reports])) == then)
    // Another one starts: nothing is decided.
    #expect(
      autoscaler.replicas(FleetReading(present: held.count + 1, reports: [reports]))
        == held.count + 1)
  }

  /// What all replicas hold together, at decisions of 5 s; replicas start at once. A step of 2.5 pools adds one a decision, a
  /// burst goes with the next. Between 1 and 1.2 pools one replica is too few and two are too many: it never settles.
  @Test(arguments: [
    ([500] + times4(2500) + times4(1200), [1, 2, 3, 3, 3, 2, 2, 2, 2]),
    ([500, 1500, 500, 500], [1, 2, 1, 1]),
    ((1...8).map { 500 * $0 }, [1, 1, 2, 2, 3, 3, 4, 4]),
    (times4(1100), [2, 1, 2, 1]),
  ]) func dynamoAddsOneAtATime(held: [Int], there: [Int]) {
    var autoscaler = autoscaler(.dynamo)
    var present = 1
    let found = held.map { tokens in
      let reports = (0..<present).map {
        ReplicaReport(replica: $0, heldTokens: tokens / present)
      }
      present = autoscaler.replicas(FleetReading(present: present, reports: [reports]))
      return present
    }
    #expect(found == there)
  }

  /// 2 req/s a replica, decisions of 180 s: nothing before the first answer, then what was answered, at once.
  @Test func dynamoAsksForWhatWasAnswered() {
    var autoscaler = autoscaler(.dynamoSLA)
    var present = 4
    let there = [0, 720, 721, 1800, 0].map { count in
      present = autoscaler.replicas(
        FleetReading(
          arrived: 9999, present: present, reports: [[]],
          answered: AnsweredRequests(count: count)))
      return present
    }
    #expect(there == [4, 2, 3, 5, 1])
  }
}

private func times4<Value>(_ value: Value) -> [Value] { Array(repeating: value, count: 4) }
