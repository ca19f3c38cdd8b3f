import Messages
import SimulationKernel

/// What passes between the answer to a turn of a session and the turn behind it (`--session-think-time`): what a user thinks
/// or a tool takes.
package enum ThinkTime: Equatable, Sendable {
  /// The same before all turns, seconds.
  case fixed(Double)
  /// Drawn from an exponential distribution with this mean, seconds.
  case exponential(mean: Double)
  /// What the trace says (`think_time_s`).
  case trace
  /// Between the arrivals of both turns in the trace, as if answers had taken no time there.
  case gaps

  private static let exponentialName = "exponential:"

  /// - Throws: ``UserError`` for what is no think time.
  package init(_ text: String) throws(UserError) {
    switch text {
    case "trace": self = .trace
    case "gaps": self = .gaps
    default:
      let isDrawn = text.hasPrefix(Self.exponentialName)
      let number = isDrawn ? String(text.dropFirst(Self.exponentialName.count)) : text
      guard let seconds = Double(number), seconds >= 0, seconds <= Self.secondsMax,
        !isDrawn || seconds > 0
      else {
        throw UserError(
          "`--session-think-time` must be seconds, at most \(plain(Self.secondsMax)), `exponential:MEAN`, `trace` or "
            + "`gaps`, found `\(text)`")
      }
      self = isDrawn ? .exponential(mean: seconds) : .fixed(seconds)
    }
  }

  /// As ``init(_:)`` reads it.
  package var text: String {
    switch self {
    case .fixed(let seconds): plain(seconds)
    case .exponential(let mean): Self.exponentialName + plain(mean)
    case .trace: "trace"
    case .gaps: "gaps"
    }
  }

  private static var secondsMax: Double { 1e6 }
}

extension Trace {
  /// The same trace with a think time before each turn that stands behind another of its session, and no other
  /// (``RequestNotes/thinkTimes``).
  ///
  /// Draws come from the stream `think times` of `seed`, one a turn, in order.
  ///
  /// - Throws: ``UserError`` where no session has two turns, and where the trace does not say what it is asked for.
  package func thinking(_ thinkTime: ThinkTime, seed: UInt64) throws(UserError) -> Trace {
    var draws = RandomStream(seed: seed, label: "think times")
    var times = Array(repeating: RequestNotes.noThinkTime, count: requests.count)
    var lastTurns: [Int32: Int] = [:]
    for (index, request) in requests.enumerated() {
      guard let session = request.session else { continue }
      if let last = lastTurns.updateValue(index, forKey: session) {
        times[index] = try time(thinkTime, before: index, behind: last, &draws).nanoseconds
      }
    }
    guard times.contains(where: { $0 >= 0 }) else {
      throw UserError(
        "no session of `\(name)` has two turns, and `--session-think-time` is what passes between them",
        hint: "leave it out, or give a trace that tells its sessions, in CSV by `session_id`")
    }
    var trace = self
    trace.notes.thinkTimes = times
    return trace
  }

  private func time(
    _ thinkTime: ThinkTime, before index: Int, behind last: Int, _ draws: inout RandomStream
  ) throws(UserError) -> SimDuration {
    switch thinkTime {
    case .fixed(let seconds): return SimDuration(rounding: seconds)
    case .exponential(let mean): return SimDuration(rounding: draws.exponential(mean: mean))
    case .trace:
      if let time = notes.thinkTime(before: index) { return time }
      throw UserError(
        "`\(name)`: request \(index + 1) is a later turn of its session without a think time",
        hint:
          "give `--session-think-time` in seconds, or `gaps` for those between the arrivals of turns"
      )
    case .gaps:
      if hasArrivals { return requests[index].arrival - requests[last].arrival }
      throw UserError(
        "`\(name)` has no arrival times, and `--session-think-time gaps` takes those between them",
        hint: "give `--session-think-time` in seconds")
    }
  }
}
