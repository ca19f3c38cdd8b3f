import CostModel
import KVMemory

extension Architecture {
  /// Hunyuan's mixtures: fields of experts are numbers, or lists with one for each layer. With `use_cla` only every so
  /// many-th layer computes keys and values, and those behind it use them.
  ///
  /// - Source: the models' published code, from memory.
  static let hunYuan = Architecture("HunYuanMoEV1ForCausalLM") { text, _ in
    let heads = try text.heads(dim: text.has("head_dim") ? "head_dim" : "attention_head_dim")
    let sharing =
      try text.flag("use_cla") ? text.optionalCount("cla_share_factor", .layers) ?? 1 : 1
    let hidden = try text.hidden()
    let layers = try (0..<text.layerCount()).map { index in
      var layer = try text.hunYuanLayer(index, .heads(heads, .all))
      guard index % sharing != 0 else { return layer }
      layer.attention = .none
      layer.sharesKeys = true
      layer.attentionExtras = 2 * hidden * heads.query * heads.dim
      return layer
    }
    return ModelDraft(layers: layers, tiesEmbeddings: true)
  }
}

extension ConfigFields {
  fileprivate func hunYuanLayer(
    _ index: Int, _ attention: ModelLayer.Attention
  ) throws -> ModelLayer {
    let width =
      try optionalCount("moe_intermediate_size", .innerWidth, ofLayer: index)
      ?? count("intermediate_size", limit: .innerWidth)
    let shared = try optionalCount("num_shared_expert", .experts, ofLayer: index, least: 0) ?? 0
    return try mixtureLayer(
      attention,
      experts("num_experts", width: width, active: "moe_topk", shared: shared * width, layer: index)
    )
  }
}
