import KVMemory
import Workload

/// What a scheduler asks of a KV connector: which keys and values of a sequence are elsewhere, and what is moved.
///
///     schedule   match ▸ load (blocks are there) ▸ admit ▸ decide (what is stored)
///     output     takeIn (what a worker reports) ▸ complete (a sequence that has ended)
///
/// A connector decides and moves nothing; whoever runs the iterations moves what ``step`` says, and reports it.
///
/// - Source: the scheduler side of `KVConnectorBase_V1` in vLLM 0.33.
package protocol KVConnector: Sendable {
  /// Whether others may read blocks while iterations run: those of a sequence that is complete then stay until the last
  /// iteration that uses them has ended, which differs where iterations are decided ahead only.
  var defersFrees: Bool { get }

  /// What was decided since the last iteration began.
  var step: KVTransferStep { get }

  /// Whether transfers are under way.
  var hasTransfers: Bool { get }

  /// Whether something else begins when a transfer has ended, whoever waits for it.
  var goesOn: Bool { get }

  /// An iteration is decided.
  mutating func begin()

  /// The tokens of a waiting sequence that are elsewhere.
  ///
  /// - Parameter found: Its tokens that the prefix cache holds.
  /// - Returns: `nil` if it is not known yet: the sequence lets others pass.
  mutating func match<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, found: Int, in memory: inout Memory
  ) -> ExternalTokens?

  /// A sequence got the blocks for its external tokens.
  mutating func load<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, found: Int, _ external: ExternalTokens, in memory: inout Memory)

  /// A sequence runs in this iteration for the first time since it waited.
  mutating func admit<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, in memory: inout Memory)

  /// Who runs in this iteration is decided.
  mutating func decide<Memory: TokenBudgetMemory>(
    _ iteration: ConnectedIteration, in memory: inout Memory)

  /// Whether it has nothing to do in iterations that decode a sequence, but to know the blocks that this takes.
  func ignoresDecodes(of sequence: ConnectedSequence) -> Bool

  /// A sequence whose decodes were ignored is looked at again.
  mutating func catchUp<Memory: TokenBudgetMemory>(on sequence: Int32, in memory: inout Memory)

  mutating func takeIn(_ report: KVTransferReport)

  /// Nobody else computes the prompts of these requests, which will come.
  mutating func computeHere(_ requests: [RequestID])

  /// A sequence begins again: what is known of it is forgotten.
  mutating func withdraw(_ sequence: ConnectedSequence)

  /// Takes the sequences that wait for tokens of another engine, since this was last asked.
  mutating func takePulls() -> [IterationPlan.Admitted]

  /// A sequence is complete.
  ///
  /// - Returns: Whether its blocks stay until a report names it as sent.
  mutating func complete(_ sequence: ConnectedSequence) -> Bool
}

extension KVConnector {
  /// ``step``, without a copy of the connector.
  package mutating func currentStep() -> KVTransferStep { step }

  package var goesOn: Bool { false }
  package func ignoresDecodes(of sequence: ConnectedSequence) -> Bool { false }
  package mutating func catchUp<Memory: TokenBudgetMemory>(
    on sequence: Int32, in memory: inout Memory
  ) {}
  package mutating func takePulls() -> [IterationPlan.Admitted] { [] }
  package mutating func computeHere(_ requests: [RequestID]) {}
  package mutating func withdraw(_ sequence: ConnectedSequence) {}
}

/// A sequence as connectors see it.
package struct ConnectedSequence: Equatable, Sendable {
  package var number: Int32
  package var request: RequestID
  package var promptTokens: Int
  /// Prompt and output so far.
  package var length: Int

  init(_ number: Int32, _ state: TokenBudgetSequence) {
    self.number = number
    request = state.request
    promptTokens = Int(state.promptTokens)
    length = Int(state.length)
  }
}

/// Who runs in an iteration, as connectors see it.
package struct ConnectedIteration: Sendable {
  /// In order, each with the tokens that it has computed after the iteration; without those whose decodes are ignored.
  var scheduled: [(sequence: ConnectedSequence, computed: Int)] = []
  /// Blocks that those took.
  var taken: [BlockID] = []
  var preempted: [Int32] = []
  /// Sequences that were complete before the iteration, and after the one before it.
  var completed: [ConnectedSequence] = []
}

/// Tokens of a waiting sequence, behind those that the prefix cache holds, that are elsewhere.
package struct ExternalTokens: Equatable, Sendable {
  package var count = 0
  /// Whether the sequence waits for them while iterations run; otherwise they are there with the iteration that admits it.
  package var isAsynchronous = false
  /// The first of them, which the sequence computes itself while the others come: it runs, and does not wait. Where none
  /// come, those that would have.
  package var computed = 0
  /// Those that the tier had to fetch from the one below it.
  package var below = 0

  /// Whether a part is computed while the other comes.
  var isSplit: Bool { count > 0 && computed > 0 }
  /// Whether the sequence waits with its blocks until they have come.
  var areWaitedFor: Bool { isAsynchronous && !isSplit }
  /// Those that count as computed when the sequence runs first.
  var present: Int { isSplit ? 0 : count }
  /// Those that come.
  var loaded: Int { isSplit ? count - computed : count }
}

/// What a connector lets move in an iteration.
package struct KVTransferStep: Equatable, Sendable {
  /// Sequences that wait from now on for tokens: their numbers, with those found and those that come.
  package var loading: [IterationPlan.Admitted] = []
  package var jobs: [KVTransferJob] = []
  /// Jobs that have to be done before the iteration runs.
  package var flushed: [Int32] = []
  /// Sequences that are complete and whose blocks stay until they are sent.
  package var delayed: [Int32] = []
  /// Sequences whose completion the connector has seen.
  package var seen: [Int32] = []
}

/// Blocks that are copied to or from a tier, or chunks between tiers.
package struct KVTransferJob: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    case store
    case load(isAsynchronous: Bool)
    /// To a tier below the one that the device reaches, and back.
    case cascade
    case promotion
  }

  package var number: Int32
  package var kind: Kind
  package var sequence: Int32
  package var request: RequestID
  /// Places in the tier.
  package var chunks: [ChunkTier.Place]
  /// None between tiers.
  package var blocks: [BlockID]
}

/// What a worker reports with the output of an iteration.
package struct KVTransferReport: Equatable, Sendable {
  /// Jobs that are done.
  package var done: [Int32] = []
  /// Sequences whose external tokens have come, the failed ones too.
  package var received: [Int32] = []
  /// Sequences of which nothing has come.
  package var failed: [Int32] = []
  /// Blocks whose content did not come.
  package var invalidBlocks: [BlockID] = []
  /// Sequences whose blocks were sent.
  package var sent: [Int32] = []

  package init() {}
}
