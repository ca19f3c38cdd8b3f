import DequeModule
import Serving
import SimulationKernel
import Workload

/// Who sends the requests of a run.
///
///     open      each is sent when it is due
///     clients   |── request 0 ──|── request 2 ──| …       one in flight each: who has an answer sends the next
///               |── request 1 ────────|── 3 ──| …         request that is due
///
/// - Source: `--max-concurrency` of `vllm bench serve`; closed-loop clients where all requests are due at
///   once.
struct Senders {
  private let requests: [Request]
  /// Clients with one request in flight each; `nil` for no limit.
  private let clients: Int?
  private let frontEnd: FrontEndProcess?
  /// The request that is sent next, and where they end.
  private var next: Int
  private let end: Int
  /// Requests of clients on their way: when they were sent, and when an engine has them.
  private var onTheirWay: Deque<(sent: SimInstant, arrival: SimInstant)> = []
  /// Requests that have arrived.
  private(set) var arrived: Int

  /// - Parameter range: Which of the requests are to be sent; at time zero every client is free.
  init(
    _ requests: [Request], range: Range<Int>, clients: Int? = nil,
    frontEnd: FrontEndProcess? = nil
  ) {
    self.requests = requests
    self.clients = clients
    self.frontEnd = frontEnd
    next = range.lowerBound
    end = range.upperBound
    arrived = range.lowerBound
    if let clients { answered(min(clients, range.count), at: .zero) }
  }

  /// When the next request arrives; ``SimInstant/distantFuture`` while every client waits for its answer, or all
  /// are sent.
  var nextArrival: SimInstant {
    if clients != nil { return onTheirWay.first?.arrival ?? .distantFuture }
    return arrived < end ? requests[arrived].arrival : .distantFuture
  }

  /// Takes the next request off its way.
  ///
  /// - Returns: Its number, and when a client sent it.
  mutating func takeArrival() -> (request: RequestID, sent: SimInstant?) {
    defer { arrived += 1 }
    return (RequestID(arrived), clients == nil ? nil : onTheirWay.removeFirst().sent)
  }

  /// Clients have their answers and send on: at once, or when the next request is due.
  mutating func answered(_ count: Int, at time: SimInstant) {
    for _ in 0..<min(count, end - next) {
      let sent = max(requests[next].arrival, time)
      onTheirWay.append((sent, frontEnd?.pass(requestAt: sent) ?? sent))
      next += 1
    }
  }
}
