/// OPT, Llama, and the Mistral models of Llama's shape.
extension ModelCatalogue {
  /// Layers and hidden from the PagedAttention, Orca and OPT papers, the rest not checked. Heads
  /// and positions are confirmed by the artifact's block counts.
  static let opt: [ModelSpec] = [
    ModelSpec(
      name: "opt-13b",
      aliases: ["facebook/opt-13b"],
      family: .opt,
      layers: 40, hidden: 5120, heads: 40, kvHeads: 40, headDim: 128, ffn: 20480,
      vocab: 50272, maxPositions: 2048, tiedEmbeddings: true, weightCount: .sosp23Artifact),
    ModelSpec(
      name: "opt-66b",
      aliases: ["facebook/opt-66b"],
      family: .opt,
      layers: 64, hidden: 9216, heads: 72, kvHeads: 72, headDim: 128, ffn: 36864,
      vocab: 50272, maxPositions: 2048, tiedEmbeddings: true, weightCount: .sosp23Artifact),
    ModelSpec(
      name: "opt-175b",
      aliases: ["facebook/opt-175b"],
      family: .opt,
      layers: 96, hidden: 12288, heads: 96, kvHeads: 96, headDim: 128, ffn: 49152,
      vocab: 50272, maxPositions: 2048, tiedEmbeddings: true, weightCount: .sosp23Artifact),
  ]

  /// LLaMA-1 is counted as in the artifact: its 13B serves the paper's shared-prefix experiment,
  /// whose pool must come out to the block. LLaMA-1 and Llama-2-13B not checked; the others
  /// from published configurations.
  static let llama: [ModelSpec] = [
    ModelSpec(
      name: "llama-13b",
      aliases: ["huggyllama/llama-13b"],
      layers: 40, hidden: 5120, heads: 40, kvHeads: 40, headDim: 128, ffn: 13824,
      vocab: 32000, maxPositions: 2048, weightCount: .sosp23Artifact),
    ModelSpec(
      name: "llama-2-7b",
      aliases: [
        "meta-llama/Llama-2-7b-hf",
        "meta-llama/Llama-2-7b",
        "meta-llama/Llama-2-7b-chat-hf",
      ],
      layers: 32, hidden: 4096, heads: 32, kvHeads: 32, headDim: 128, ffn: 11008,
      vocab: 32000, maxPositions: 4096),
    ModelSpec(
      name: "llama-2-13b",
      aliases: [
        "meta-llama/Llama-2-13b-hf",
        "meta-llama/Llama-2-13b",
        "meta-llama/Llama-2-13b-chat-hf",
      ],
      layers: 40, hidden: 5120, heads: 40, kvHeads: 40, headDim: 128, ffn: 13824,
      vocab: 32000, maxPositions: 4096),
    ModelSpec(
      name: "llama-2-70b",
      aliases: [
        "meta-llama/Llama-2-70b-hf",
        "meta-llama/Llama-2-70b",
        "meta-llama/Llama-2-70b-chat-hf",
      ],
      layers: 80, hidden: 8192, heads: 64, kvHeads: 8, headDim: 128, ffn: 28672,
      vocab: 32000, maxPositions: 4096),
    ModelSpec(
      name: "llama-3-8b",
      aliases: [
        "meta-llama/Meta-Llama-3-8B",
        "meta-llama/Meta-Llama-3-8B-Instruct",
        "meta-llama/Llama-3-8B",
      ],
      layers: 32, hidden: 4096, heads: 32, kvHeads: 8, headDim: 128, ffn: 14336,
      vocab: 128_256, maxPositions: 8192),
    ModelSpec(
      name: "llama-3-70b",
      aliases: [
        "meta-llama/Meta-Llama-3-70B",
        "meta-llama/Meta-Llama-3-70B-Instruct",
        "meta-llama/Llama-3-70B",
      ],
      layers: 80, hidden: 8192, heads: 64, kvHeads: 8, headDim: 128, ffn: 28672,
      vocab: 128_256, maxPositions: 8192),
    ModelSpec(
      name: "llama-3.1-8b",
      aliases: [
        "meta-llama/Llama-3.1-8B",
        "meta-llama/Meta-Llama-3.1-8B",
        "meta-llama/Llama-3.1-8B-Instruct",
        "meta-llama/Meta-Llama-3.1-8B-Instruct",
      ],
      layers: 32, hidden: 4096, heads: 32, kvHeads: 8, headDim: 128, ffn: 14336,
      vocab: 128_256, maxPositions: 131_072),
    ModelSpec(
      name: "llama-3.1-70b",
      aliases: [
        "meta-llama/Llama-3.1-70B",
        "meta-llama/Meta-Llama-3.1-70B",
        "meta-llama/Llama-3.1-70B-Instruct",
        "meta-llama/Meta-Llama-3.1-70B-Instruct",
      ],
      layers: 80, hidden: 8192, heads: 64, kvHeads: 8, headDim: 128, ffn: 28672,
      vocab: 128_256, maxPositions: 131_072),
    ModelSpec(
      name: "llama-3.2-3b",
      aliases: ["meta-llama/Llama-3.2-3B", "meta-llama/Llama-3.2-3B-Instruct"],
      layers: 28, hidden: 3072, heads: 24, kvHeads: 8, headDim: 128, ffn: 8192,
      vocab: 128_256, maxPositions: 131_072, tiedEmbeddings: true),
    ModelSpec(
      name: "llama-3.1-405b",
      aliases: [
        "meta-llama/Llama-3.1-405B",
        "meta-llama/Meta-Llama-3.1-405B",
        "meta-llama/Llama-3.1-405B-Instruct",
        "meta-llama/Meta-Llama-3.1-405B-Instruct",
      ],
      layers: 126, hidden: 16384, heads: 128, kvHeads: 8, headDim: 128, ffn: 53248,
      vocab: 128_256, maxPositions: 131_072),
  ]

  private static var mistralSmall: ModelSpec {
    var model = ModelSpec(
      name: "mistral-small-3.2-24b",
      aliases: ["mistralai/Mistral-Small-3.2-24B-Instruct-2506"],
      layers: 40, hidden: 5120, heads: 32, kvHeads: 8, headDim: 128, ffn: 32768,
      vocab: 131_072, maxPositions: 131_072)
    model.besideLayers = 439_000_000
    return model
  }

  /// Mistral's v0.1 is local in every layer. Mistral Small 3.2 has a vision tower of 0.44 billion parameters; from its
  /// configuration, from memory.
  static let mistral: [ModelSpec] = [
    mistralSmall,
    ModelSpec(
      name: "mistral-7b",
      aliases: ["mistralai/Mistral-7B-v0.1", "mistral-7b-v0.1"],
      layers: 32, hidden: 4096, heads: 32, kvHeads: 8, headDim: 128, ffn: 14336,
      vocab: 32000, maxPositions: 32768,
      slidingWindow: .init(tokens: 4096)),
    ModelSpec(
      name: "mixtral-8x7b",
      aliases: ["mistralai/Mixtral-8x7B-v0.1", "mistralai/Mixtral-8x7B-Instruct-v0.1"],
      layers: 32, hidden: 4096, heads: 32, kvHeads: 8, headDim: 128, ffn: 14336,
      vocab: 32000, maxPositions: 32768,
      mixture: .init(experts: 8, activeExperts: 2, ffn: 14336)),
  ]
}
