import CostModel
import KVMemory

extension ServingSystem.Defaults {
  /// vLLM's own, of its server.
  ///
  /// | device memory | release | tokens | sequences |
  /// |---|---|---|---|
  /// | any | 0.6, 0.7 | the longest sequence, at least 2,048; 2,048 where that is above 32,768 | 256 |
  /// | 70 GiB or more, no A100 | 0.8 on | 8,192 | 1,024 |
  /// | 160 GiB or more | 0.28 on | 16,384 | 1,024 |
  /// | else | 0.8 on | 2,048 | 256 |
  ///
  /// - Source: `get_batch_defaults` of `engine/arg_utils.py` and `config/cache.py` in vLLM's wheels 0.6.6 to 0.33.
  static func vllm(_ known: ServingSystem.DefaultsCase) -> Self {
    let release = VLLMRelease.of(known.release)
    let gibibytes = Double(known.device?.memoryBytes ?? 0) / Double(1 << 30)
    let isA100 = known.device?.name.hasPrefix("a100") ?? false
    let isLarge = release >= .largeBatches && gibibytes >= 70 && !isA100
    let isLargest = release >= .largestBatches && gibibytes >= 160
    let cutsPrompts = release >= .v1Engine || (known.modelLength ?? 0) > 32_768
    var defaults = Self(
      maxSequences: isLarge ? 1024 : 256,
      maxBatchedTokens: isLargest ? 16_384 : isLarge ? 8192 : 2048,
      gpuMemoryUtilization: release >= .countsGraphs ? 0.92 : 0.90,
      prefixCaching: release >= .v1Engine, chunkedPrefill: cutsPrompts,
      longPrefillTokenThreshold: V1Options().longPrefillTokenThreshold)
    defaults.sequencesWithinTokens = release >= .sequencesWithinTokens
    defaults.tokensWithinSequences = release >= .tokensWithinSequences
    return defaults
  }
}

extension V1Options {
  /// The options with which a release schedules unless it is told otherwise.
  ///
  /// 0.10 and 0.33 are replayed step for step (``V1Replay``), 0.33 with several groups of layers too; what changed between
  /// them and is decided here stands in vLLM's source. Not simulated: connectors other than those of
  /// `--kv-offloading-size` and `role=`; before 0.31 the limit on long prompts holds for a request that is alone too.
  package init(_ release: VLLMRelease) {
    reserveFullISL = release >= .wholePromptAdmission
    freeQueueRule = release >= .unhashedFirst ? .unhashedFirst : .allAtTail
    retention = release >= .keysByNeed ? .boundaries : .dense
    countsInFlight = release >= .countsInFlight
  }
}

extension VLLMRelease {
  /// The releases whose scheduler is replayed step for step.
  package static let v010 = VLLMRelease(0, 10)
  package static let v033 = VLLMRelease(0, 33)

  /// The release that a setting names.
  ///
  /// - Precondition: ``ServingSystem/knows(release:)`` of `vllm-v1`.
  static func of(_ text: String?) -> VLLMRelease {
    guard let text, let release = VLLMRelease(text) else {
      preconditionFailure("VLLMRelease: `\(text ?? "none")` was not checked")
    }
    return release
  }
}

extension EngineOverheads {
  /// What the measured release nearest to `release` adds to its kernels.
  static func of(_ release: VLLMRelease) -> EngineOverheads {
    if release >= .asynchronous { return .vllm019 }
    return release >= VLLMRelease(0, 12, 0) ? .vllm012 : .vllm011
  }
}
