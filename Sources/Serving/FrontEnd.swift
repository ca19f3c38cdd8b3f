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
  /// When the process is done with what it has.
  private var free = SimInstant.zero

  package init(requestTime: SimDuration = .zero, tokenTime: SimDuration = .zero) {
    self.requestTime = requestTime
    self.tokenTime = tokenTime
  }

  /// When the engine has a request that is sent at `time`.
  mutating func pass(requestAt time: SimInstant) -> SimInstant {
    guard requestTime > .zero else { return time }
    free = max(free, time) + requestTime
    return free
  }

  /// When the clients have the tokens of an iteration that ends at `time`.
  mutating func pass(tokens: Int, at time: SimInstant) -> SimInstant {
    guard tokenTime > .zero else { return time }
    free =
      max(free, time) + SimDuration(nanoseconds: tokenTime.nanoseconds * Int64(tokens))
    return free
  }
}
