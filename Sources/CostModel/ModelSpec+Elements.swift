extension ModelSpec {
  /// Bytes of the weights on one GPU when the layers' matrices are stored as `elements`.
  ///
  /// Embedding, LM head and norms stay 16-bit, as in the quantised checkpoints that engines load.
  package func weightBytes(tensorParallel: Int, elements: ElementType) -> Int {
    let all = weightBytes(tensorParallel: tensorParallel)
    guard elements != .bfloat16 else { return all }
    let vocabulary = ceilingDivide(vocab, tensorParallel) * hidden * (tiedEmbeddings ? 1 : 2)
    let kept = min(vocabulary * Self.bytesPerElement, all)
    return kept + Int(Double(all - kept) / Double(Self.bytesPerElement) * elements.bytes)
  }

  /// ``kvBytesPerToken(tensorParallel:)`` for a cache of `elements`; an 8-bit cache has one scale a
  /// layer, which is not counted.
  package func kvBytesPerToken(tensorParallel: Int, elements: ElementType) -> Int {
    let wide = kvBytesPerToken(tensorParallel: tensorParallel)
    return Int(Double(wide) / Double(Self.bytesPerElement) * elements.bytes)
  }
}
