import CostModel

extension Architecture {
  /// LongCat-Flash: a layer has latent attention and a dense MLP twice, and experts beside the second. It stands here as
  /// two layers, as each caches something of its own; the dense MLP beside the experts counts as shared experts.
  ///
  /// Some of the experts compute nothing: a token visits so many real ones as fall to it if it chooses evenly.
  ///
  /// - Source: the model's published code, from memory.
  static let longCat = Architecture("LongcatFlashForCausalLM") { text, _ in
    let attention = try text.latentAttention()
    let dense = try text.count("ffn_hidden_size", limit: .innerWidth)
    let width = try text.count("expert_ffn_hidden_size", limit: .innerWidth)
    let idle = try text.optionalCount("zero_expert_num", .experts, least: 0) ?? 0
    var mixture = try text.mixtureLayer(
      attention,
      text.experts("n_routed_experts", width: width, active: "moe_topk", shared: dense))
    if case .experts(var experts) = mixture.mlp {
      experts.activeExperts = max(
        1, experts.activeExperts * experts.experts / (experts.experts + idle))
      mixture.mlp = .experts(experts)
      mixture.mlpExtras += try idle * text.hidden()
    }
    let first = ModelLayer(attention, .dense(width: dense))
    return ModelDraft(
      layers: try (0..<text.layerCount()).flatMap { _ in [first, mixture] }, modules: .latent)
  }
}
