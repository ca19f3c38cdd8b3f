extension ModelSpec {
  /// The model of the same shape with all of its weights in 16 bits.
  package var inSixteenBits: ModelSpec {
    var model = self
    model.stored = .bfloat16
    model.layers = LayerList(
      layers.runs.map { run in
        var layer = run.layer
        layer.formats = .init()
        return .init(layer, count: run.count)
      })
    return model
  }

  /// Bytes of the weights on one GPU when the layers' matrices are stored as `elements`.
  ///
  /// Embedding, LM head, vision tower and norms stay 16-bit, as in the quantised checkpoints that
  /// engines load, and so do the parts that a checkpoint says so of (``ModelLayer/Formats``).
  package func weightBytes(tensorParallel: Int, elements: ElementType) -> Int {
    let all = weightBytes(tensorParallel: tensorParallel)
    guard elements != .bfloat16 else { return all }
    let vocabulary = ceilingDivide(vocab, tensorParallel) * hidden * (tiedEmbeddings ? 1 : 2)
    let outside = vocabulary + ceilingDivide(besideLayers, tensorParallel)
    let kept = min(outside * Self.bytesPerElement, all)
    let bytes = elements == stored.elements ? stored.bytes : elements.bytes
    let matrices = Int(Double(all - kept) / Double(Self.bytesPerElement) * bytes)
    return kept + matrices + Int(unlikeBytes(tensorParallel, bytes))
  }

  /// What parts of layers take beyond `bytes` an element where they are stored in a format of their
  /// own.
  private func unlikeBytes(_ tensorParallel: Int, _ bytes: Double) -> Double {
    let split = LayerSplit(self, tensorParallel)
    return layers.kinds.reduce(0) { sum, kind in
      sum
        + split.parts(of: kind.layer).reduce(0) { sum, part in
          guard let format = part.format else { return sum }
          return sum + Double(kind.count) * Double(part.elements) * (format.bytes - bytes)
        }
    }
  }

  /// What one GPU need not hold because the other data-parallel ranks hold their part of the routed experts.
  func sharedExpertBytes(_ inputs: KVBudget.Inputs) -> Int {
    guard inputs.dataParallel > 1 else { return 0 }
    let split = LayerSplit(self, inputs.tensorParallel)
    let usual = inputs.weights == stored.elements ? stored : WeightFormat(inputs.weights)
    let bytes = layers.kinds.reduce(0.0) { sum, kind in
      let elements = kind.count * split.routedElements(of: kind.layer.mlp)
      return sum + Double(elements) * (kind.layer.formats.mlp ?? usual).bytes
    }
    return Int(bytes * (1 - 1 / Double(inputs.dataParallel)))
  }

  /// ``kvBytesPerToken(tensorParallel:)`` for a cache of `elements`; an 8-bit cache has one scale a
  /// layer, which is not counted.
  package func kvBytesPerToken(tensorParallel: Int, elements: ElementType) -> Int {
    let indexers = layers.kinds.reduce(0) { $0 + $1.count * $1.layer.indexerBytesPerToken }
    let wide = kvBytesPerToken(tensorParallel: tensorParallel) - indexers
    return Int(Double(wide) / Double(Self.bytesPerElement) * elements.bytes) + indexers
  }
}

extension LayerSplit {
  /// The parts of a layer that a checkpoint may store unlike the others.
  fileprivate func parts(of layer: ModelLayer) -> [(elements: Int, format: WeightFormat?)] {
    let formats = layer.formats
    var parts = [
      (attentionInputElements(layer.attention), formats.attentionInput),
      (attentionOutputElements(layer.attention), formats.attentionOutput),
      (ceilingDivide(layer.attentionExtras, tensorParallel), formats.attentionExtras),
      (ceilingDivide(layer.mlpExtras, tensorParallel), formats.mlpExtras),
    ]
    if case .experts(let experts) = layer.mlp {
      let router = experts.experts * hidden
      let routed = routedElements(of: layer.mlp)
      let shared = elements(of: layer.mlp, .all) - router - routed
      parts += [
        (routed, formats.mlp), (router, formats.router), (shared, formats.sharedExperts),
      ]
    } else {
      parts.append((elements(of: layer.mlp, .all), formats.mlp))
    }
    return parts
  }
}
