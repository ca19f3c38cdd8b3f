import CostModel

/// What a quantized checkpoint leaves in 16 bits, and what its scales take, where its name is all that is known of it.
///
/// Rows that match a name add up. A checkpoint whose configuration the tool has is read from that (``Quantization``).
struct WeightRecipe {
  /// Parts of a layer; dense layers are those that stand among layers of experts.
  enum Part { case attentionInput, attentionOutput, sharedExperts, denseLayers, recurrence }

  /// Who published it, lower case; `nil` for anybody.
  var owner: String?
  var weights: ElementType
  /// How names of such models begin, lower case; none for all.
  var families: [String] = []
  /// How names of such checkpoints end, lower case; none for all.
  var endings: [String] = []
  /// Whether it is for models with experts alone.
  var isOfExperts = false
  /// What stays in 16 bits.
  var wide: [Part] = []
  /// Bytes of an element with its scales; `nil` for those of ``CostModel/ElementType``.
  var bytes: Double?

  /// The table.
  ///
  /// - Source: `ignore`, `exclude_modules` and `quantized_layers` of published configurations: NVIDIA's DeepSeek-V3.1 and
  ///   V3.2, GLM-5 and 5.1, Kimi-K2.5 and K2.6, MiniMax-M2.5 and M2.7, Qwen3.5-122B and 397B in NVFP4, which stand for what
  ///   their publisher makes of the same families; NVIDIA/Model-Optimizer issue 150 for its DeepSeek-R1-FP4. Scales:
  ///   `group_size` 32 with zero points of cyankiwi's compressed tensors; 128 of AutoAWQ's and GPTQModel's defaults, with
  ///   zero points, and of llm-compressor's `W4A16`, without. That cyankiwi's checkpoints of experts beside states narrow
  ///   the routed ones alone is reconstructed: it is what makes the 24,488,298,779 bytes of its Qwen3.5-35B-A3B-AWQ-4bit.
  static let all: [WeightRecipe] = [
    WeightRecipe(weights: .nvfp4, wide: [.recurrence]),
    WeightRecipe(
      owner: "nvidia", weights: .nvfp4, families: ["deepseek-", "kimi-", "glm-5"],
      wide: [.attentionInput]),
    WeightRecipe(
      owner: "nvidia", weights: .nvfp4, families: ["deepseek-"], endings: ["-fp4"],
      wide: [.attentionOutput]),
    WeightRecipe(
      owner: "nvidia", weights: .nvfp4, families: ["kimi-k2.", "glm-5."],
      wide: [.attentionOutput, .sharedExperts, .denseLayers]),
    WeightRecipe(
      owner: "nvidia", weights: .nvfp4, families: ["minimax-m2", "qwen3.5-"], isOfExperts: true,
      wide: [.attentionInput, .attentionOutput, .sharedExperts]),
    WeightRecipe(
      weights: .int4, endings: ["-awq-4bit"], wide: [.recurrence], bytes: 0.5 + 2.5 / 32),
    WeightRecipe(
      weights: .int4, families: ["qwen3.5-", "qwen3.6-", "qwen3-next-"], endings: ["-awq-4bit"],
      isOfExperts: true, wide: [.attentionInput, .attentionOutput, .sharedExperts]),
    WeightRecipe(weights: .int4, endings: ["-awq", "-gptq-int4"], bytes: 0.5 + 2.5 / 128),
    WeightRecipe(weights: .int4, endings: ["-w4a16", ".w4a16"], bytes: 0.5 + 2.0 / 128),
  ]

  private func holds(
    owner: String, name: String, weights: ElementType, hasExperts: Bool
  ) -> Bool {
    weights == self.weights && (hasExperts || !isOfExperts)
      && (self.owner == nil || self.owner == owner)
      && (families.isEmpty || families.contains(where: name.hasPrefix))
      && (endings.isEmpty || endings.contains(where: name.hasSuffix))
  }

  /// `model` as the checkpoint `id` stores it, whose name says `weights`.
  ///
  /// Routers and the convolution ahead of a state stay in 16 bits everywhere.
  ///
  /// - Source: `quant_config=None` of the routers and convolutions in vLLM's models.
  static func stored(_ model: ModelSpec, as id: String, weights: ElementType) -> ModelSpec {
    var model = model
    model.stored = WeightFormat(weights)
    guard weights != .bfloat16 else { return model }
    let parts = id.lowercased().split(separator: "/").map(String.init)
    let (owner, name) = (parts.count > 1 ? parts[0] : "", parts.last ?? "")
    let recipes = all.filter {
      $0.holds(owner: owner, name: name, weights: weights, hasExperts: model.hasExperts)
    }
    if let bytes = recipes.compactMap(\.bytes).first { model.stored.bytes = bytes }
    let wide = Set(recipes.flatMap(\.wide))
    model.layers = LayerList(
      model.layers.runs.map { .init(stored($0.layer, wide), count: $0.count) })
    return model
  }

  private static func stored(_ layer: ModelLayer, _ wide: Set<Part>) -> ModelLayer {
    var layer = layer
    let keepsState = layer.isRecurrent && wide.contains(.recurrence)
    if keepsState || wide.contains(.attentionInput) { layer.formats.attentionInput = .bfloat16 }
    if keepsState || wide.contains(.attentionOutput) { layer.formats.attentionOutput = .bfloat16 }
    // Output gates and indexers read what attention reads.
    if layer.isRecurrent || wide.contains(.attentionInput) {
      layer.formats.attentionExtras = .bfloat16
    }
    guard case .experts = layer.mlp else {
      if wide.contains(.denseLayers) { layer.formats.mlp = .bfloat16 }
      return layer
    }
    layer.formats.router = .bfloat16
    if wide.contains(.sharedExperts) { layer.formats.sharedExperts = .bfloat16 }
    return layer
  }
}
