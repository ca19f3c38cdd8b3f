import CostModel
import KVMemory

extension Architecture {
  /// Jamba: Mamba-1, with attention in one of eight layers, and experts in every second.
  ///
  /// - Source: `JambaConfig` of transformers, from memory, for the fields that published files leave out.
  static let jamba = Architecture(
    "JambaForCausalLM",
    defaults: [
      "attn_layer_period": 8, "attn_layer_offset": 4, "expert_layer_period": 2,
      "expert_layer_offset": 1, "num_experts": 16, "num_experts_per_tok": 2, "mamba_d_state": 16,
      "mamba_d_conv": 4, "mamba_expand": 2,
    ]
  ) { text, _ in
    func isNth(_ what: String, _ index: Int) throws -> Bool {
      let period = try text.count("\(what)_period", limit: .layers)
      return try index % period == text.count("\(what)_offset", limit: .layers, least: 0)
    }
    let width = try text.count("intermediate_size", limit: .innerWidth)
    let state = try text.mamba1()
    let layers = try (0..<text.layerCount()).map { index in
      var layer =
        try isNth("attn_layer", index) ? ModelLayer(.heads(text.heads(), .all), .none) : state
      guard try isNth("expert_layer", index) else {
        layer.mlp = .dense(width: width)
        return layer
      }
      layer.mlp = .experts(try text.experts("num_experts", width: width).experts)
      return layer
    }
    return ModelDraft(layers: layers, modules: .feedForward)
  }
}

extension ConfigFields {
  /// A state of so many numbers a channel, and the last inputs of a convolution.
  ///
  ///     in    values ‖ gate      then, of each value: a step of low rank ‖ B ‖ C
  ///
  /// - Source: `mamba1_state_shape` and `mamba1_state_dtype` of vLLM: both parts in the type of the model unless
  ///   `--mamba-ssm-cache-dtype` says otherwise, which a configuration does not.
  fileprivate func mamba1() throws -> ModelLayer {
    let hidden = try hidden()
    let inner = try hidden * count("mamba_expand", limit: .heads)
    let numbers = try count("mamba_d_state", limit: .heads)
    let kernel = try count("mamba_d_conv", limit: .heads)
    // `auto` where it is no number.
    let stated = try isText("mamba_dt_rank") ? nil : optionalCount("mamba_dt_rank", .width)
    let rank = stated ?? (hidden + 15) / 16
    let state = ModelLayer.Recurrence(
      stateBytes: inner * (numbers + kernel - 1) * ModelSpec.bytesPerElement,
      inputWidth: 2 * inner, outputWidth: inner)
    var layer = ModelLayer(.recurrent(state), .none)
    layer.attentionExtras = inner * (kernel + 1 + 2 * rank + 1 + 3 * numbers + 1)
    return layer
  }
}
