import CostModel
import KVMemory

extension Architecture {
  /// MiniMax-M3: where `sparse_attention_freq` has 1, an indexer chooses blocks of tokens, and its keys are cached beside the
  /// others, in the type of the model (assumed); experts where `moe_layer_freq` has 1.
  ///
  /// - Source: `MiniMaxM3VLTextConfig` and the model of transformers.
  static let miniMaxM3 = Architecture(
    "MiniMaxM3SparseForCausalLM", "MiniMaxM3SparseForConditionalGeneration",
    "MiniMaxM3VLForConditionalGeneration"
  ) { text, _ in
    let (count, hidden, heads) = (try text.layerCount(), try text.hidden(), try text.heads())
    let sparse = try text.optionalObject("sparse_attention_config")
    let indexed =
      try text.attendingLayers(count, besides: "minimax_m3_sparse")?.map { !$0 }
      ?? sparse?.marks("sparse_attention_freq", layers: count)
      ?? Array(repeating: false, count: count)
    let routed =
      try text.layerTypes("mlp_layer_types", layers: count)?.map { $0 == "sparse" }
      ?? (text.has("moe_layer_freq")
        ? text.marks("moe_layer_freq", layers: count) : Array(repeating: true, count: count))
    let dim =
      try sparse?.optionalCount("sparse_index_dim", .heads)
      ?? text.optionalCount("index_head_dim", .heads) ?? 128
    let queries =
      try sparse?.optionalCount("sparse_num_index_heads", .heads)
      ?? text.optionalCount("index_n_heads", .heads) ?? 4
    let layers = try (0..<count).map { index in
      var layer: ModelLayer
      if routed[index] {
        let width = try text.count("intermediate_size", limit: .innerWidth)
        let shared = try text.optionalCount("shared_intermediate_size", .innerWidth, least: 0) ?? 0
        layer = try text.mixtureLayer(
          .heads(heads, .all), text.experts("num_local_experts", width: width, shared: shared))
      } else {
        let width = try text.count("dense_intermediate_size", limit: .innerWidth)
        layer = ModelLayer(.heads(heads, .all), .dense(width: width))
      }
      if indexed[index] {
        layer.attentionExtras = hidden * dim * (queries + 1)
        layer.indexerBytesPerToken = dim * ModelSpec.bytesPerElement
      }
      return layer
    }
    return ModelDraft(layers: layers, modules: .blockSparse)
  }
}
