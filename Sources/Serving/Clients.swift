import DequeModule
import SimulationKernel
import Workload

/// Clients with one request in flight each: who has an answer sends the next request that is due.
///
///     client 0   |── request 0 ──|── request 2 ──| …
///     client 1   |── request 1 ────────|── 3 ──| …
///
/// - Source: `--max-concurrency` of `vllm bench serve`; closed-loop clients where all requests are due at
///   once.
package struct Clients: Sendable {
  private let count: Int
  private let initialFrontEnd: FrontEnd
  private var frontEnd: FrontEnd
  private var requests: [Request] = []
  /// The request that is sent next, and where they end.
  private var next = 0
  private var end = 0
  /// Requests on their way: when they were sent, and when the engine has them.
  private var onTheirWay: Deque<(sent: SimInstant, arrival: SimInstant)> = []

  /// - Parameter count: At least 1.
  package init(_ count: Int, frontEnd: FrontEnd = FrontEnd()) {
    precondition(count > 0, "\(count) clients")
    self.count = count
    self.frontEnd = frontEnd
    initialFrontEnd = frontEnd
  }

  /// Everybody is free at time zero, and requests of `range` are to be sent.
  mutating func start(_ requests: [Request], range: Range<Int>) {
    self.requests = requests
    frontEnd = initialFrontEnd
    (next, end) = (range.lowerBound, range.upperBound)
    onTheirWay.removeAll()
    answered(min(count, range.count), at: .zero)
  }

  /// When the engine has the next request; `nil` while every client waits for its answer.
  var nextArrival: SimInstant? { onTheirWay.first?.arrival }

  /// Takes the next request off its way, and returns when it was sent.
  mutating func takeArrival() -> SimInstant { onTheirWay.removeFirst().sent }

  /// Clients have their answers and send on: at once, or when the next request is due.
  mutating func answered(_ clients: Int, at time: SimInstant) {
    for _ in 0..<min(clients, end - next) {
      let sent = max(requests[next].arrival, time)
      onTheirWay.append((sent, frontEnd.pass(requestAt: sent)))
      next += 1
    }
  }

  /// When the clients have the tokens of an iteration that ends at `time`.
  mutating func pass(tokens: Int, at time: SimInstant) -> SimInstant {
    frontEnd.pass(tokens: tokens, at: time)
  }
}
