extension ModelSpec {
  /// Parameters that one GPU holds when the model is split over `tensorParallel` GPUs; with 1, all
  /// of them.
  ///
  /// Matrices are split by head, inner width or vocabulary, each share rounded up; norms, biases of
  /// row-split matrices, routers and learned positions are held by every GPU, and so are KV heads
  /// that are too few to split. `tensorParallel` times the result therefore exceeds the total.
  ///
  /// - Precondition: ``checkTensorParallel(_:)`` does not throw.
  /// - Complexity: O(kinds of layers).
  package func parameters(tensorParallel: Int = 1) -> Int {
    switch (weightCount, family) {
    case (.sosp23Artifact, .opt): artifactOPTParameters(tensorParallel)
    case (.sosp23Artifact, .llama): artifactLlamaParameters(tensorParallel)
    case (.fromLayers, _): parameters(of: .all, tensorParallel)
    }
  }

  /// Parameters that one token passes through: all of a dense model, top-k and shared experts of a
  /// mixture.
  ///
  /// The embedding table counts whole, as in most published figures.
  package var activeParameters: Int {
    hasExperts ? parameters(of: .active, 1) : parameters()
  }

  /// Bytes of the weights on one GPU of `tensorParallel`.
  package func weightBytes(tensorParallel: Int = 1) -> Int {
    parameters(tensorParallel: tensorParallel) * Self.bytesPerElement
  }

  /// The count that the layers give.
  private func parameters(of experts: ModelLayer.CountedExperts, _ tensorParallel: Int) -> Int {
    let embedding = ceilingDivide(vocab, tensorParallel) * hidden * (tiedEmbeddings ? 1 : 2)
    let outside = embedding + hidden + ceilingDivide(besideLayers, tensorParallel)
    return layers.kinds.reduce(outside) { sum, kind in
      let (layer, split) = (kind.layer, LayerSplit(self, tensorParallel))
      let attention =
        split.attentionInputElements(layer.attention)
        + split.attentionOutputElements(layer.attention)
        + ceilingDivide(layer.attentionExtras, tensorParallel)
      let mlp =
        split.elements(of: layer.mlp, experts) + ceilingDivide(layer.mlpExtras, tensorParallel)
      return sum + kind.count * (attention + 2 * hidden + mlp)
    }
  }

  /// - Source: PagedAttention artifact, as set down in paper-protocol.md section 6. The term for
  ///   embeddings narrower than the model is left out: no catalogue row has them.
  private func artifactOPTParameters(_ tensorParallel: Int) -> Int {
    let attention = 4 * (hidden * hidden / tensorParallel + hidden)
    let mlp = hidden * ffn / tensorParallel + ffn + ffn * hidden / tensorParallel + hidden
    return vocab * hidden / tensorParallel + maxPositions * hidden
      + layers.count * (attention + 2 * hidden + 2 * hidden + mlp)
  }

  /// - Source: PagedAttention artifact, as set down in paper-protocol.md section 6.
  private func artifactLlamaParameters(_ tensorParallel: Int) -> Int {
    let tableRows = 8192
    let layer =
      2 * hidden + 4 * hidden * hidden / tensorParallel + tableRows * headDim
      + 3 * hidden * ffn / tensorParallel
    return vocab * hidden / tensorParallel + tableRows * hidden + layers.count * layer
  }
}

extension ModelLayer {
  /// Whose weights are counted of a layer's routed experts.
  enum CountedExperts {
    case all
    /// Those that one token visits.
    case active
  }
}

/// The matrices of one layer on one GPU, in elements; the price of an iteration counts the same
/// ones.
struct LayerSplit {
  let hidden: Int
  let tensorParallel: Int
  /// Matrices of an MLP that widen: gate and up, or up alone.
  let mlpInputMatrices: Int

  init(_ model: ModelSpec, _ tensorParallel: Int) {
    hidden = model.hidden
    self.tensorParallel = tensorParallel
    mlpInputMatrices = model.mlpInputMatrices
  }

  /// Everything ahead of attention: Q, K and V, the two stages of latent attention, or what a state
  /// is fed with.
  ///
  /// The down-projections of latent attention are not split: their output is what each GPU caches.
  func attentionInputElements(_ attention: ModelLayer.Attention) -> Int {
    switch attention {
    case .heads(let heads, _):
      let rows = heads.query / tensorParallel + 2 * heads.kvOnGPU(tensorParallel)
      return hidden * rows * heads.dim
    case .latent(let latent, let shape):
      let heads = shape.query / tensorParallel
      let queryWidth = heads * (latent.nopeDim + latent.ropeDim)
      let query =
        latent.queryLoraRank.map { hidden * $0 + $0 * queryWidth } ?? (hidden * queryWidth)
      let down = hidden * (latent.kvLoraRank + latent.ropeDim)
      return query + down + latent.kvLoraRank * heads * (latent.nopeDim + latent.valueDim)
    case .compressed(let compressed, let heads):
      let queryWidth = heads.query / tensorParallel * heads.dim
      return hidden * (compressed.queryRank + heads.dim) + compressed.queryRank * queryWidth
    case .recurrent(let state): return hidden * ceilingDivide(state.inputWidth, tensorParallel)
    case .none: return 0
    }
  }

  /// The projection from the heads, or from a state, back to the residual stream.
  func attentionOutputElements(_ attention: ModelLayer.Attention) -> Int {
    switch attention {
    case .heads(let heads, _): heads.query / tensorParallel * heads.dim * hidden
    case .latent(let latent, let heads): heads.query / tensorParallel * latent.valueDim * hidden
    case .compressed(let compressed, let heads):
      heads.query / tensorParallel * heads.dim * compressed.outputRank
        + ceilingDivide(compressed.outputGroups * compressed.outputRank, tensorParallel) * hidden
    case .recurrent(let state): ceilingDivide(state.outputWidth, tensorParallel) * hidden
    case .none: 0
    }
  }

  /// A dense MLP, or router, routed and shared experts.
  func elements(of mlp: ModelLayer.MLP, _ counted: ModelLayer.CountedExperts) -> Int {
    switch mlp {
    case .dense(let width): return mlpElements(width: width)
    case .experts(let experts):
      let routed = counted == .all ? experts.experts : experts.activeExperts
      return experts.experts * hidden
        + routed * mlpElements(width: experts.ffn, stream: experts.stream)
        + mlpElements(width: experts.sharedExperts * experts.ffn)
    case .none: return 0
    }
  }

  /// The routed experts alone.
  func routedElements(of mlp: ModelLayer.MLP) -> Int {
    guard case .experts(let experts) = mlp else { return 0 }
    return experts.experts * mlpElements(width: experts.ffn, stream: experts.stream)
  }

  /// An MLP of inner width `width`, all its matrices.
  ///
  /// - Parameter stream: Where it works on another stream than the model's.
  private func mlpElements(width: Int, stream: Int? = nil) -> Int {
    (mlpInputMatrices + 1) * (stream ?? hidden) * ceilingDivide(width, tensorParallel)
  }
}

extension ModelSpec {
  /// Matrices of an MLP that widen: gate and up, or up alone.
  var mlpInputMatrices: Int { family == .llama && !hasPlainMLP ? 2 : 1 }
}

/// ⌈`dividend` / `divisor`⌉ of a non-negative dividend.
func ceilingDivide(_ dividend: Int, _ divisor: Int) -> Int { (dividend + divisor - 1) / divisor }
