import CostModel
import KVMemory

/// Mixtures whose first layers are dense, under the names that each family has for the same fields.
///
/// - Source: the configurations and models of transformers; Bailing's by its published code, from memory.
extension Architecture {
  /// Every layer routes; what other families call the width of an MLP is that of an expert.
  static let olmoe = Architecture("OlmoeForCausalLM", "FlexOlmoForCausalLM") { text, _ in
    let experts = try text.experts(
      "num_experts", width: text.count("intermediate_size", limit: .innerWidth))
    let layer = try text.mixtureLayer(.heads(text.heads(), .all), experts)
    return ModelDraft(layers: Array(repeating: layer, count: try text.layerCount()))
  }

  /// Ling and Ring; Hunyuan-3.
  static let bailing = Architecture(
    "BailingMoeForCausalLM", "BailingMoeV2ForCausalLM", "HYV3ForCausalLM"
  ) { text, _ in
    let names = ExpertNames(firstRouted: "first_k_dense_replace")
    return ModelDraft(layers: try text.mixedLayers(.heads(text.heads(), .all), names))
  }

  static let ernieMixture = Architecture(
    "Ernie4_5_MoeForCausalLM", "Ernie4_5_MoEForCausalLM"
  ) { text, _ in
    let names = ExpertNames(
      number: "moe_num_experts", active: "moe_k", shared: "moe_num_shared_experts",
      firstRouted: "moe_layer_start_index", interval: "moe_layer_interval")
    return ModelDraft(
      layers: try text.mixedLayers(.heads(text.heads(), .all), names), tiesEmbeddings: true)
  }

  /// ERNIE-4.5-VL: patches have experts of their own beside those of text, the second number of each list; what every token
  /// visits is theirs together.
  static let ernieSeeing = Architecture("Ernie4_5_VLMoeForConditionalGeneration") { text, _ in
    let (count, heads, hidden) = (try text.layerCount(), try text.heads(), try text.hidden())
    func number(_ name: String, _ index: Int) throws -> Int {
      guard let number = try text.optionalCount(name, .innerWidth, ofLayer: index, least: 0) else {
        throw text.contradiction("`\(text.place)\(name)` is missing")
      }
      return number
    }
    let first = try number("moe_layer_start_index", 0)
    let (width, seeing) = (
      try number("moe_intermediate_size", 0), try number("moe_intermediate_size", 1)
    )
    let shared = try text.optionalCount("moe_num_shared_experts", .experts, least: 0) ?? 0
    let patchFirst = try number("moe_layer_start_index", 1)
    let patchLast = try number("moe_layer_end_index", 1)
    let patchExperts = try text.experts(
      "moe_num_experts", width: max(1, seeing), active: "moe_k", layer: 1)
    let layers = try (0..<count).map { index in
      guard index >= first else {
        return ModelLayer(
          .heads(heads, .all),
          .dense(width: try text.count("intermediate_size", limit: .innerWidth)))
      }
      var layer = try text.mixtureLayer(
        .heads(heads, .all),
        text.experts(
          "moe_num_experts", width: max(1, width), active: "moe_k", shared: shared * width,
          layer: 0))
      if index >= patchFirst, index <= patchLast {
        layer.mlpExtras += patchExperts.experts.experts * hidden * (3 * seeing + 1)
      }
      return layer
    }
    return ModelDraft(layers: layers, tiesEmbeddings: true)
  }

  /// K-EXAONE: windows but in every fourth layer.
  static let exaoneMixture = Architecture(
    "ExaoneMoEForCausalLM", "ExaoneMoeForCausalLM"
  ) { text, _ in
    let heads = try text.heads()
    let last = "first_last_k_dense_replace"
    let names = ExpertNames(firstRouted: text.has(last) ? last : "first_k_dense_replace")
    let layers = try text.windowedKinds(globalEvery: 4).enumerated().map { index, kind in
      try text.mixedLayer(index, .heads(heads, kind), names)
    }
    return ModelDraft(layers: layers)
  }

  /// Trinity: windows but in every fourth layer, and a gate behind attention as wide as its heads.
  static let afmoe = Architecture("AfmoeForCausalLM") { text, _ in
    let (heads, hidden) = (try text.heads(), try text.hidden())
    let every = try text.optionalCount("global_attn_every_n_layers", .layers) ?? 4
    let names = ExpertNames(firstRouted: "num_dense_layers")
    let layers = try text.windowedKinds(globalEvery: every).enumerated().map { index, kind in
      var layer = try text.mixedLayer(index, .heads(heads, kind), names)
      layer.attentionExtras = hidden * heads.query * heads.dim
      return layer
    }
    return ModelDraft(layers: layers)
  }
}

/// What a family calls the fields of its experts.
struct ExpertNames {
  var number = "num_experts"
  var active = "num_experts_per_tok"
  var shared = "num_shared_experts"
  /// The number of the first layer that routes.
  var firstRouted: String
  /// Of the layers behind it, every so many-th routes; all where it is missing.
  var interval: String?
}

extension ConfigFields {
  func mixedLayers(
    _ attention: ModelLayer.Attention, _ names: ExpertNames
  ) throws -> [ModelLayer] {
    try (0..<layerCount()).map { try mixedLayer($0, attention, names) }
  }

  /// Layer `index`: an MLP of `intermediate_size`, or experts of `moe_intermediate_size`, some of which every token visits.
  func mixedLayer(
    _ index: Int, _ attention: ModelLayer.Attention, _ names: ExpertNames
  ) throws -> ModelLayer {
    let first = try optionalCount(names.firstRouted, .layers, least: 0) ?? 0
    let interval = try names.interval.flatMap { try optionalCount($0, .layers) } ?? 1
    guard try listedRouting(index) ?? (index >= first && (index + 1) % interval == 0) else {
      return ModelLayer(
        attention, .dense(width: try count("intermediate_size", limit: .innerWidth)))
    }
    let width = try count("moe_intermediate_size", limit: .innerWidth)
    let shared = try optionalCount(names.shared, .experts, least: 0) ?? 0
    return try mixtureLayer(
      attention,
      try experts(names.number, width: width, active: names.active, shared: shared * width))
  }
}
