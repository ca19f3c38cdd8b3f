/// What an iteration asks of the hardware: the sizes its price depends on, and no request in it.
///
/// A value that is filled anew for each iteration; ``removeAll()`` keeps the storage.
package struct IterationShape: Equatable, Sendable {
  /// A run of new tokens of one sequence that are computed together.
  ///
  ///     0            context            context + tokens
  ///     |── resident ──|── computed now ──|
  package struct PrefillChunk: Equatable, Sendable {
    /// Tokens computed in this iteration, at least 1.
    package var tokens: Int
    /// Tokens of the sequence that are resident already and attended to.
    package var contextTokens: Int

    @inlinable package init(tokens: Int, contextTokens: Int) {
      self.tokens = tokens
      self.contextTokens = contextTokens
    }
  }

  /// The prompts (or chunks of prompts) in the batch.
  package var prefillChunks: [PrefillChunk] = []
  /// Sequences that decode one token each.
  package var decodeSequences = 0
  /// Tokens that the decode sequences attend to, summed, the token being computed included.
  package var decodeContextTokens = 0
  /// Sequences whose next token is sampled: rows of the LM head.
  package var sampledSequences = 0
  /// KV blocks copied on the device (copy-on-write).
  package var copiedBlocks = 0
  /// KV blocks moved from host to device.
  package var swappedInBlocks = 0
  /// KV blocks moved from device to host.
  package var swappedOutBlocks = 0

  package init() {}

  /// Tokens that pass through the linear layers: prompts and one for each decode sequence.
  package var batchedTokens: Int {
    prefillChunks.reduce(decodeSequences) { $0 + $1.tokens }
  }

  /// Empties the shape for the next iteration.
  package mutating func removeAll() {
    // They are few, and `removeAll` takes as long as twenty.
    while !prefillChunks.isEmpty { prefillChunks.removeLast() }
    decodeSequences = 0
    decodeContextTokens = 0
    sampledSequences = 0
    copiedBlocks = 0
    swappedInBlocks = 0
    swappedOutBlocks = 0
  }
}
