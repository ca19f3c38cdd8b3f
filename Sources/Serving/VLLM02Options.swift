/// A release of vLLM 0.2 whose scheduler is known step for step.
package enum VLLM02Release: String, CaseIterable, Sendable {
  case v020 = "0.2.0"
  case v027 = "0.2.7"
}

/// What differs between the releases of vLLM 0.2, each difference a setting of its own.
///
/// | setting | 0.2.0 | 0.2.7 |
/// |---|---|---|
/// | ``promptBudget`` | tokens of the prompts | tokens with padding, and padding is limited |
/// | ``rejectsPromptsBeyondPool`` | no: such a prompt waits for ever | yes |
///
/// - Source: `README.md` beside the goldens of `vllm-0.2`, which records both releases.
package struct VLLM02Options: Equatable, Sendable {
  /// How the prompts of an iteration count against `--max-num-batched-tokens`.
  package enum PromptBudget: Equatable, Sendable {
    /// Their tokens, summed; prompts are computed without padding (0.2.0).
    case summed
    /// Every prompt as long as the longest, and at most `maxPaddings` of those tokens padding
    /// (0.2.7, `--max-paddings`). The padding is computed too, so it costs time.
    case padded(maxPaddings: Int)
  }

  package var promptBudget: PromptBudget
  /// Drop a prompt that does not fit an empty pool with its watermark free (0.2.7).
  ///
  /// Without it (0.2.0) the engine waits for ever; we waive the watermark for a request that is
  /// alone, unless ``EngineSettings/repeatsEngineDefects`` is set.
  package var rejectsPromptsBeyondPool: Bool

  /// `--max-paddings` unless the user says otherwise, in tokens.
  package static let defaultMaxPaddings = 256

  /// The settings that make up a release.
  package init(_ release: VLLM02Release) {
    switch release {
    case .v020:
      promptBudget = .summed
      rejectsPromptsBeyondPool = false
    case .v027:
      promptBudget = .padded(maxPaddings: Self.defaultMaxPaddings)
      rejectsPromptsBeyondPool = true
    }
  }
}

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
