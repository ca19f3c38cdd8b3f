import SimulationKernel

extension ScalingRule {
  package static let rayServe = ScalingRule(
    name: "ray-serve",
    summary:
      "asks for requests that run or wait, in the mean of 30 s, by the target, and acts when 30 s in a row asked for "
      + "more or 600 s for fewer",
    period: 10, reads: .reports(1), target: .requests(2), make: { RayServe() })
}

/// Ray Serve's `default_autoscaling_policy`: ⌈ongoing requests ⁄ target⌉, once it has been asked for long enough.
///
///     asks for   1 3 3 2 3 4        decisions of 10 s: four in a row that ask for more are 30 s
///     there      1 1 1 1 3 3        what the fourth asks for; a decision the other way, or for what there is, starts anew
///
/// Replicas push what they have every 10 s (`metrics_interval_s`), and the mean is over 30 s (`look_back_period_s`). The
/// controller decides every 0.1 s, on numbers that change with a push alone: here it decides with the push, so that it acts up
/// to 10 s later where a decision falls between two. Not simulated: `max_ongoing_requests`, 5, beyond which a replica takes
/// none and requests wait at the handle; and that a replica that drains is ended after 20 s.
///
/// - Source: `python/ray/serve/autoscaling_policy.py` (`_core_replica_queue_length_policy`, `_apply_delay_logic`),
///   `config.py` (`AutoscalingConfig`) and `_private/constants.py` of Ray.
struct RayServe: ScalingPolicy {
  /// Requests that ran or waited in the last reports, the newest last.
  private var ongoing: [Int] = []
  /// Decisions in a row that asked for more, or negative, for fewer.
  private var inARow = 0

  private static let (lookBackSeconds, upSeconds, downSeconds) = (30.0, 30.0, 600.0)

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    let n = fleet.present
    ongoing.append(fleet.now.reduce(0) { $0 + $1.running + $1.waiting })
    let looks = autoscaler.decisions(in: Self.lookBackSeconds)
    ongoing.removeFirst(max(0, ongoing.count - looks))
    let mean = Double(ongoing.reduce(0, +)) / Double(ongoing.count)
    let wanted = autoscaler.within(Self.rounded(mean / autoscaler.targetRequests))
    guard wanted != n else {
      inARow = 0
      return n
    }
    let isMore = wanted > n
    if isMore != (inARow > 0) { inARow = 0 }
    inARow += isMore ? 1 : -1
    let delay = isMore ? Self.upSeconds : Self.downSeconds
    guard abs(inARow) > Int(delay / autoscaler.interval.seconds) else { return n }
    inARow = 0
    return wanted
  }
}
