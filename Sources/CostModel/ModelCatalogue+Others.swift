import KVMemory

/// Qwen, Gemma, Phi and Yi.
extension ModelCatalogue {
  /// Qwen2.5's configuration carries a sliding window that is switched off. ffn and vocabulary of
  /// Qwen2.5 not checked.
  ///
  /// Qwen-14B, Qwen2.5-0.5B, 1.5B and Qwen3-14B from their configurations, from memory: parameters come out as published.
  static let qwen: [ModelSpec] = [
    ModelSpec(
      name: "qwen-14b",
      aliases: ["Qwen/Qwen-14B", "Qwen/Qwen-14B-Chat"],
      layers: 40, hidden: 5120, heads: 40, kvHeads: 40, headDim: 128, ffn: 13696,
      vocab: 152_064, maxPositions: 8192),
    ModelSpec(
      name: "qwen2.5-0.5b",
      aliases: ["Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B-Instruct"],
      layers: 24, hidden: 896, heads: 14, kvHeads: 2, headDim: 64, ffn: 4864,
      vocab: 151_936, maxPositions: 32768, tiedEmbeddings: true),
    ModelSpec(
      name: "qwen2.5-1.5b",
      aliases: ["Qwen/Qwen2.5-1.5B", "Qwen/Qwen2.5-1.5B-Instruct"],
      layers: 28, hidden: 1536, heads: 12, kvHeads: 2, headDim: 128, ffn: 8960,
      vocab: 151_936, maxPositions: 32768, tiedEmbeddings: true),
    ModelSpec(
      name: "qwen2.5-7b",
      aliases: ["Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B-Instruct"],
      layers: 28, hidden: 3584, heads: 28, kvHeads: 4, headDim: 128, ffn: 18944,
      vocab: 152_064, maxPositions: 32768),
    ModelSpec(
      name: "qwen2.5-72b",
      aliases: ["Qwen/Qwen2.5-72B", "Qwen/Qwen2.5-72B-Instruct"],
      layers: 80, hidden: 8192, heads: 64, kvHeads: 8, headDim: 128, ffn: 29568,
      vocab: 152_064, maxPositions: 32768),
    ModelSpec(
      name: "qwen3-8b",
      aliases: ["Qwen/Qwen3-8B"],
      layers: 36, hidden: 4096, heads: 32, kvHeads: 8, headDim: 128, ffn: 12288,
      vocab: 151_936, maxPositions: 40960),
    ModelSpec(
      name: "qwen3-14b",
      aliases: ["Qwen/Qwen3-14B"],
      layers: 40, hidden: 5120, heads: 40, kvHeads: 8, headDim: 128, ffn: 17408,
      vocab: 151_936, maxPositions: 40960),
    ModelSpec(
      name: "qwen3-32b",
      aliases: ["Qwen/Qwen3-32B"],
      layers: 64, hidden: 5120, heads: 64, kvHeads: 8, headDim: 128, ffn: 25600,
      vocab: 151_936, maxPositions: 40960),
    qwen3Next,
    ModelSpec(
      name: "qwen3-30b-a3b",
      aliases: ["Qwen/Qwen3-30B-A3B"],
      layers: 48, hidden: 2048, heads: 32, kvHeads: 4, headDim: 128, ffn: 6144,
      vocab: 151_936, maxPositions: 40960,
      mixture: .init(experts: 128, activeExperts: 8, ffn: 768)),
    ModelSpec(
      name: "qwen3-235b-a22b",
      aliases: ["Qwen/Qwen3-235B-A22B"],
      layers: 94, hidden: 4096, heads: 64, kvHeads: 4, headDim: 128, ffn: 12288,
      vocab: 151_936, maxPositions: 40960,
      mixture: .init(experts: 128, activeExperts: 8, ffn: 1536)),
  ]

  /// Qwen3-Next-80B-A3B: three gated delta nets ahead of every layer of attention, whose query projection is twice as wide
  /// for its output gate; 512 experts and a shared one. From its configuration, from memory.
  private static var qwen3Next: ModelSpec {
    let hidden = 2048
    let (keys, values, valueHeads, kernel) = (16 * 128, 32 * 128, 32, 4)
    let convolved = 2 * keys + values
    let state = ModelLayer.Recurrence(
      stateBytes: valueHeads * 128 * 128 * 2 + (kernel - 1) * convolved * 2,
      inputWidth: convolved + values + 2 * valueHeads, outputWidth: values,
      delta: .init(.gatedDelta, keyHeads: keys / 128, heads: valueHeads, elementBytes: 2))
    let experts = ModelLayer.Experts(experts: 512, activeExperts: 10, ffn: 512, sharedExperts: 1)
    var linear = ModelLayer(.recurrent(state), .experts(experts))
    linear.attentionExtras = kernel * convolved
    var full = ModelLayer(.heads(.init(query: 16, kv: 2, dim: 256), .all), .experts(experts))
    full.attentionExtras = hidden * 16 * 256
    return ModelSpec(
      name: "qwen3-next-80b-a3b", aliases: ["Qwen/Qwen3-Next-80B-A3B-Instruct"],
      layers: .repeating([linear, linear, linear, full], count: 48), hidden: hidden,
      vocab: 151_936, maxPositions: 262_144)
  }

