import CostModel
import KVMemory

extension Architecture {
  /// Step-3.5: windows with query heads of their own number (`attention_other_setting`) where `layer_types` says so, a gate a
  /// head, and experts in the layers of `moe_layers_enum`.
  ///
  /// - Source: vLLM's `step3p5.py`.
  static let step35 = Architecture(
    "Step3p5ForCausalLM", "Step3p7ForConditionalGeneration"
  ) { text, _ in
    let (count, hidden) = (try text.layerCount(), try text.hidden())
    let usual = try text.heads(kv: "num_attention_groups")
    let other = try text.optionalObject("attention_other_setting")
    let windowed = try other?.heads(kv: "num_attention_groups") ?? usual
    let kinds = try text.windowedKinds(globalEvery: 2)
    let routed = try text.listedLayers("moe_layers_enum")
    let isGated = try text.flag("use_head_wise_attn_gate")
    let layers = try (0..<count).map { index in
      let heads = kinds[index] == .all ? usual : windowed
      var layer: ModelLayer
      if routed?.contains(index) ?? (index > 0) {
        let width = try text.count("moe_intermediate_size", limit: .innerWidth)
        let shared = try text.count(
          "share_expert_dim", "share_expert_dims", limit: .innerWidth, least: 0)
        layer = try text.mixtureLayer(
          .heads(heads, kinds[index]),
          text.experts("moe_num_experts", width: width, active: "moe_top_k", shared: shared))
      } else {
        let width = try text.count("intermediate_size", limit: .innerWidth)
        layer = ModelLayer(.heads(heads, kinds[index]), .dense(width: width))
      }
      if isGated { layer.attentionExtras = hidden * heads.query }
      return layer
    }
    return ModelDraft(layers: layers, modules: .step35)
  }
}
