import CostModel
import KVMemory

extension Architecture {
  /// Step3: queries come from a narrow vector, and all heads share one or few keys and values (multi-matrix factorised
  /// attention). `moe_layers_enum` lists the layers with experts; the others are dense.
  ///
  /// - Source: the configuration of the model's published code, from memory.
  static let step3 = Architecture(
    "Step3TextForCausalLM", "Step3VLForConditionalGeneration"
  ) { text, _ in
    let heads = try text.heads(kv: "num_attention_groups")
    let (hidden, rank) = (try text.hidden(), try text.count("share_q_dim", limit: .width))
    let columns = heads.query * heads.dim
    let routed = try text.listedLayers("moe_layers_enum")
    let layers = try (0..<text.layerCount()).map { index in
      var layer: ModelLayer
      if routed?.contains(index) ?? true {
        let width = try text.count("moe_intermediate_size", limit: .innerWidth)
        let shared = try text.optionalCount("share_expert_dim", .innerWidth, least: 0) ?? 0
        layer = try text.mixtureLayer(
          .heads(heads, .all),
          text.experts("moe_num_experts", width: width, active: "moe_top_k", shared: shared))
      } else {
        let width = try text.count("intermediate_size", limit: .innerWidth)
        layer = ModelLayer(.heads(heads, .all), .dense(width: width))
      }
      layer.attentionExtras = (hidden + columns) * rank - hidden * columns
      return layer
    }
    return ModelDraft(layers: layers)
  }
}

extension ConfigFields {
  /// Numbers of layers between commas; `nil` where the field is missing.
  func listedLayers(_ name: String) throws -> Set<Int>? {
    guard let text = try optionalText(name) else { return nil }
    return Set(
      try text.split(separator: ",").map { part in
        guard let number = Int(part.drop { $0 == " " }) else {
          throw contradiction(
            "`\(place)\(name)` lists `\(printable(String(part)))`, which is no layer")
        }
        return number
      })
  }
}