  /// Text part only. Gemma-2-9B, Gemma-2-27B and Gemma-3-27B not checked; of the others some fields
  /// are. Gemma-2 alternates, local layers first; Gemma-3 has a global layer behind every five local
  /// ones. The order is from memory; the numbers of each agree with the published ratios.
  static let gemma: [ModelSpec] = [
    ModelSpec(
      name: "gemma-2-2b",
      aliases: ["google/gemma-2-2b", "google/gemma-2-2b-it"],
      layers: 26, hidden: 2304, heads: 8, kvHeads: 4, headDim: 256, ffn: 9216,
      vocab: 256_000, maxPositions: 8192,
      slidingWindow: .init(tokens: 4096, globalEvery: 2), tiedEmbeddings: true),
    ModelSpec(
      name: "gemma-2-9b",
      aliases: ["google/gemma-2-9b", "google/gemma-2-9b-it"],
      layers: 42, hidden: 3584, heads: 16, kvHeads: 8, headDim: 256, ffn: 14336,
      vocab: 256_000, maxPositions: 8192,
      slidingWindow: .init(tokens: 4096, globalEvery: 2), tiedEmbeddings: true),
    ModelSpec(
      name: "gemma-2-27b",
      aliases: ["google/gemma-2-27b", "google/gemma-2-27b-it"],
      layers: 46, hidden: 4608, heads: 32, kvHeads: 16, headDim: 128, ffn: 36864,
      vocab: 256_000, maxPositions: 8192,
      slidingWindow: .init(tokens: 4096, globalEvery: 2), tiedEmbeddings: true),
    ModelSpec(
      name: "gemma-3-1b",
      aliases: ["google/gemma-3-1b-pt", "google/gemma-3-1b-it"],
      layers: 26, hidden: 1152, heads: 4, kvHeads: 1, headDim: 256, ffn: 6912,
      vocab: 262_144, maxPositions: 32768,
      slidingWindow: .init(tokens: 512, globalEvery: 6), tiedEmbeddings: true
    ).statingStretchedPositions(),
    ModelSpec(
      name: "gemma-3-4b",
      aliases: ["google/gemma-3-4b-pt", "google/gemma-3-4b-it"],
      layers: 34, hidden: 2560, heads: 8, kvHeads: 4, headDim: 256, ffn: 10240,
      vocab: 262_208, maxPositions: 131_072,
      slidingWindow: .init(tokens: 1024, globalEvery: 6), tiedEmbeddings: true
    ).statingStretchedPositions(),
    ModelSpec(
      name: "gemma-3-12b",
      aliases: ["google/gemma-3-12b-pt", "google/gemma-3-12b-it"],
      layers: 48, hidden: 3840, heads: 16, kvHeads: 8, headDim: 256, ffn: 15360,
      vocab: 262_208, maxPositions: 131_072,
      slidingWindow: .init(tokens: 1024, globalEvery: 6), tiedEmbeddings: true
    ).statingStretchedPositions(),
    ModelSpec(
      name: "gemma-3-27b",
      aliases: ["google/gemma-3-27b-pt", "google/gemma-3-27b-it"],
      layers: 62, hidden: 5376, heads: 32, kvHeads: 16, headDim: 128, ffn: 21504,
      vocab: 262_208, maxPositions: 131_072,
      slidingWindow: .init(tokens: 1024, globalEvery: 6), tiedEmbeddings: true
    ).statingStretchedPositions(),
  ]

  /// Phi-3 not checked; Yi's layers, KV heads and (34B) positions from the vAttention paper, the
  /// rest not checked.
  static let phiAndYi: [ModelSpec] = [
    ModelSpec(
      name: "phi-3-mini-4k",
      aliases: ["microsoft/Phi-3-mini-4k-instruct"],
      layers: 32, hidden: 3072, heads: 32, kvHeads: 32, headDim: 96, ffn: 8192,
      vocab: 32064, maxPositions: 4096,
      slidingWindow: .init(tokens: 2047)),
    ModelSpec(
      name: "phi-3-medium-4k",
      aliases: ["microsoft/Phi-3-medium-4k-instruct"],
      layers: 40, hidden: 5120, heads: 40, kvHeads: 10, headDim: 128, ffn: 17920,
      vocab: 32064, maxPositions: 4096,
      slidingWindow: .init(tokens: 2047)),
    ModelSpec(
      name: "phi-3-mini-128k",
      aliases: ["microsoft/Phi-3-mini-128k-instruct"],
      layers: 32, hidden: 3072, heads: 32, kvHeads: 32, headDim: 96, ffn: 8192,
      vocab: 32064, maxPositions: 131_072
    )
    .stretchedByLongRoPE(from: 4096),
    ModelSpec(
      name: "phi-4",
      aliases: ["microsoft/phi-4"],
      layers: 40, hidden: 5120, heads: 40, kvHeads: 10, headDim: 128, ffn: 17920,
      vocab: 100_352, maxPositions: 16384),
    ModelSpec(
      name: "chatglm2-6b-32k",
      aliases: ["THUDM/chatglm2-6b-32k"],
      layers: 28, hidden: 4096, heads: 32, kvHeads: 2, headDim: 128, ffn: 13696,
      vocab: 65024, maxPositions: 32768),
    ModelSpec(
      name: "yi-6b-200k",
      aliases: ["01-ai/Yi-6B-200K"],
      layers: 32, hidden: 4096, heads: 32, kvHeads: 4, headDim: 128, ffn: 11008,
      vocab: 64000, maxPositions: 200_000),
    ModelSpec(
      name: "yi-34b-200k",
      aliases: ["01-ai/Yi-34B-200K"],
      layers: 60, hidden: 7168, heads: 56, kvHeads: 8, headDim: 128, ffn: 20480,
      vocab: 64000, maxPositions: 200_000),
  ]
}
