import KVMemory

/// OpenAI's gpt-oss.
extension ModelCatalogue {
  /// Windows of 128 tokens and whole contexts in turn; experts of 4 bits with a scale for each 32, all else in 16 bits.
  ///
  /// - Source: the published configurations of both.
  static let gptOSS = [
    gptOSS("gpt-oss-20b", layers: 24, experts: 32),
    gptOSS("gpt-oss-120b", layers: 36, experts: 128),
  ]

  private static func gptOSS(_ name: String, layers: Int, experts: Int) -> ModelSpec {
    let width = 2880
    func layer(_ keeps: KVGroupKind) -> ModelLayer {
      var layer = ModelLayer(
        .heads(.init(query: 64, kv: 8, dim: 64), keeps),
        .experts(.init(experts: experts, activeExperts: 4, ffn: width)))
      // A bias for each row of the experts' matrices.
      layer.mlpExtras = experts * 3 * width
      layer.formats.attentionInput = .bfloat16
      layer.formats.attentionOutput = .bfloat16
      layer.formats.router = .bfloat16
      layer.formats.mlpExtras = .bfloat16
      return layer
    }
    var model = ModelSpec(
      name: name, aliases: ["openai/\(name)"],
      layers: .repeating([layer(.window(tokens: 128)), layer(.all)], count: layers), hidden: width,
      vocab: 201_088, maxPositions: 131_072)
    model.stored = WeightFormat("mxfp4", .int4, bytes: 0.5 + 1.0 / 32)
    return model
  }
}
