import KVMemory

/// What one pass of SGLang's loop launches.
package struct SGLangBatch: Equatable, Sendable {
  package enum Kind: String, Sendable { case prefill, decode, mixed }

  package struct Row: Equatable, Sendable {
    package var request: RequestID
    /// Tokens with keys and values before.
    package var before: Int32
    /// Tokens that are computed.
    package var tokens: Int32
    /// Whether it is a prompt, or a part of one, and not a decode.
    var isExtend: Bool
    /// Those of the tokens that are drafts.
    var drafts: Int32 = 0
  }

  package var kind: Kind
  package internal(set) var rows: [Row]
  /// Decodes before those of ``rows``, of requests that are not listed.
  var cruising = 0
  /// The request whose prompt goes on in a later pass.
  var chunked: RequestID?

  package var tokens: Int { rows.reduce(0) { $0 + Int($1.tokens) } }
}

/// What else a pass did.
package struct SGLangPass: Sendable {
  /// Requests from the waiting queue, with the tokens found of each.
  package internal(set) var admitted: [IterationPlan.Admitted] = []
  /// Requests that gave up their slots for want of room, with the tokens that each had generated.
  package internal(set) var retracted: [GivenUp] = []
  /// The same, for a better request's sake.
  package internal(set) var preempted: [GivenUp] = []
  /// What came back from the host.
  package internal(set) var loaded: [LoadedBack] = []
  /// Free slots once those of the batch are taken.
  package internal(set) var freeAfterAllocation = 0
  /// Slots that the pool lacks for what runs; the server dies of it.
  package internal(set) var missing: Int?

  /// Empties it for the next pass, and keeps its storage.
  mutating func clear() {
    admitted.clear()
    retracted.clear()
    preempted.clear()
    loaded.clear()
    freeAfterAllocation = 0
    missing = nil
  }

  /// A request that is complete.
  package struct Completed: Equatable, Sendable {
    package var request: RequestID
    package var generatedTokens: Int32
  }

  /// Tokens of a request that come back from the host, down to a node of the tree.
  package struct LoadedBack: Equatable, Sendable {
    package var request: RequestID
    var node: RadixTree.NodeID
    package var tokens: Int
  }

  /// A request that gave up its slots.
  package struct GivenUp: Equatable, Sendable {
    package var request: RequestID
    package var generatedTokens: Int32
    var blocks: Int
    var computedTokens: Int32
  }
}
