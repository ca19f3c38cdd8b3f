import CostModel

extension ServingSystem {
  /// vLLM 0.2.
  ///
  /// - Source: vLLM 0.2, for the defaults too.
  package static let vllm02 = ServingSystem(
    name: "vllm-0.2",
    summary: "paged KV with copy-on-write and watermark; prompt-only or decode-only iterations",
    releases: VLLM02Release.allCases.map(\.rawValue),
    capabilities: Capabilities(isPaged: true, swaps: true),
    defaults: { _ in
      Defaults(
        maxSequences: 256, maxBatchedTokens: 2560, gpuMemoryUtilization: 0.90, swapSpaceGiB: 4)
    },
    configure: { choices, settings in
      settings.vllm02 = VLLM02Options(choices.release.flatMap(VLLM02Release.init) ?? .v027)
    },
    make: { $0.replica(PromptOrDecodeScheduler(requests: $0.requests, settings: $0.settings)) })
}

extension EngineSettings {
  /// What differs between the releases of `vllm-0.2`.
  package var vllm02: VLLM02Options {
    get { self[VLLM02Options.self] }
    set { self[VLLM02Options.self] = newValue }
  }
}

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
package struct VLLM02Options: SystemOptions {
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

  /// The newest release.
  package init() { self.init(.v027) }

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
