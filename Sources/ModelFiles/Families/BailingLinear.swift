import CostModel
import KVMemory

extension Architecture {
  /// Ring-Linear and Ling-2.5: lightning attention, a matrix a head, in all but the last layer of each group of
  /// `layer_group_size`, where attention is latent if the file has `kv_lora_rank`; then experts.
  ///
  /// - Source: SGLang's `bailing_moe_linear.py`. That matrices are kept in the type of the model is assumed, as for MiniMax-Text.
  static let bailingLinear = Architecture(
    "BailingMoeLinearForCausalLM", "BailingMoeLinearV2ForCausalLM", "BailingMoeV2_5ForCausalLM"
  ) { text, _ in
    let heads = try text.heads()
    let columns = heads.query * heads.dim
    let state = ModelLayer.Recurrence(
      stateBytes: columns * heads.dim * ModelSpec.bytesPerElement, inputWidth: 4 * columns,
      outputWidth: columns)
    let group = try text.count("layer_group_size", limit: .layers)
    let attention =
      try text.has("kv_lora_rank") ? text.latentAttention() : .heads(heads, .all)
    let names = ExpertNames(firstRouted: "first_k_dense_replace")
    let layers = try (0..<text.layerCount()).map { index in
      let attends = (index + 1) % group == 0
      return try text.mixedLayer(index, attends ? attention : .recurrent(state), names)
    }
    return ModelDraft(layers: layers)
  }
}
