/// A manager of the memory that a model keeps of its sequences, as one loop of iterations drives any of them
/// (`MemoryReplay`).
///
///     start ─▶ grow ─▶ grow ─▶ … ─▶ end        one sequence: a prompt in chunks, then a token each
///
/// Who holds which bytes is the manager's own business; what it says of them is a ledger whose classes sum to the pool.
package protocol ManagedMemory: Sendable {
  /// Of the pool.
  var bytes: Int { get }

  /// Tokens in whose multiples a part of a prompt ends, unless it ends the prompt.
  var chunkTokens: Int { get }

  /// Whether an empty pool holds the sequence to its end.
  func canHold(_ lengths: SequenceLengths) -> Bool

  /// Whether what a sequence holds of its prompt is there now.
  ///
  /// - Parameter keys: Of each of the manager's ``keyedBlocks``, the identities of full blocks and all before them; empty
  ///   where the trace does not say what its prompts consist of.
  func canStart(_ lengths: SequenceLengths, keys: [[UInt64]]) -> Bool

  /// Begins a sequence, after ``canStart(_:keys:)`` said yes.
  ///
  /// - Returns: Tokens of its prompt that are found in the prefix cache and count as computed.
  mutating func start(_ sequence: Int, _ lengths: SequenceLengths, keys: [[UInt64]]) -> Int

  /// Makes room for the tokens of an iteration.
  ///
  ///     0           computed        tokens
  ///     |── resident ──|── computed now ──|
  ///
  /// - Returns: Whether it is there; if not, nothing is taken.
  mutating func grow(_ sequence: Int, computed: Int, to tokens: Int) -> Bool

  /// Ends a sequence, or drops it to be computed again.
  mutating func end(_ sequence: Int)

  /// Where the bytes of the pool are.
  ///
  /// - Parameter headIsBlocked: Whether a sequence waits because it finds no room: what is free but of no use to it is then
  ///   external fragmentation.
  func ledger(headIsBlocked: Bool) -> WasteLedger

  /// Tokens of the blocks whose identities ``start(_:_:keys:)`` takes; none without a prefix cache.
  var keyedBlocks: [Int] { get }

  /// The first law that is broken, with the numbers, or `nil`.
  var brokenInvariant: String? { get }
}

extension ManagedMemory {
  package var chunkTokens: Int { 1 }
  package var keyedBlocks: [Int] { [] }
}

/// How long a sequence is.
package struct SequenceLengths: Equatable, Sendable {
  package var prompt: Int
  package var output: Int

  package init(prompt: Int, output: Int) {
    self.prompt = prompt
    self.output = output
  }

  /// Tokens that are computed in the end: the last output token never is.
  package var final: Int { prompt + output - 1 }
}

/// Layers of a model that keep the same of a sequence.
package struct KeptLayers: Equatable, Sendable {
  package var keeps: KVGroupKind
  package var layers: Int
  /// Of a token in all of the layers; of a state, all of it.
  package var bytes: Int

  package init(keeps: KVGroupKind, layers: Int, bytes: Int) {
    self.keeps = keeps
    self.layers = layers
    self.bytes = bytes
  }
}

extension [KeptLayers] {
  /// Bytes of a token in all layers that have tokens.
  package var tokenBytes: Int { reduce(0) { $0 + ($1.keeps.isState ? 0 : $1.bytes) } }
  /// Layers that do not read every token of a sequence, by what they read: those that read the same are one.
  package var sparse: [KeptLayers] {
    var kinds: [KeptLayers] = []
    for part in self where part.keeps != .all && !part.keeps.isState {
      if let same = kinds.firstIndex(where: { $0.keeps == part.keeps }) {
        kinds[same].layers += part.layers
        kinds[same].bytes += part.bytes
      } else {
        kinds.append(part)
      }
    }
    return kinds
  }

  /// Of layers that do not read every token, bytes of those that nothing to come reads.
  package func unreadBytes(computed: Int) -> Int {
    var bytes = 0
    // By index: a value that is copied out is retained and released.
    for index in indices { bytes += self[index].keeps.skipped(computed).count * self[index].bytes }
    return bytes
  }

  /// Bytes of the states of a sequence.
  package var stateBytes: Int { reduce(0) { $0 + ($1.keeps.isState ? $1.bytes : 0) } }
}
