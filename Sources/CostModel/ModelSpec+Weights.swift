extension ModelSpec {
  /// Parameters that one GPU holds when the model is split over `tensorParallel` GPUs; with 1, all
  /// of them.
  ///
  /// Matrices are split by head, inner width or vocabulary, each share rounded up; norms, biases of
  /// row-split matrices, routers and learned positions are held by every GPU, and so are KV heads
  /// that are too few to split. `tensorParallel` times the result therefore exceeds the total.
  ///
  /// - Precondition: ``checkTensorParallel(_:)`` does not throw.
  /// - Complexity: O(1).
  package func parameters(tensorParallel: Int = 1) -> Int {
    switch (weightCount, family) {
    case (.sosp23Artifact, .opt): artifactOPTParameters(tensorParallel)
    case (.sosp23Artifact, .llama): artifactLlamaParameters(tensorParallel)
    case (.fromFields, _):
      parameters(expertsCounted: mixture?.experts ?? 0, tensorParallel: tensorParallel)
    }
  }

  /// Parameters that one token passes through: all of a dense model, top-k and shared experts of a
  /// mixture.
  ///
  /// The embedding table counts whole, as in most published figures.
  package var activeParameters: Int {
    guard let mixture else { return parameters() }
    return parameters(expertsCounted: mixture.activeExperts, tensorParallel: 1)
  }

  /// Bytes of the weights on one GPU of `tensorParallel`.
  package func weightBytes(tensorParallel: Int = 1) -> Int {
    parameters(tensorParallel: tensorParallel) * Self.bytesPerElement
  }

  /// The count that the fields give, with `expertsCounted` of the routed experts.
  private func parameters(expertsCounted: Int, tensorParallel: Int) -> Int {
    let embedding = ceilingDivide(vocab, tensorParallel) * hidden * (tiedEmbeddings ? 1 : 2)
    let attention =
      attentionInputElements(tensorParallel) + attentionOutputElements(tensorParallel) + 2 * hidden
    let dense = denseLayers * mlpElements(width: ffn, tensorParallel)
    var sparse = 0
    if let mixture {
      let experts =
        expertsCounted * mlpElements(width: mixture.ffn, tensorParallel)
        + mlpElements(width: mixture.sharedExperts * mixture.ffn, tensorParallel)
      sparse = (layers - denseLayers) * (mixture.experts * hidden + experts)
    }
    return embedding + hidden + layers * attention + dense + sparse
  }

  /// - Source: PagedAttention artifact, as set down in paper-protocol.md section 6. The term for
  ///   embeddings narrower than the model is left out: no catalogue row has them.
  private func artifactOPTParameters(_ tensorParallel: Int) -> Int {
    let attention = 4 * (hidden * hidden / tensorParallel + hidden)
    let mlp = hidden * ffn / tensorParallel + ffn + ffn * hidden / tensorParallel + hidden
    return vocab * hidden / tensorParallel + maxPositions * hidden
      + layers * (attention + 2 * hidden + 2 * hidden + mlp)
  }

  /// - Source: PagedAttention artifact, as set down in paper-protocol.md section 6.
  private func artifactLlamaParameters(_ tensorParallel: Int) -> Int {
    let tableRows = 8192
    let layer =
      2 * hidden + 4 * hidden * hidden / tensorParallel + tableRows * headDim
      + 3 * hidden * ffn / tensorParallel
    return vocab * hidden / tensorParallel + tableRows * hidden + layers * layer
  }
}

/// The matrices of one layer on one GPU, in elements; the price of an iteration counts the same
/// ones.
extension ModelSpec {
  /// Layers whose MLP is dense.
  var denseLayers: Int { mixture?.firstDenseLayers ?? layers }

  /// Matrices of an MLP that widen: gate and up, or up alone.
  var mlpInputMatrices: Int { family == .llama ? 2 : 1 }

  /// Everything ahead of attention: Q, K and V, or the two stages of latent attention.
  ///
  /// The down-projections of latent attention are not split: their output is what each GPU caches.
  func attentionInputElements(_ tensorParallel: Int) -> Int {
    let heads = heads / tensorParallel
    guard let latent else {
      return hidden * (heads + 2 * kvHeadsPerGPU(tensorParallel)) * headDim
    }
    let queryWidth = heads * (latent.nopeDim + latent.ropeDim)
    let query =
      latent.queryLoraRank.map { hidden * $0 + $0 * queryWidth } ?? (hidden * queryWidth)
    let down = hidden * (latent.kvLoraRank + latent.ropeDim)
    return query + down + latent.kvLoraRank * heads * (latent.nopeDim + latent.valueDim)
  }

  /// The projection from the heads back to the residual stream.
  func attentionOutputElements(_ tensorParallel: Int) -> Int {
    heads / tensorParallel * (latent?.valueDim ?? headDim) * hidden
  }

  /// An MLP of inner width `width`, all its matrices.
  func mlpElements(width: Int, _ tensorParallel: Int) -> Int {
    (mlpInputMatrices + 1) * hidden * ceilingDivide(width, tensorParallel)
  }
}

/// ⌈`dividend` / `divisor`⌉ of a non-negative dividend.
func ceilingDivide(_ dividend: Int, _ divisor: Int) -> Int { (dividend + divisor - 1) / divisor }
