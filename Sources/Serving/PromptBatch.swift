/// The prompts that an iteration has taken so far.
///
///     padded    |── 40 ──|░░░░░░░|      count = 2, longest = 60, sum = 100
///               |────── 60 ──────|      padded = 120, paddings = 20
struct PromptBatch {
  private(set) var count = 0
  /// Tokens of the longest prompt.
  private(set) var longest = 0
  /// Tokens of all prompts, without padding.
  private(set) var sum = 0

  var padded: Int { count * longest }

  var isEmpty: Bool { count == 0 }

  /// The batch with one more prompt.
  func adding(_ tokens: Int) -> PromptBatch {
    var batch = self
    batch.count += 1
    batch.longest = max(longest, tokens)
    batch.sum += tokens
    return batch
  }

  /// Tokens that count against `--max-num-batched-tokens`.
  func batchedTokens(_ budget: VLLM02Options.PromptBudget) -> Int {
    switch budget {
    case .summed: sum
    case .padded: padded
    }
  }

  /// Whether the padding stays within its limit, if there is one.
  func keepsPaddings(_ budget: VLLM02Options.PromptBudget) -> Bool {
    switch budget {
    case .summed: true
    case .padded(let maxPaddings): padded - sum <= maxPaddings
    }
  }
}
