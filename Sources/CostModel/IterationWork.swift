/// What an iteration asks of the hardware: the sizes its price depends on, and no request in it.
///
/// A value that is filled anew for each iteration; ``removeAll()`` keeps the storage.
package struct IterationWork: Equatable, Sendable {
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

  /// The most tokens that a token attends to in layers with a sliding window, itself included;
  /// `nil` without such layers.
  package let attendedMax: Int?
  /// The prompts (or chunks of prompts) in the batch.
  package var prefillChunks: [PrefillChunk] = []
  /// Sequences that decode one token each.
  package var decodeSequences = 0
  /// Tokens that the decode sequences attend to, summed, the token being computed included.
  package var decodeContextTokens = 0
  /// Of them, those that layers with a sliding window do not attend to, summed over the sequences.
  ///
  ///     sequence a   |░░░░░░░wwwwww▷|       ░ skipped: what lies before the window of each sequence;
  ///     sequence b          |ww▷|           a sum of maxima, not the maximum of a mean
  package var decodeSkippedTokens = 0
  /// Tokens that all sequences begin with and have computed, in the same blocks; 0 where nothing asks.
  package var sharedPrefixTokens = 0
  /// Draft tokens that the decode sequences verify beside their own: what they attend to is read once for all of them.
  package var draftTokens = 0
  /// Rows of the LM head: sequences whose next token is sampled, and drafts that are verified.
  package var sampledSequences = 0
  /// KV blocks copied on the device (copy-on-write).
  package var copiedBlocks = 0
  /// KV blocks moved from host to device.
  package var swappedInBlocks = 0
  /// KV blocks moved from device to host.
  package var swappedOutBlocks = 0

  /// - Parameter attendedMax: ``ModelSpec/attendedMax`` of the model that runs.
  package init(attendedMax: Int? = nil) { self.attendedMax = attendedMax }

  /// Tokens that pass through the linear layers: prompts, one for each decode sequence, and drafts.
  package var batchedTokens: Int {
    prefillChunks.reduce(decodeSequences + draftTokens) { $0 + $1.tokens }
  }

  /// Adds sequences of equal length that decode a token each.
  ///
  /// - Parameter contextTokens: What they attend to, summed, the tokens being computed included.
  @inline(__always)
  package mutating func decode(_ sequences: Int, contextTokens: Int) {
    decodeSequences += sequences
    decodeContextTokens += contextTokens
    if let attendedMax {
      decodeSkippedTokens += max(0, contextTokens - sequences * attendedMax)
    }
  }

  /// Adds what another rank does.
  package mutating func append(_ other: IterationWork) {
    prefillChunks += other.prefillChunks
    decodeSequences += other.decodeSequences
    decodeContextTokens += other.decodeContextTokens
    decodeSkippedTokens += other.decodeSkippedTokens
    draftTokens += other.draftTokens
    sampledSequences += other.sampledSequences
    copiedBlocks += other.copiedBlocks
    swappedInBlocks += other.swappedInBlocks
    swappedOutBlocks += other.swappedOutBlocks
  }

  /// Empties it for the next iteration.
  package mutating func removeAll() {
    // They are few, and `removeAll` takes as long as twenty.
    while !prefillChunks.isEmpty { prefillChunks.removeLast() }
    decodeSequences = 0
    decodeContextTokens = 0
    decodeSkippedTokens = 0
    sharedPrefixTokens = 0
    draftTokens = 0
    sampledSequences = 0
    copiedBlocks = 0
    swappedInBlocks = 0
    swappedOutBlocks = 0
  }
}

/// Iterations that follow each other and only decode, each sequence a token in each.
package struct SteadyDecode: Equatable, Sendable {
  package var sequences: Int
  /// Tokens that they attend to in the first iteration; each grows by a token.
  package var contextTokens: Int
  /// Of them, those that layers with a sliding window do not attend to.
  package var skippedTokens: Int
  /// By how many tokens these grow from one iteration to the next: sequences that fill their window.
  package var skippedGrowth: Int

  @inlinable package init(
    sequences: Int, contextTokens: Int, skippedTokens: Int = 0, skippedGrowth: Int = 0
  ) {
    self.sequences = sequences
    self.contextTokens = contextTokens
    self.skippedTokens = skippedTokens
    self.skippedGrowth = skippedGrowth
  }
}
