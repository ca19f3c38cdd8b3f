/// What vLLM holds of a model's weights beyond what the checkpoint has.
///
///     loaded = checkpoint + padded experts + absorbed matrices + indexers on every GPU + rounding
///
/// It is part of what vLLM prints as `Model loading took … GiB`.
extension VLLMMemory {
  /// Bytes on one GPU of the fullest stage.
  func bytesBeyondCheckpoint(_ inputs: KVBudget.Inputs) -> Int {
    let (model, tensorParallel) = (inputs.stage, inputs.tensorParallel)
    return model.paddingBytes(tensorParallel: tensorParallel, device: inputs.device)
      + model.absorbedBytes(tensorParallel: tensorParallel)
      + model.replicatedIndexerBytes(tensorParallel: tensorParallel, weights: inputs.weights)
      + model.allocatorRoundingBytes(tensorParallel: tensorParallel, weights: inputs.weights)
  }
}

extension ModelSpec {
  /// The up-projections of latent attention once more, in 16 bits: decoding multiplies queries and results by them in
  /// place of keys and values.
  ///
  ///     layers × heads on this GPU × kvLoraRank × (nopeDim + valueDim) × 2 B
  ///
  /// - Source: `W_UK_T` and `W_UV` in `layers/attention/mla_attention.py` of vLLM 0.22.1, which stay beside `kv_b_proj`.
  func absorbedBytes(tensorParallel: Int) -> Int {
    layers.kinds.reduce(0) { sum, kind in
      guard case .latent(let latent, let shape) = kind.layer.attention else { return sum }
      let heads = ceilingDivide(shape.query, tensorParallel)
      let elements = heads * latent.kvLoraRank * (latent.nopeDim + latent.valueDim)
      return sum + kind.count * elements * Self.bytesPerElement
    }
  }

  /// What the indexers of sparse latent attention take beyond their share: every GPU holds them whole.
  ///
  /// - Source: `Indexer` in `models/deepseek_v2.py` of vLLM 0.22.1 (`ReplicatedLinear`, `disable_tp`).
  func replicatedIndexerBytes(tensorParallel: Int, weights: ElementType) -> Int {
    layers.kinds.reduce(0) { sum, kind in
      let layer = kind.layer
      guard case .latent = layer.attention, layer.indexerBytesPerToken > 0 else { return sum }
      let others = layer.attentionExtras - ceilingDivide(layer.attentionExtras, tensorParallel)
      let format = layer.formats.attentionExtras ?? usualFormat(weights)
      return sum + kind.count * Int(Double(others) * format.bytes)
    }
  }

  /// What PyTorch's allocator rounds up.
  ///
  /// A tensor of 10 MiB or more has memory of its own in steps of 2 MiB, of which the rest is given back only where it is
  /// more than 1 MiB. Smaller ones share theirs. Scales and matrices in MXFP4, which kernels pad first, are left out.
  ///
  ///     |─────────── tensor ───────────|░░|     ░ ≤ 1 MiB: stays with it
  ///
  /// Two logs to their two decimals: DeepSeek-R1-Distill-Qwen-14B on two GPUs (13.95 GiB; 13.76 without) and
  /// Qwen2.5-72B on four (33.98; 33.86 without).
  ///
  /// - Source: `kMinLargeAlloc`, `kRoundLarge`, `kSmallSize` and `should_split` of PyTorch's `CUDACachingAllocator.cpp`.
  /// - Complexity: O(kinds of layers).
  func allocatorRoundingBytes(tensorParallel: Int, weights: ElementType) -> Int {
    let split = LayerSplit(self, tensorParallel)
    let usual = usualFormat(weights)
    return layers.kinds.reduce(0) { sum, kind in
      let rounded = split.tensors(of: kind.layer).reduce(0) { sum, tensor in
        let format = tensor.format ?? usual
        guard format.name != "mxfp4" else { return sum }
        return sum + Self.roundedUp(Int(Double(tensor.elements) * format.elements.bytesAlone))
      }
      return sum + kind.count * rounded
    }
  }

  /// What a tensor of `bytes` keeps beyond them.
  static func roundedUp(_ bytes: Int) -> Int {
    guard bytes >= 10 << 20 else { return 0 }
    let rest = ceilingDivide(bytes, 2 << 20) * (2 << 20) - bytes
    return rest <= 1 << 20 ? rest : 0
  }

  /// How matrices are stored of which a layer says nothing.
  private func usualFormat(_ weights: ElementType) -> WeightFormat {
    weights == stored.elements ? stored : WeightFormat(weights)
  }
}

extension ElementType {
  /// Bytes of an element without its scales.
  fileprivate var bytesAlone: Double {
    switch self {
    case .bfloat16: 2
    case .fp8, .int8: 1
    case .int4, .nvfp4: 0.5
    }
  }
}

extension LayerSplit {
  /// The large tensors of a layer on one GPU: matrices that read the same input are one, and so is each matrix of all
  /// routed experts.
  fileprivate func tensors(of layer: ModelLayer) -> [(elements: Int, format: WeightFormat?)] {
    let formats = layer.formats
    var tensors: [(elements: Int, format: WeightFormat?)] = []
    switch layer.attention {
    case .latent(let latent, let shape):
      let heads = ceilingDivide(shape.query, tensorParallel)
      let queryWidth = heads * (latent.nopeDim + latent.ropeDim)
      let down = (latent.queryLoraRank ?? queryWidth) + latent.kvLoraRank + latent.ropeDim
      tensors = [
        (hidden * down, formats.attentionInput),
        ((latent.queryLoraRank ?? 0) * queryWidth, formats.attentionInput),
        (latent.kvLoraRank * heads * (latent.nopeDim + latent.valueDim), formats.attentionInput),
      ]
    case .heads, .compressed, .recurrent, .none:
      tensors = [(attentionInputElements(layer.attention), formats.attentionInput)]
    }
    tensors.append((attentionOutputElements(layer.attention), formats.attentionOutput))
    switch layer.mlp {
    case .dense(let width): tensors += mlpTensors(width, hidden, formats.mlp)
    case .experts(let experts):
      let routed = mlpTensors(experts.ffn, experts.stream ?? hidden, formats.mlp)
      tensors += routed.map { (experts.experts * $0.elements, $0.format) }
      tensors += mlpTensors(experts.sharedExperts * experts.ffn, hidden, formats.sharedExperts)
    case .none: break
    }
    return tensors
  }

  private func mlpTensors(
    _ width: Int, _ stream: Int, _ format: WeightFormat?
  ) -> [(elements: Int, format: WeightFormat?)] {
    let matrix = stream * ceilingDivide(width, tensorParallel)
    return [(mlpInputMatrices * matrix, format), (matrix, format)]
  }
}
