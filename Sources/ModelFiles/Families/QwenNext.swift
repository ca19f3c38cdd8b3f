import CostModel
import KVMemory

extension Architecture {
  /// Gated delta nets, and a layer with gated attention behind every three of them. Layers that
  /// predict further tokens are not counted.
  static let qwenNext = Architecture(
    "Qwen3NextForCausalLM", "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration",
    "Qwen3_5ForCausalLM", "Qwen3_5MoeForCausalLM"
  ) { text, _ in
    let (count, hidden, heads) = (try text.layerCount(), try text.hidden(), try text.heads())
    let every = try text.optionalCount("full_attention_interval", .layers) ?? 4
    let byInterval = (0..<count).map {
      ($0 + 1) % every == 0 ? "full_attention" : "linear_attention"
    }
    let types = try text.layerTypes(layers: count) ?? byInterval
    let layers = try types.enumerated().map { index, type in
      switch type {
      case "full_attention":
        var layer = try text.qwenNextLayer(index, .heads(heads, .all))
        if try text.flag("attn_output_gate", or: true) {
          layer.attentionExtras = hidden * heads.query * heads.dim
        }
        return layer
      case "linear_attention":
        let net = try text.gatedDeltaNet()
        var layer = try text.qwenNextLayer(index, .recurrent(net.state))
        layer.attentionExtras = net.convolution
        return layer
      default: throw text.unknownLayer(type, in: "layer_types")
      }
    }
    return ModelDraft(layers: layers, modules: .qwenNext)
  }

  /// Olmo-Hybrid: the same nets, attention without a gate, and dense MLPs.
  ///
  /// - Source: `OlmoHybridConfig` and the model of transformers.
  static let olmoHybrid = Architecture("OlmoHybridForCausalLM") { text, _ in
    let (count, heads) = (try text.layerCount(), try text.heads())
    let width = try text.count("intermediate_size", limit: .innerWidth)
    guard let attends = try text.attendingLayers(count, besides: "linear_attention") else {
      throw text.contradiction("`\(text.place)layer_types` is missing")
    }
    let net = try text.gatedDeltaNet()
    let layers = attends.map { attends in
      var layer = ModelLayer(
        attends ? .heads(heads, .all) : .recurrent(net.state), .dense(width: width))
      if !attends { layer.attentionExtras = net.convolution }
      return layer
    }
    return ModelDraft(layers: layers)
  }
}

extension ConfigFields {
  /// Experts where the model has them, or else a dense MLP.
  fileprivate func qwenNextLayer(_ index: Int, _ attention: ModelLayer.Attention) throws
    -> ModelLayer
  {
    if has("num_experts") { return try qwenMixtureLayer(index, attention) }
    return ModelLayer(attention, .dense(width: try count("intermediate_size", limit: .innerWidth)))
  }

  /// The state of a gated delta net: a matrix of key by value for each value head, and the last
  /// inputs of a convolution over queries, keys and values.
  ///
  ///     in    keys ‖ keys ‖ values ‖ gate ‖ two numbers a head
  ///
  /// - Source: `Qwen3NextGatedDeltaNet` of transformers; how vLLM stores the two parts, from memory.
  fileprivate func gatedDeltaNet() throws -> (state: ModelLayer.Recurrence, convolution: Int) {
    let keyHeads = try count("linear_num_key_heads", limit: .heads)
    let valueHeads = try count("linear_num_value_heads", limit: .heads)
    let keyDim = try count("linear_key_head_dim", limit: .heads)
    let valueDim = try count("linear_value_head_dim", limit: .heads)
    let kernel = try count("linear_conv_kernel_dim", limit: .heads)
    let (keys, values) = (keyHeads * keyDim, valueHeads * valueDim)
    let convolved = 2 * keys + values
    let bytes = try stateElementBytes("mamba_ssm_dtype")
    let state = ModelLayer.Recurrence(
      stateBytes: valueHeads * keyDim * valueDim * bytes
        + (kernel - 1) * convolved * ModelSpec.bytesPerElement,
      inputWidth: convolved + values + 2 * valueHeads, outputWidth: values,
      delta: keyDim == valueDim && keyDim == ModelLayer.Recurrence.Delta.measuredWidth
        ? .init(.gatedDelta, keyHeads: keyHeads, heads: valueHeads, elementBytes: bytes) : nil)
    return (state, kernel * convolved)
  }

  /// 4 where a recurrent state is kept in 32 bits, or else 2.
  func stateElementBytes(_ name: String) throws -> Int {
    try optionalText(name) == "float32" ? 4 : ModelSpec.bytesPerElement
  }
}
