import KVMemory

/// The micro-batch: who of those that the memory bears runs in this iteration.
extension TRTLLMScheduler {
  /// Gives out the tokens of the iteration, in the order of ``fitting``. What does not fit ends it; where prompts are cut,
  /// decodes go first and prompts share what they leave, each of which takes a place of the batch whether it gets any or
  /// not.
  mutating func fillMicroBatch(_ plan: inout IterationPlan) {
    var left = maxBatchedTokens
    var cut: [Int32] = []
    for sequence in fitting.prefix(maxSequences) {
      if standings[Int(sequence)].stage == .generates {
        guard left > 0 else { break }
        decodes.append(sequence)
        left -= 1
      } else if options.chunkedContext {
        cut.append(sequence)
      } else {
        let tokens = contextLeft(of: sequence)
        guard tokens <= left else { break }
        runContext(sequence, tokens: tokens, &plan)
        left -= tokens
      }
    }
    for sequence in cut {
      let tokens = chunk(of: contextLeft(of: sequence), within: left)
      guard tokens > 0 else { continue }
      runContext(sequence, tokens: tokens, &plan)
      left -= tokens
    }
  }

  /// Tokens of a context that are neither computed nor found.
  mutating func contextLeft(of sequence: Int32) -> Int {
    let state = sequences[Int(sequence)]
    guard standings[Int(sequence)].stage == .waits else {
      return Int(state.length - state.computedTokens)
    }
    lookUp(sequence, state)
    return Int(state.length) - found.tokens
  }

  /// The next chunk of a context: all that is left of it, or whole blocks.
  func chunk(of tokens: Int, within left: Int) -> Int {
    if tokens <= left { return tokens }
    return options.chunkedContext ? left / blockSize * blockSize : 0
  }
}
