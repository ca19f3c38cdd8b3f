import Messages

extension ModelSpec {
  /// Bytes that one token adds to the KV cache of one GPU of `tensorParallel`, all layers.
  ///
  ///     K and V:  layers × 2 × ⌈KV heads / tensorParallel⌉ × head width × 2 B
  ///     latent:   layers × (kvLoraRank + ropeDim) × 2 B               the same on every GPU
  ///     compressed: layers × (1 + 1 / ratio) × head width × 2 B       the same on every GPU
  ///     state:    nothing, however long the sequence
  ///
  /// Fewer KV heads than GPUs are replicated, so that the result stops falling at as many GPUs as
  /// there are KV heads. Local layers count like global ones: what they keep is ``KVCacheSpec``'s
  /// to say.
  package func kvBytesPerToken(tensorParallel: Int = 1) -> Int {
    layers.kinds.reduce(0) { $0 + $1.count * $1.layer.kvBytesPerToken(tensorParallel) }
  }

  /// Throws a ``UserError`` unless the model can be split over `tensorParallel` GPUs: it must
  /// divide the heads, and divide the KV heads or be a multiple of them, as vLLM requires.
  package func checkTensorParallel(_ tensorParallel: Int) throws {
    guard !splits(tensorParallel) else { return }
    let found = "`--tensor-parallel-size` \(tensorParallel)"
    let sizes = (1...8).filter(splits).map(String.init).joined(separator: ", ")
    let hint = "sizes up to 8 that split `\(name)`: \(sizes)"
    guard tensorParallel >= 1 else {
      throw UserError("\(found) must be at least 1", hint: hint)
    }
    let heads = layers.kinds.lazy.compactMap(\.layer.heads)
    if let uneven = heads.first(where: { $0.query % tensorParallel != 0 }) {
      throw UserError(
        "\(found) does not divide the \(uneven.query) heads of `\(name)`", hint: hint)
    }
    throw UserError(
      "\(found) neither divides nor is a multiple of the \(kvHeads) KV heads of `\(name)`",
      hint: hint)
  }

  /// Whether ``checkTensorParallel(_:)`` accepts the size.
  func splits(_ tensorParallel: Int) -> Bool {
    tensorParallel >= 1 && layers.kinds.allSatisfy { $0.layer.splits(tensorParallel) }
  }
}

extension ModelLayer {
  /// This layer's part of ``ModelSpec/kvBytesPerToken(tensorParallel:)``.
  func kvBytesPerToken(_ tensorParallel: Int) -> Int {
    let elements: Int
    switch attention {
    case .heads(let heads, _): elements = 2 * heads.kvOnGPU(tensorParallel) * heads.dim
    case .latent(let latent, _): elements = latent.kvLoraRank + latent.ropeDim
    case .compressed(let compressed, let heads):
      let vectorBytes = heads.dim * ModelSpec.bytesPerElement
      let far = compressed.ratio.map { ceilingDivide(vectorBytes + compressed.indexerBytes, $0) }
      return vectorBytes + (far ?? 0)
    case .recurrent, .none: elements = 0
    }
    return elements * ModelSpec.bytesPerElement + indexerBytesPerToken
  }

  /// Whether `tensorParallel` GPUs, at least 1, can share the layer's heads.
  fileprivate func splits(_ tensorParallel: Int) -> Bool {
    switch attention {
    case .heads(let heads, _):
      heads.query % tensorParallel == 0
        && (heads.kv % tensorParallel == 0 || tensorParallel % heads.kv == 0)
    // Latent attention caches one vector for all heads: there are no KV heads to split.
    case .latent(_, let heads), .compressed(_, let heads): heads.query % tensorParallel == 0
    case .recurrent, .none: true
    }
  }
}

extension ModelLayer.Heads {
  /// KV heads that one GPU holds, at least 1.
  func kvOnGPU(_ tensorParallel: Int) -> Int { ceilingDivide(kv, tensorParallel) }
}
