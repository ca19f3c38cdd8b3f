/// Models with latent attention.
extension ModelCatalogue {
  /// V3 (and R1, of the same shape) from its published configuration. Hidden, vocabulary, widths
  /// and positions of V2, and the widths and positions of V2-Lite, not checked.
  static let deepSeek: [ModelSpec] = [
    ModelSpec(
      name: "deepseek-v2-lite",
      aliases: ["deepseek-ai/DeepSeek-V2-Lite"],
      layers: 27, hidden: 2048, heads: 16, kvHeads: 16, headDim: 128, ffn: 10944,
      vocab: 102_400, maxPositions: 32768,
      mixture: .init(
        experts: 64, activeExperts: 6, ffn: 1408, sharedExperts: 2), firstDenseLayers: 1,
      latent: .init(kvLoraRank: 512)),
    ModelSpec(
      name: "deepseek-v2",
      aliases: ["deepseek-ai/DeepSeek-V2"],
      layers: 60, hidden: 5120, heads: 128, kvHeads: 128, headDim: 128, ffn: 12288,
      vocab: 102_400, maxPositions: 163_840,
      mixture: .init(
        experts: 160, activeExperts: 6, ffn: 1536, sharedExperts: 2), firstDenseLayers: 1,
      latent: .init(kvLoraRank: 512, queryLoraRank: 1536)),
    publishedInFP8(
      ModelSpec(
        name: "deepseek-v3",
        aliases: ["deepseek-ai/DeepSeek-V3", "deepseek-ai/DeepSeek-R1", "deepseek-r1"],
        layers: 61, hidden: 7168, heads: 128, kvHeads: 128, headDim: 128, ffn: 18432,
        vocab: 129_280, maxPositions: 163_840,
        mixture: .init(
          experts: 256, activeExperts: 8, ffn: 2048, sharedExperts: 1), firstDenseLayers: 3,
        latent: .init(kvLoraRank: 512, queryLoraRank: 1536))),
  ]

  /// A model whose matrices are stored in 8 bits, but for the routers of its experts.
  private static func publishedInFP8(_ model: ModelSpec) -> ModelSpec {
    var model = model
    model.stored = WeightFormat(.fp8)
    model.layers = LayerList(
      model.layers.runs.map { run in
        var layer = run.layer
        if case .experts = layer.mlp { layer.formats.router = .bfloat16 }
        return .init(layer, count: run.count)
      })
    return model
  }
}
