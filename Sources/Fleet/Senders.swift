import DequeModule
import Serving
import SimulationKernel
import Workload

/// Who sends the requests of a run.
///
///     open      each is sent when it is due
///     clients   |── request 0 ──|── request 2 ──| …       one in flight each: who has an answer sends the next
///               |── request 1 ────────|── 3 ──| …         request that is due
///     sessions  |── turn ──| think |── turn ──|           a turn is sent so long after the answer to the one before;
///                                                         a client then has one session each, to its end
///
/// Of what arrives at one instant, requests that wait for no answer come first.
///
/// - Source: `--max-concurrency` of `vllm bench serve`; closed-loop clients where all requests are due at
///   once; `--session-concurrency` of genai-perf.
struct Senders {
  private let requests: [Request]
  /// Clients with one request or session in flight each; `nil` for no limit.
  private let clients: Int?
  /// Turns that wait for answers; `nil` where none do.
  private let turns: SessionTurns?
  private let frontEnd: FrontEndProcess?
  /// The request that is sent next of those that wait for no answer, and where they end.
  private var next: Int
  private let end: Int
  /// Requests of clients on their way: when they were sent, and when an engine has them.
  private var onTheirWay: Deque<(sent: SimInstant, arrival: SimInstant)> = []
  /// Requests that have arrived, of those that wait for no answer.
  private var arrived: Int
  /// Turns whose session has its answer.
  private var thinking = EventQueue<RequestID>()

  /// - Parameters:
  ///   - range: Which of the requests are to be sent; at time zero every client is free.
  ///   - turns: Of all requests.
  init(
    _ requests: [Request], range: Range<Int>, clients: Int? = nil, turns: SessionTurns? = nil,
    frontEnd: FrontEndProcess? = nil
  ) {
    precondition(turns == nil || frontEnd == nil, "sessions reach engines without a front end")
    self.requests = requests
    self.clients = clients
    self.turns = turns
    self.frontEnd = frontEnd
    let starts = turns?.starts.indices ?? range
    next = starts.lowerBound
    end = starts.upperBound
    arrived = starts.lowerBound
    if let clients { send(min(clients, starts.count), at: .zero) }
  }

  /// The number of one of the requests that wait for no answer.
  private func start(_ index: Int) -> Int { turns?.starts[index] ?? index }

  /// When the next request arrives; ``SimInstant/distantFuture`` while every client and session waits for its answer, or
  /// all are sent.
  var nextArrival: SimInstant { min(nextStart, thinking.nextTime) }

  private var nextStart: SimInstant {
    if clients != nil { return onTheirWay.first?.arrival ?? .distantFuture }
    return arrived < end ? requests[start(arrived)].arrival : .distantFuture
  }

  /// Takes the next request off its way.
  ///
  /// - Returns: Its number, and when a client or session sent it.
  mutating func takeArrival() -> (request: RequestID, sent: SimInstant?) {
    if thinking.nextTime < nextStart, let (time, turn) = thinking.popFirst() { return (turn, time) }
    defer { arrived += 1 }
    return (RequestID(start(arrived)), clients == nil ? nil : onTheirWay.removeFirst().sent)
  }

  /// Who sent a request has its answer, or knows that it was turned away: its session goes on, else a client is free.
  mutating func answered(_ request: RequestID, at time: SimInstant) {
    if let turn = turns?.turn(after: Int(request)) {
      thinking.insert(turn.request, at: time + turn.thinkTime)
    } else if clients != nil {
      send(1, at: time)
    }
  }

  /// Clients are free and send: at once, or when the next request is due.
  private mutating func send(_ count: Int, at time: SimInstant) {
    for _ in 0..<min(count, end - next) {
      let sent = max(requests[start(next)].arrival, time)
      onTheirWay.append((sent, frontEnd?.pass(requestAt: sent) ?? sent))
      next += 1
    }
  }
}
