import CostModel
import KVMemory

/// Grouped-query attention with routed experts in place of the MLP.
extension Architecture {
  static let mixtral = Architecture(
    "MixtralForCausalLM", "PhiMoEForCausalLM", "PhimoeForCausalLM", "GraniteMoeForCausalLM"
  ) { text, _ in
    let window = try text.optionalCount("sliding_window", .tokens)
    let attention = ModelLayer.Attention.heads(
      try text.heads(), window.map { .window(tokens: $0) } ?? .all)
    let experts = try text.experts(
      "num_local_experts", width: text.count("intermediate_size", limit: .innerWidth))
    let layer = try text.mixtureLayer(attention, experts)
    return ModelDraft(
      layers: Array(repeating: layer, count: try text.layerCount()), modules: .blockSparse)
  }

  /// The norm of queries and keys spans all heads, so that GPUs that share them sum its squares.
  static let miniMax = Architecture("MiniMaxM2ForCausalLM") { text, _ in
    var draft = try sharedWidthMixture(text)
    draft.normsAcrossHeads = try text.flag("use_qk_norm", or: true)
    return draft
  }

  static let graniteShared = Architecture("GraniteMoeSharedForCausalLM") { text, _ in
    try sharedWidthMixture(text)
  }

  private static func sharedWidthMixture(_ text: ConfigFields) throws -> ModelDraft {
    let experts = try text.experts(
      "num_local_experts", width: text.count("intermediate_size", limit: .innerWidth),
      shared: text.optionalCount("shared_intermediate_size", .innerWidth, least: 0) ?? 0)
    let layer = try text.mixtureLayer(.heads(text.heads(), .all), experts)
    return ModelDraft(
      layers: Array(repeating: layer, count: try text.layerCount()), modules: .blockSparse)
  }

  static let qwenMixture = Architecture(
    "Qwen3MoeForCausalLM", "Qwen2MoeForCausalLM", "Qwen3VLMoeForConditionalGeneration",
    "Qwen3OmniMoeForConditionalGeneration"
  ) { text, _ in
    let heads = try text.heads()
    let kinds = try text.qwenKinds(layers: try text.layerCount())
    let layers = try kinds.enumerated().map { index, kind in
      try text.qwenMixtureLayer(index, .heads(heads, kind))
    }
    return ModelDraft(layers: layers)
  }

  /// GLM-4.5 and what else has DeepSeek's experts behind grouped-query attention.
  static let glmMixture = Architecture(
    "Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration", "Dots1ForCausalLM",
    "DeepseekForCausalLM", "SolarOpenForCausalLM"
  ) { text, _ in
    let attention = ModelLayer.Attention.heads(try text.heads(), .all)
    let layers = try (0..<text.layerCount()).map { try text.deepSeekLayer($0, attention) }
    return ModelDraft(layers: layers)
  }

  /// Layers alternate between a window and the whole context, the window first. Attention has sinks
  /// and biases, which are not counted (0.01 %); experts have biases, which are.
  static let gptOss = Architecture("GptOssForCausalLM") { text, _ in
    let (count, heads, hidden) = (try text.layerCount(), try text.heads(), try text.hidden())
    let width = try text.count("intermediate_size", limit: .innerWidth)
    let read = try text.experts("num_local_experts", width: width)
    let window = try text.optionalCount("sliding_window", .tokens)
    let alternating = (0..<count).map { index -> KVGroupKind in
      guard let window, index % 2 == 0 else { return .all }
      return .window(tokens: window)
    }
    let kinds = try text.listedKinds(layers: count) ?? alternating
    return ModelDraft(
      layers: kinds.map { kind in
        var layer = ModelLayer(.heads(heads, kind), .experts(read.experts))
        layer.mlpExtras = read.experts.experts * (2 * width + hidden)
        return layer
      })
  }
}

extension ConfigFields {
  /// Layer `index` of Qwen's mixtures: experts, but where `mlp_only_layers` or `decoder_sparse_step`
  /// puts a dense MLP. The gate of a shared expert is not counted: one row.
  func qwenMixtureLayer(_ index: Int, _ attention: ModelLayer.Attention) throws -> ModelLayer {
    let step = try optionalCount("decoder_sparse_step", .layers) ?? 1
    let isDense = try counts("mlp_only_layers")?.contains(index) ?? false
    guard !isDense, (index + 1) % step == 0 else {
      let width = try count("intermediate_size", limit: .innerWidth)
      return ModelLayer(attention, .dense(width: width))
    }
    let shared = try optionalCount("shared_expert_intermediate_size", .innerWidth, least: 0) ?? 0
    let width = try count("moe_intermediate_size", limit: .innerWidth)
    return try mixtureLayer(attention, try experts("num_experts", width: width, shared: shared))
  }

  /// Layer `index` of DeepSeek's: dense ones first, then experts, some of which every token visits.
  func deepSeekLayer(_ index: Int, _ attention: ModelLayer.Attention) throws -> ModelLayer {
    let first = try optionalCount("first_k_dense_replace", .layers, least: 0) ?? 0
    let step = try optionalCount("moe_layer_freq", .layers) ?? 1
    let routes = try listedRouting(index) ?? (index >= first && index % step == 0)
    guard has("n_routed_experts"), routes else {
      let width = try count("intermediate_size", limit: .innerWidth)
      return ModelLayer(attention, .dense(width: width))
    }
    let width = try count("moe_intermediate_size", limit: .innerWidth)
    let shared = try optionalCount("n_shared_experts", .experts, least: 0) ?? 0
    return try mixtureLayer(
      attention, try experts("n_routed_experts", width: width, shared: shared * width))
  }
}
