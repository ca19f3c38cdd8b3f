import CostModel

/// How workers were started where they prefill and decode apart, by the campaign's published recipes (srt-slurm,
/// `recipes/`), each matched by device, weights, lengths and workers.
extension ServingPoint {
  /// What a recipe sets for each rank; `nil` leaves it to the engine.
  struct Recipe {
    /// Most tokens of a prefilling iteration: `max_num_tokens`, or the less of `--max-prefill-tokens` and a rank's share of
    /// `--chunked-prefill-size`.
    var prefillTokens: Int?
    /// Most sequences that prefill: `max_batch_size`, or a rank's share of `--max-running-requests`.
    var prefillSequences: Int?
    /// Tokens that a prefilling rank keeps: `--max-total-tokens`.
    var prefillPool: Int?
    /// Most sequences that decode.
    var decodeSequences: Int?
    /// Tokens that a decoding rank keeps.
    var decodePool: Int?
  }

  /// `nil` where none is known.
  var recipe: Recipe? {
    if let publishedRecipe { return publishedRecipe }
    guard let split, campaign == .sweep, model.hasLatentAttention else { return nil }
    switch backend {
    case .sglang: return recipeOfSGLang(split)
    case .trtllm where device.name == "h100-sxm": return recipeOfTensorRT(split)
    case .trtllm, .vllm: return nil
    }
  }

  /// Whether tokens go to their experts by DeepEP: SGLang's recipes for 8-bit weights on GB200 have it wherever ranks share
  /// experts.
  func usesDeepEP(_ split: Split) -> Bool {
    backend == .sglang && device.name == "gb200" && weights == .fp8
      && split.prefill.dataParallel > 1
  }

  /// `recipes/trtllm/h100-fp8`: a server for each number of clients, of 6, 9, 30 and 60 those of 1, 2, 8 and 16 sequences a
  /// worker, which is the largest power of two below a worker's share.
  private func recipeOfTensorRT(_ split: Split) -> Recipe {
    let share = max(2, concurrency / split.decode.ranks)
    let hasLongPrompts = promptTokens > outputTokens
    return Recipe(
      prefillTokens: hasLongPrompts ? 8224 : 2048, prefillSequences: hasLongPrompts ? 1 : 2,
      decodeSequences: 1 << ((share - 1).bitWidth - 1 - (share - 1).leadingZeroBitCount))
  }

  private func recipeOfSGLang(_ split: Split) -> Recipe? {
    let (ranks, decodeRanks) = (split.prefill.dataParallel, split.decode.dataParallel)
    let hasLongPrompts = promptTokens > outputTokens
    switch (device.name, weights, hasLongPrompts) {
    case ("h200-sxm", .fp8, true):
      return Recipe(
        prefillTokens: 163_840, prefillSequences: 16, decodeSequences: 256 / decodeRanks)
    case ("b200", .fp8, true):
      return Recipe(
        prefillTokens: 8192, prefillSequences: 8 / ranks,
        decodeSequences: decodeRanks > 1 ? 128 : split.decode.workers > 1 ? 32 : nil)
    case ("b200", .nvfp4, false):
      return Recipe(
        prefillTokens: 32_768 / ranks,
        decodeSequences: (split.decode.workers == 1 ? 1024 : 512) / decodeRanks)
    case ("b200", .nvfp4, true):
      return Recipe(prefillTokens: (split.prefill.workers > 1 ? 65_536 : 32_768) / ranks)
    case ("gb200", .nvfp4, false) where ranks > 1:
      return Recipe(
        prefillTokens: 65_536 / ranks, prefillPool: 131_072,
        decodeSequences: 67_584 / decodeRanks, decodePool: 3_122_380)
    case ("gb200", .nvfp4, true) where split.prefill.workers > 1:
      return Recipe(
        prefillTokens: 131_072, prefillPool: 131_072,
        decodeSequences: 16_384 / decodeRanks, decodePool: 524_288)
    case ("gb200", .fp8, false) where ranks > 1:
      return Recipe(prefillTokens: 131_072 / ranks, prefillPool: 524_288)
    case ("gb200", _, false):
      return Recipe(prefillTokens: 8192, prefillPool: 8192)
    case ("gb200", _, true):
      return Recipe(prefillTokens: 24_576, prefillPool: 32_768)
    default: return nil
    }
  }
}
