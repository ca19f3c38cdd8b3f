extension CostProfile {
  /// What a device's profile holds no measurements of, in words: it is priced by formula, at data-sheet rates and the
  /// efficiencies of the nearest operator that was measured.
  ///
  /// - Parameters:
  ///   - own: The user's profile; `nil` for the one that the tool carries.
  ///   - library: Whose kernels run where engines have their own.
  /// - Throws: As ``KernelCostModel/init(_:ownProfile:)`` for a profile of another device.
  package static func unmeasured(
    _ model: ModelSpec, device: DeviceSpec, own: DeviceProfile?, weights: ElementType,
    kvCache: ElementType, library: KernelLibrary = .vllm
  ) throws -> [String] {
    let profile = try ProfileChoice(device: device, own: own, library: library).profile
    let operators = profile.operators.map(\.op)
    func has(_ kind: KernelKind, _ isMeant: (KernelOperator) -> Bool = { _ in true }) -> Bool {
      operators.contains { $0.kind == kind && isMeant($0) }
    }
    var missing: [String] = []
    if !has(.gemm) {
      missing.append("products")
    } else if weights != .bfloat16, !has(.gemm, { $0.elements == weights }),
      !has(.experts) || model.hasProducts(of: weights)
    {
      missing.append("\(weights.rawValue) products")
    }
    if let format = model.expertFormat(weights),
      !operators.contains(where: { MeasuredExperts.serves($0, format) })
    {
      missing.append("products of experts")
    }
    if !has(.prefillAttention) { missing.append("attention of prompts") }
    if !has(.decodeAttention) {
      missing.append("attention of decoding sequences")
    } else if kvCache != .bfloat16, !has(.decodeAttention, { $0.elements == kvCache }) {
      missing.append("attention on a \(kvCache.rawValue) KV cache")
    }
    if model.hasLatentAttention {
      if !has(.latentDecode) { missing.append("latent attention") }
    } else if has(.decodeAttention), !has(.decodeAttention, { $0.headDim == model.headDim }) {
      missing.append("attention with heads of \(model.headDim)")
    }
    let states = model.layers.kinds.lazy.compactMap { kind -> ModelLayer.Recurrence? in
      if case .recurrent(let state) = kind.layer.attention { state } else { nil }
    }
    if let state = states.first {
      let known = try ProfileChoice.ofStates(device: device, own: own).profile.operators
      let isKnown = known.contains { $0.op.kind == .recurrentDecode && state.delta != nil }
      if !isKnown { missing.append("recurrent states") }
    }
    return missing
  }
}

extension ModelSpec {
  /// How the routed experts are stored where most matrices are `weights`; `nil` without experts.
  func expertFormat(_ weights: ElementType) -> WeightFormat? {
    layers.kinds.lazy.compactMap { self.expertFormat(of: $0.layer, weights) }.first
  }

  /// The same of one layer.
  func expertFormat(of layer: ModelLayer, _ weights: ElementType) -> WeightFormat? {
    guard case .experts = layer.mlp else { return nil }
    return layer.formats.mlp ?? (weights == stored.elements ? stored : WeightFormat(weights))
  }

  /// Whether matrices beside routed experts and routers are stored as `elements`, where most are.
  fileprivate func hasProducts(of elements: ElementType) -> Bool {
    products(1, elements).contains {
      $0.routing == nil && $0.name != "router" && $0.elements == elements
    }
  }
}
