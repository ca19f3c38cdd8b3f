import KVMemory
import Workload

/// Prefill and decode apart: prompts come with keys and values that another engine has computed, or are computed for one.
///
///     prefill side   | prompt ▸ first token | blocks stay …… sent |
///     decode side              | waits with blocks …… received |  last token ▸ decode …
///
/// - Source: the scheduler of vLLM 0.33 with a connector that loads whole requests (NIXL does), by the rules beside its
///   recorded step traces.
package struct RemoteKVConnector: KVConnector {
  /// What is known of a request's keys and values elsewhere.
  package struct Request: Equatable, Sendable {
    /// Tokens of the prompt whose keys and values another engine has.
    package var remoteTokens = 0
    /// Whether the sequence waits for them while iterations run.
    package var isAsynchronous = true
    /// How often it is not known yet whether they are there.
    package var unknownTimes = 0
    /// Whether another engine waits for its blocks once it is complete.
    package var isSent = false

    package init() {}
  }

  package let defersFrees: Bool
  package private(set) var step = KVTransferStep()
  private var requests: [Request]
  /// Sequences that have loaded once: they compute the rest themselves.
  private var loaded: Set<Int32> = []
  private var sending: Set<Int32> = []
  /// Sequences that wait for tokens since ``takePulls()`` was last asked.
  private var pulls: [IterationPlan.Admitted] = []

  /// - Parameter requests: By request.
  package init(_ requests: [Request], defersFrees: Bool) {
    self.requests = requests
    self.defersFrees = defersFrees
  }

  /// The connector of a replica that serves a part of its requests; `nil` for all of them.
  init?(_ role: ReplicaRole, _ requests: RunRequests) {
    guard role != .both else { return nil }
    // Others read its blocks while iterations run.
    self.init(
      requests.requests.map { request in
        var remote = Request()
        remote.isSent = role == .prefill
        if role == .decode { remote.remoteTokens = Int(request.promptTokens) }
        return remote
      }, defersFrees: true)
  }

  package var hasTransfers: Bool { !sending.isEmpty }

  package mutating func begin() { step = KVTransferStep() }

  package mutating func match<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, found: Int, in memory: inout Memory
  ) -> ExternalTokens? {
    let request = requests[Int(sequence.request)]
    if loaded.contains(sequence.number) { return ExternalTokens() }
    if request.unknownTimes > 0 {
      requests[Int(sequence.request)].unknownTimes -= 1
      return nil
    }
    let count = max(request.remoteTokens - found, 0)
    return ExternalTokens(count: count, isAsynchronous: count > 0 && request.isAsynchronous)
  }

  package mutating func load<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, found: Int, _ external: ExternalTokens, in memory: inout Memory
  ) {
    loaded.insert(sequence.number)
    guard external.isAsynchronous else { return }
    let pull = IterationPlan.Admitted(
      request: sequence.request, cachedTokens: Int32(found), externalTokens: Int32(external.count))
    step.loading.append(pull)
    pulls.append(pull)
  }

  package mutating func computeHere(_ requests: [RequestID]) {
    for request in requests { self.requests[Int(request)].remoteTokens = 0 }
  }

  package mutating func withdraw(_ sequence: ConnectedSequence) {
    loaded.remove(sequence.number)
    sending.remove(sequence.number)
    pulls.removeAll { $0.request == sequence.request }
  }

  package mutating func takePulls() -> [IterationPlan.Admitted] {
    defer { pulls.removeAll(keepingCapacity: true) }
    return pulls
  }

  package mutating func admit<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, in memory: inout Memory
  ) {}

  package mutating func decide<Memory: TokenBudgetMemory>(
    _ iteration: ConnectedIteration, in memory: inout Memory
  ) {
    step.seen = iteration.completed.map(\.number)
  }

  package mutating func takeIn(_ report: KVTransferReport) { sending.subtract(report.sent) }

  package mutating func complete(_ sequence: ConnectedSequence) -> Bool {
    loaded.remove(sequence.number)
    guard requests[Int(sequence.request)].isSent else { return false }
    sending.insert(sequence.number)
    step.delayed.append(sequence.number)
    return true
  }
}
