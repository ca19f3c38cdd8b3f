import CostModel
import KVMemory

extension ModelLayer {
  /// Mamba-2: a matrix for each head, and the last inputs of a convolution.
  ///
  ///     in    gate ‖ values ‖ B and C of each group ‖ one number a head
  ///
  /// - Source: `NemotronHMamba2Mixer` of transformers; how vLLM stores the two parts, from memory; that its kernel writes
  ///   a checkpoint, from the sizing record of vLLM 0.33 for Nemotron-H-8B, which a stand-in for the kernel made.
  static func mamba2(
    heads: Int, dim: Int, stateSize: Int, groups: Int, kernel: Int, stateElementBytes: Int
  ) -> ModelLayer {
    let inner = heads * dim
    let convolved = inner + 2 * groups * stateSize
    let state = Recurrence(
      stateBytes: inner * stateSize * stateElementBytes
        + (kernel - 1) * convolved * ModelSpec.bytesPerElement,
      inputWidth: inner + convolved + heads, outputWidth: inner, checkpointBlocks: 1)
    var layer = ModelLayer(.recurrent(state), .none)
    layer.attentionExtras = (kernel + 1) * convolved
    return layer
  }
}

/// Mamba-2 in layers that have an MLP or experts besides.
///
/// - Source: the configurations of transformers.
extension Architecture {
  /// Granite-4: a state or attention, then experts, if any, and an MLP that every token visits.
  static let graniteHybrid = Architecture("GraniteMoeHybridForCausalLM") { text, _ in
    let count = try text.layerCount()
    let types =
      try text.layerTypes(layers: count) ?? text.layerTypes("layers_block_type", layers: count)
      ?? Array(repeating: "mamba", count: count)
    let layers = try types.map { type in
      var layer =
        switch type {
        case "mamba": try text.mamba2()
        case "attention": ModelLayer(.heads(try text.heads(), .all), .none)
        default: throw text.unknownLayer(type, in: "layer_types")
        }
      let shared = try text.count("shared_intermediate_size", limit: .innerWidth)
      guard try text.optionalCount("num_local_experts", .experts, least: 0) ?? 0 > 0 else {
        layer.mlp = .dense(width: shared)
        return layer
      }
      let width = try text.count("intermediate_size", limit: .innerWidth)
      let mixture = try text.mixtureLayer(
        .none, text.experts("num_local_experts", width: width, shared: shared))
      layer.mlp = mixture.mlp
      layer.mlpExtras = mixture.mlpExtras
      return layer
    }
    return ModelDraft(layers: layers)
  }

  /// Bamba: attention in the listed layers, a state in the others, and an MLP in each.
  static let bamba = Architecture("BambaForCausalLM") { text, _ in
    let attending = try text.counts("attn_layer_indices") ?? []
    let width = try text.count("intermediate_size", limit: .innerWidth)
    let layers = try (0..<text.layerCount()).map { index in
      var layer =
        attending.contains(index)
        ? ModelLayer(.heads(try text.heads(), .all), .none) : try text.mamba2()
      layer.mlp = .dense(width: width)
      return layer
    }
    return ModelDraft(layers: layers)
  }

  /// Falcon-H1: attention and a state side by side, then an MLP. They stand here as two layers, as each keeps something
  /// of its own of a sequence.
  static let falconH1 = Architecture("FalconH1ForCausalLM") { text, _ in
    let attention = ModelLayer(.heads(try text.heads(), .all), .none)
    var state = try text.mamba2()
    state.mlp = .dense(width: try text.count("intermediate_size", limit: .innerWidth))
    return ModelDraft(
      layers: try (0..<text.layerCount()).flatMap { _ in [attention, state] })
  }
}

extension ConfigFields {
  /// A layer's state; as wide as `mamba_d_ssm`, or as so many times the residual stream.
  fileprivate func mamba2() throws -> ModelLayer {
    let heads = try count("mamba_n_heads", limit: .heads)
    let expanded = try (optionalCount("mamba_expand", .heads) ?? 2) * hidden()
    let inner = try optionalCount("mamba_d_ssm", .innerWidth) ?? expanded
    guard inner % heads == 0 else {
      throw contradiction("`\(place)mamba_n_heads` \(heads) does not divide a state of \(inner)")
    }
    return .mamba2(
      heads: heads, dim: inner / heads, stateSize: try count("mamba_d_state", limit: .heads),
      groups: try count("mamba_n_groups", limit: .heads),
      kernel: try count("mamba_d_conv", limit: .heads),
      stateElementBytes: try stateElementBytes("mamba_ssm_cache_dtype"))
  }
}
