import Messages

extension ModelSpec {
  /// Bytes that one token adds to the KV cache of one GPU of `tensorParallel`, all layers.
  ///
  ///     K and V:  layers × 2 × ⌈kvHeads / tensorParallel⌉ × headDim × 2 B
  ///     latent:   layers × (kvLoraRank + ropeDim) × 2 B               the same on every GPU
  ///
  /// Fewer KV heads than GPUs are replicated, so that the result stops falling at `kvHeads` GPUs.
  /// Local layers count like global ones: a paged engine that keeps one block table for all layers
  /// stores them whole.
  package func kvBytesPerToken(tensorParallel: Int = 1) -> Int {
    layers * kvBytesPerTokenAndLayer(tensorParallel)
  }

  /// One layer's part of ``kvBytesPerToken(tensorParallel:)``.
  func kvBytesPerTokenAndLayer(_ tensorParallel: Int) -> Int {
    let elements =
      latent.map { $0.kvLoraRank + $0.ropeDim } ?? (2 * kvHeadsPerGPU(tensorParallel) * headDim)
    return elements * Self.bytesPerElement
  }

  /// KV heads that one GPU holds, at least 1.
  func kvHeadsPerGPU(_ tensorParallel: Int) -> Int { ceilingDivide(kvHeads, tensorParallel) }

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
    guard heads % tensorParallel == 0 else {
      throw UserError("\(found) does not divide the \(heads) heads of `\(name)`", hint: hint)
    }
    throw UserError(
      "\(found) neither divides nor is a multiple of the \(kvHeads) KV heads of `\(name)`",
      hint: hint)
  }

  /// Whether ``checkTensorParallel(_:)`` accepts the size.
  func splits(_ tensorParallel: Int) -> Bool {
    guard tensorParallel >= 1, heads % tensorParallel == 0 else { return false }
    // Latent attention caches one vector for all heads: there are no KV heads to split.
    return latent != nil || kvHeads % tensorParallel == 0 || tensorParallel % kvHeads == 0
  }
}
