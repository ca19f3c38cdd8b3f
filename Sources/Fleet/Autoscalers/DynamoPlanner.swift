extension ScalingRule {
  package static let dynamo = ScalingRule(
    name: "dynamo",
    summary:
      "adds one when the tokens held and waiting are more than any replica's pool has room for, lets one go when all are "
      + "below 60 %, and decides nothing while one starts",
    period: 5, reads: .reports(1), target: .own, removal: .kill,
    make: { DynamoLoad(more: 1.0, fewer: 0.6) })

  package static let dynamoLatency = ScalingRule(
    name: "dynamo-latency",
    summary:
      "adds one when the tokens held and waiting are more than 40 % of what any replica's pool has room for, lets one go "
      + "when all are below 10 %, and decides nothing while one starts",
    period: 5, reads: .reports(1), target: .own, removal: .kill,
    make: { DynamoLoad(more: 0.4, fewer: 0.1) })

  package static let dynamoSLA = ScalingRule(
    name: "dynamo-sla",
    summary: "asks for the rate at which requests were answered by the target",
    period: 180, reads: .reports(1), removal: .kill, make: { DynamoThroughput() })
}

/// The load loop of Dynamo's planner for engines that prefill and decode, with the thresholds of its targets `throughput`, which
/// is its default, and `latency`.
///
/// - Source: `_agg_easy_decision` and `_advance_load_agg` in `components/src/dynamo/planner/core/load_scaling.py`, the interval
///   of 5 s in `config/defaults.py`; that a replica is let go without being drained, `reference/systems-scheduling.md` §9 (a
///   summary). Ours: tokens held are those of prompts being computed too, and requests that were preempted count with what
///   they hold.
struct DynamoLoad: ScalingPolicy {
  /// Shares of a pool.
  let more: Double
  let fewer: Double

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    let n = fleet.present
    guard !fleet.isInTransition else { return n }
    let shares = fleet.now.map {
      Double($0.heldTokens + $0.waitingTokens) / Double(autoscaler.knownLimits.kvTokens)
    }
    if shares.contains(where: { $0 > more }) { return n + 1 }
    return n > 1 && shares.allSatisfy { $0 < fewer } ? n - 1 : n
  }
}

/// The throughput loop of Dynamo's planner with its constant predictor: as many requests are expected as were answered in the
/// last interval, ⌈rate ⁄ what an engine sustains⌉.
///
/// The planner's predictor is ARIMA unless another is asked for; which model it fits is not simulated. What an engine
/// sustains within TTFT and TPOT it takes from a profile, at the lengths of the last interval; here from simulation, at those
/// of the trace (the target). Ours: a later interval without answers asks for the least.
///
/// - Source: `_throughput_agg` in `core/throughput_scaling.py`, `ConstantPredictor` in `core/load/predictors.py`, the interval of
///   180 s in `config/defaults.py`, of `components/src/dynamo/planner`; requests count when they are answered, `Drop for
///   InflightGuard` in `lib/llm/src/http/service/metrics.rs`.
struct DynamoThroughput: ScalingPolicy {
  /// Whether any was answered: nothing is decided in the idle time at the start.
  private var hasBegun = false

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    hasBegun = hasBegun || fleet.answered.count > 0
    guard hasBegun else { return fleet.present }
    return Self.rounded(autoscaler.replicas(forRateOf: Double(fleet.answered.count)))
  }
}
