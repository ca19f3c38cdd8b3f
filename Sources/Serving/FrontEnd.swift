import SimulationKernel

/// The server process between closed-loop clients and the engine: tokenises prompts, streams tokens.
///
/// One process, one thing at a time, in the order in which it is handed them. What waits here is part of the
/// clients' latency and of no iteration; requests that are sent together reach the engine one by one.
///
///     client   ──request──▶ ┌───────────┐ ──▶ engine
///     client   ◀──tokens─── └───────────┘ ◀──
package struct FrontEnd: Equatable, Sendable {
  /// Time over a request before the engine has it.
  package var requestTime = SimDuration.zero
  /// Time over an output token before its client has it.
  package var tokenTime = SimDuration.zero

  package init(requestTime: SimDuration = .zero, tokenTime: SimDuration = .zero) {
    self.requestTime = requestTime
    self.tokenTime = tokenTime
  }

  /// The process at work; `nil` if nothing takes time in it.
  package var process: FrontEndProcess? {
    requestTime > .zero || tokenTime > .zero ? FrontEndProcess(self) : nil
  }
}

/// A front end at work, shared by those who send and the engines that answer.
package final class FrontEndProcess {
  private let times: FrontEnd
  /// When the process is done with what it has.
  private var free = SimInstant.zero

  init(_ times: FrontEnd) { self.times = times }

  /// When an engine has a request that is sent at `time`.
  package func pass(requestAt time: SimInstant) -> SimInstant {
    guard times.requestTime > .zero else { return time }
    free = max(free, time) + times.requestTime
    return free
  }

  /// When the clients have the tokens of an iteration that ends at `time`.
  func pass(tokens: Int, at time: SimInstant) -> SimInstant {
    guard times.tokenTime > .zero else { return time }
    free = max(free, time) + SimDuration(nanoseconds: times.tokenTime.nanoseconds * Int64(tokens))
    return free
  }

  /// Forgets what it has, at time zero.
  package func restart() { free = .zero }
}
