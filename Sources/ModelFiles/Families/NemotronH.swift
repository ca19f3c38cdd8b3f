import CostModel
import KVMemory

extension Architecture {
  /// Each layer is one thing alone: a Mamba-2 state, attention, an MLP or experts, which have no
  /// gate.
  static let nemotronH = Architecture("NemotronHForCausalLM") { text, _ in
    let count = try text.layerCount()
    let types = try text.layerTypes("layers_block_type", layers: count) ?? text.nemotronPattern()
    guard types.count == count else {
      throw text.contradiction(
        "`\(text.place)hybrid_override_pattern` has \(types.count) of \(count) layers")
    }
    let layers = try types.map { type in
      switch type {
      case "mamba": return try text.nemotronMamba()
      case "attention": return ModelLayer(.heads(try text.heads(), .all), .none)
      case "mlp":
        return ModelLayer(
          .none, .dense(width: try text.count("intermediate_size", limit: .innerWidth)))
      case "moe": return try text.nemotronExperts()
      default: throw text.unknownLayer(type, in: "layers_block_type")
      }
    }
    return ModelDraft(layers: layers, modules: .mixer, hasPlainMLP: true)
  }
}

extension ConfigFields {
  /// `M` for Mamba, `*` for attention, `-` for an MLP, `E` for experts.
  fileprivate func nemotronPattern() throws -> [String] {
    let pattern = try optionalText("hybrid_override_pattern") ?? ""
    return try pattern.map { letter in
      switch letter {
      case "M": "mamba"
      case "*": "attention"
      case "-": "mlp"
      case "E": "moe"
      default: throw unknownLayer(String(letter), in: "hybrid_override_pattern")
      }
    }
  }

  /// Experts may work on a narrower stream, between two projections that all of them share.
  fileprivate func nemotronExperts() throws -> ModelLayer {
    let hidden = try hidden()
    let width = try count("moe_intermediate_size", limit: .innerWidth)
    let number = try optionalCount("n_shared_experts", .experts, least: 0) ?? 0
    let shared = try count("moe_shared_expert_intermediate_size", limit: .innerWidth, least: 0)
    let read = try experts("n_routed_experts", width: width, shared: min(number, 64) * shared)
    var layer = try mixtureLayer(.none, read, matrices: 2)
    if let narrow = try optionalCount("moe_latent_size", .width) {
      var experts = read.experts
      experts.stream = narrow
      layer.mlp = .experts(experts)
      layer.mlpExtras += 2 * hidden * narrow
    }
    return layer
  }

  fileprivate func nemotronMamba() throws -> ModelLayer {
    .mamba2(
      heads: try count("mamba_num_heads", limit: .heads),
      dim: try count("mamba_head_dim", limit: .heads),
      stateSize: try count("ssm_state_size", limit: .heads),
      groups: try count("n_groups", limit: .heads),
      kernel: try count("conv_kernel", limit: .heads),
      stateElementBytes: try stateElementBytes("mamba_ssm_cache_dtype"))
  }
}
