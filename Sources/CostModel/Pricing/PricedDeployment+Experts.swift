import Messages

extension KernelLibrary {
  /// Copies of a token that go to other ranks' experts and come back.
  ///
  /// Each rank gets all tokens (vLLM's default back end), or, where it is fewer, each expert of a token's choice does, as
  /// DeepEP and TensorRT-LLM's all-to-all send them.
  func copies(of shape: ExpertShape, ranks: Int) -> Int {
    self == .vllm ? ranks : min(ranks, shape.experts.activeExperts)
  }

  /// Of the bytes of 16-bit tokens, what is collected on all ranks and handed back as sums: TensorRT-LLM quantises tokens for
  /// NVFP4 experts before it collects them (from memory of its sources), and sums are of 16 bits.
  func gatheredShare(of shape: ExpertShape) -> Double {
    guard self == .trtllm, shape.format.elements == .nvfp4 else { return 1 }
    return (1 + ElementType.nvfp4.bytes / ElementType.bfloat16.bytes) / 2
  }
}

extension PricedDeployment {
  /// Refuses a layout of experts that nothing tells the price of: grouped products know cuts alone.
  func requireKernelsOfExperts(_ prices: KernelPrices) throws(UserError) {
    guard expertParallel > 1 || dataParallel > 1 else { return }
    guard let unknown = expertShapes.first(where: { prices.experts($0.shape) == nil })?.shape
    else { return }
    throw UserError(
      "experts spread over GPUs have no price on `\(device.name)`: no kernel of \(unknown.format.name) experts "
        + "was measured",
      hint: "leave out `--enable-expert-parallel`, or choose another `--quantization`")
  }

  /// Whether popular experts have copies, so that tokens fall evenly on the ranks that experts are spread over.
  ///
  /// Published recipes for DeepSeek under SGLang (`ep-num-redundant-experts`) and TensorRT-LLM (`eplb`) have copies where
  /// attention is data parallel and experts are spread over several servers, and none inside of one. vLLM has none without
  /// a flag (`--enable-eplb`).
  private var balancesExperts: Bool {
    overheads.library != .vllm && dataParallel > 1 && expertParallel > device.serverGPUs
  }

  /// Routed experts as one GPU has them, and in how many layers.
  var expertShapes: [(shape: ExpertShape, layers: Int)] {
    model.layers.kinds.compactMap { kind in
      guard case .experts(let experts) = kind.layer.mlp,
        let format = model.expertFormat(of: kind.layer, weights)
      else { return nil }
      return (
        ExpertShape(
          experts: experts, hidden: experts.stream ?? model.hidden,
          width: ceilingDivide(experts.ffn * expertParallel, tensorParallel * dataParallel),
          ranks: expertParallel,
          skew: expertSkew ?? (balancesExperts ? 0 : ExpertLoads.typicalSkew),
          format: format),
        kind.count
      )
    }
  }
}
