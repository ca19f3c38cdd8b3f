/// What of an iteration depends on its tokens alone.
extension KernelCostModel {
  /// An operator whose work depends on the batched tokens only.
  struct Part: Sendable {
    var name: String
    var prices: PriceCurve
    /// Whether ranks with requests of their own do it together.
    var isShared = false
    /// Whether it moves tokens between such ranks.
    var isExchange = false
  }

  static func parts(_ deployment: PricedDeployment, _ prices: KernelPrices) -> [Part] {
    let (model, gpus) = (deployment.model, deployment.tensorParallel)
    let experts = expertParts(deployment, prices)
    var parts = model.products(gpus, deployment.weights).filter {
      experts == nil || $0.routing == nil
    }.map { op in
      let price = prices.product(op.name == "router" ? .bfloat16 : op.elements)
      return Part(
        name: op.name,
        prices: PriceCurve(limit: tabulatedTokens, singly: prices.areSingle) {
          op.seconds(tokens: $0, price)
        })
    }
    parts += experts ?? []
    let streamed = model.streamedBytes(gpus, withExperts: experts == nil)
    let streaming = prices.streaming()
    let layers = Double(model.layers.count)
    parts.append(
      Part(
        name: "norms and activations",
        prices: PriceCurve(limit: tabulatedTokens) { tokens in
          layers * streamed.reduce(0) { $0 + streaming(Double(tokens) * $1) }
        }))
    func addSmallKernels(_ name: String, _ seconds: Double, where isOf: (ModelLayer) -> Bool) {
      let layers = model.layers.kinds.filter { isOf($0.layer) }.reduce(0) { $0 + $1.count }
      guard layers > 0, seconds > 0 else { return }
      parts.append(
        Part(
          name: name,
          prices: PriceCurve(limit: tabulatedTokens) { _ in Double(layers) * seconds }))
    }
    addSmallKernels("small kernels of states", deployment.overheads.recurrentLayerSeconds) {
      $0.isRecurrent
    }
    addSmallKernels("small kernels of latents", deployment.overheads.latentLayerSeconds) {
      if case .latent = $0.attention { true } else { false }
    }
    let token = Double(model.hidden * ModelSpec.bytesPerElement)
    parts += exchanges(deployment, prices, tokenBytes: token)
    if gpus > 1 {
      let replayed = prices.allReduce(gpus: gpus, isEager: false)
      let issued = prices.allReduce(gpus: gpus, isEager: true)
      let normed = model.normsAcrossHeads ? layers : 0
      parts.append(
        Part(
          name: "all-reduce",
          prices: PriceCurve(limit: tabulatedTokens) { tokens in
            let sum = tokens > graphTokensMax ? issued : replayed
            return 2 * layers * sum(Double(tokens) * token)
              + normed * sum(Double(tokens) * bytesOfSquares)
          }))
    }
    return parts
  }

  /// What moves tokens between ranks with requests of their own, before and behind the experts that they share.
  ///
  /// An all-gather and a reduce-scatter of all tokens; over links that join servers, or without measurements, the two halves of
  /// an all-reduce, of what goes to ranks that have one of a token's experts.
  private static func exchanges(
    _ deployment: PricedDeployment, _ prices: KernelPrices, tokenBytes: Double
  ) -> [Part] {
    let ranks = deployment.dataParallel
    guard ranks > 1 else { return [] }
    let (device, library) = (deployment.device, prices.library)
    let gpus = deployment.tensorParallel * ranks
    let gather = device.linkedGPUs > device.serverGPUs ? nil : prices.gather(gpus: gpus)
    let exchange = gather ?? prices.allReduce(gpus: gpus, isEager: false)
    return deployment.expertShapes.map { shape, layers in
      let copies =
        gather == nil
        ? Double(library.copies(of: shape, ranks: ranks))
        : Double(ranks) * library.gatheredShare(of: shape)
      return Part(
        name: "all-gather and reduce-scatter",
        prices: PriceCurve(limit: tabulatedTokens) {
          Double(layers) * exchange(Double($0) * copies * tokenBytes)
        }, isShared: true, isExchange: true)
    }
  }

  /// Of a token whose queries and keys are normed across GPUs: two sums of squares in 32 bits.
  private static let bytesOfSquares = 8.0

  /// Routed experts by kernels that were measured; `nil` for a model without, or where a layer's have none.
  private static func expertParts(
    _ deployment: PricedDeployment, _ prices: KernelPrices
  ) -> [Part]? {
    var parts: [Part] = []
    for (shape, count) in deployment.expertShapes {
      guard let price = prices.experts(shape) else { return nil }
      parts.append(
        Part(
          name: "experts",
          prices: PriceCurve(limit: tabulatedTokens) {
            Double(count)
              * (price($0 * deployment.dataParallel) + deployment.overheads.expertLayerSeconds)
          }, isShared: true))
    }
    return parts.isEmpty ? nil : parts
  }
}
