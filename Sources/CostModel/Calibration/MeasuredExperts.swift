/// Kernels of routed experts by the type that tables and engines call them by.
package enum MeasuredExperts {
  /// The type that such a kernel's weights are stored in; `nil` for a type that is not known.
  package static func elements(_ type: String) -> ElementType? {
    switch type {
    case "bfloat16": .bfloat16
    case "fp8", "fp8_block": .fp8
    case "int4_wo", "w4a16_mxfp4", "w4a8_mxfp4_mxfp8": .int4
    case "nvfp4": .nvfp4
    default: nil
    }
  }

  /// `fp8_block/vllm_fp8moe_triton_tritonexperts`.
  package static func name(type: String, source: String) -> String {
    source.isEmpty ? type : "\(type)/\(source)"
  }

  /// The types whose kernels serve a checkpoint, the likeliest first; those of one entry are told apart by an engine's
  /// flags and sizes.
  ///
  /// Checkpoints of 8 bits are scaled by blocks (DeepSeek, Qwen, MiniMax), some by the tensor (NVIDIA's).
  static func types(of format: WeightFormat) -> [[String]] {
    switch format.elements {
    case .bfloat16: [["bfloat16"]]
    case .fp8: [["fp8_block"], ["fp8"]]
    case .int8: []
    case .int4:
      format.name == "mxfp4" ? [["w4a16_mxfp4", "w4a8_mxfp4_mxfp8"]] : [["int4_wo"]]
    case .nvfp4: [["nvfp4"]]
    }
  }

  /// Whether an operator is a kernel for experts of that format.
  static func serves(_ op: KernelOperator, _ format: WeightFormat) -> Bool {
    op.kind == .experts
      && types(of: format).joined().contains(type(ofKernel: op.kernel ?? ""))
  }

  /// The type in a kernel's name.
  static func type(ofKernel name: String) -> String {
    String(name.prefix { $0 != "/" })
  }
}

/// Routed experts of one layer as one GPU has them.
struct ExpertShape: Equatable, Sendable {
  var experts: ModelLayer.Experts
  var hidden: Int
  /// Inner width of an expert's cut on this GPU.
  var width: Int
  /// Ranks that whole experts are cut over.
  var ranks: Int
  var skew = ExpertLoads.typicalSkew
  var format: WeightFormat

  /// As ``KernelKind/axes``.
  func sizes(tokens: Int) -> [Double] {
    [tokens, hidden, width, experts.activeExperts, experts.experts, ranks].map(Double.init) + [skew]
  }
}
