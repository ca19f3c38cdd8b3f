extension ModelSpec {
  /// Largest activation footprint of an iteration of `tokens` tokens on one GPU, in bytes, as the PagedAttention artifact
  /// counts it.
  ///
  /// Either the widest layer (its input, and QKV or the MLP's inner width, each counted twice) or
  /// the logits of all tokens, counted twice and whole on each GPU. A token's active experts stand
  /// side by side.
  ///
  /// - Source: PagedAttention artifact (paper-protocol.md section 6), which knows no experts and no
  ///   grouped-query attention; QKV is taken as wide as three times the residual stream even so.
  package func artifactActivationBytes(tokens: Int, tensorParallel: Int) -> Int {
    max(
      artifactLayerBytes(tokens: tokens, tensorParallel: tensorParallel),
      Self.bytesPerElement * 2 * tokens * vocab)
  }

  /// The widest layer's part of it.
  package func artifactLayerBytes(tokens: Int, tensorParallel: Int) -> Int {
    let innerWidth = layers.kinds.reduce(0) { max($0, mlpInputMatrices * $1.layer.activeWidth) }
    let widest = max(
      ceilingDivide(3 * tokens * hidden, tensorParallel),
      ceilingDivide(tokens * innerWidth, tensorParallel))
    return Self.bytesPerElement * 2 * (widest + tokens * hidden)
  }

  /// What the layers of one iteration need at a time, in bytes on one GPU.
  struct LayerActivations: Equatable {
    /// What the largest layer frees when it is done.
    var transient = 0
    /// What layers share, and may keep.
    var workspace = 0
  }

  /// What vLLM's layers need for `tokens` tokens without a KV cache.
  ///
  ///     transient = tokens × (3 × hidden + the wider of attention and MLP) × 2 B
  ///     dense MLP: gate, up and their product        experts: their output, and the shared ones
  ///     heads:     Q, K, V and the result            latent:  Q, latents, result, and the up-projected context
  ///
  /// The residual stream, its norm and the layer's result stand beside each other: 2.98 and 3.01 times hidden in two
  /// logs of Llama-3.1-8B. An indexer reserves what it may gather, and 512 MiB of scores.
  ///
  /// - Parameters:
  ///   - weights: How the layers' matrices are stored, unless the model says otherwise of its experts.
  ///   - modelLength: Longest sequence, in tokens.
  /// - Complexity: O(kinds of layers).
  func layerActivations(
    tokens: Int, tensorParallel: Int, weights: ElementType, modelLength: Int, experts: ExpertKernels
  ) -> LayerActivations {
    var found = LayerActivations()
    for kind in layers.kinds {
      let layer = kind.layer
      let attention = attentionBytes(layer, tokens, tensorParallel, modelLength)
      let mlp = mlpBytes(layer, tokens, tensorParallel)
      var workspace = 0
      if case .experts(let routed) = layer.mlp {
        let format = layer.formats.mlp ?? (weights == stored.elements ? stored : .init(weights))
        workspace = experts.workspaceBytes(
          routed, format: format, tokens: tokens, hidden: hidden, tensorParallel: tensorParallel)
      }
      if layer.indexerBytesPerToken > 0 {
        workspace = max(workspace, IndexerReserve.gatheredBytes(layer, modelLength: modelLength))
      }
      let stream = 3 * tokens * hidden * Self.bytesPerElement
      found.transient = max(found.transient, stream + max(attention, mlp))
      found.workspace = max(found.workspace, workspace)
    }
    return found
  }

  /// What a layer's attention needs beside the stream.
  private func attentionBytes(
    _ layer: ModelLayer, _ tokens: Int, _ tensorParallel: Int, _ modelLength: Int
  ) -> Int {
    let elements: Int
    switch layer.attention {
    case .heads(let heads, _):
      let query = ceilingDivide(heads.query, tensorParallel)
      elements = tokens * 2 * (query + heads.kvOnGPU(tensorParallel)) * heads.dim
    case .latent(let latent, let shape):
      let heads = ceilingDivide(shape.query, tensorParallel)
      let query = heads * (latent.nopeDim + latent.ropeDim)
      let width = query + latent.kvLoraRank + latent.ropeDim + heads * latent.valueDim
      // The keys and values of the longest context that a chunk attends to, as the trial run stands in for them.
      let context = min(8 * modelLength, 65_536)
      elements = tokens * width + context * heads * (latent.nopeDim + latent.valueDim)
    case .compressed(let compressed, let heads):
      let query = ceilingDivide(heads.query, tensorParallel) * heads.dim
      elements = tokens * (2 * query + compressed.queryRank + heads.dim)
    case .recurrent(let state):
      elements = ceilingDivide(tokens * (state.inputWidth + state.outputWidth), tensorParallel)
    case .none: elements = 0
    }
    let scores = layer.indexerBytesPerToken > 0 ? IndexerReserve.scoreBytes : 0
    return elements * Self.bytesPerElement + scores
  }

  /// What a layer's MLP needs beside the stream and the experts' workspace.
  private func mlpBytes(_ layer: ModelLayer, _ tokens: Int, _ tensorParallel: Int) -> Int {
    func dense(_ width: Int) -> Int {
      tokens * (mlpInputMatrices + 1) * ceilingDivide(width, tensorParallel) * Self.bytesPerElement
    }
    switch layer.mlp {
    case .dense(let width): return dense(width)
    case .experts(let experts):
      let output = tokens * hidden * Self.bytesPerElement
      return output + dense(experts.sharedExperts * experts.ffn)
    case .none: return 0
    }
  }
}

/// What vLLM reserves for the indexer of sparse attention.
///
/// - Source: `layers/sparse_attn_indexer.py` and `backends/mla/indexer.py` of vLLM 0.22.1: 40 contexts of the longest
///   length gathered, and 512 MiB of scores.
private enum IndexerReserve {
  static let scoreBytes = 512 << 20

  static func gatheredBytes(_ layer: ModelLayer, modelLength: Int) -> Int {
    40 * modelLength * layer.indexerBytesPerToken
  }
}

/// Which kernels run routed experts, and what they need.
struct ExpertKernels: Equatable {
  var release: VLLMRelease
  var device: DeviceSpec

  /// Tokens that experts see at a time.
  func chunk(of tokens: Int) -> Int {
    if release >= .expertsUnchunked { return tokens }
    return min(tokens, release >= .expertChunk16K ? 16_384 : 32_768)
  }

  /// Buffers of one layer's routed experts, in bytes on one GPU; one set serves all layers.
  ///
  /// With M tokens of a chunk times the experts that each visits, I columns of an expert on this GPU, N of its first
  /// matrices together, and K of the residual stream:
  ///
  /// | kernels | elements of 2 B |
  /// |---|---|
  /// | Triton to 0.7 | M × (N + I + K) |
  /// | Triton 0.8 to 0.10.1 | M × (max(N, K) + I) |
  /// | Triton, DeepGEMM, CUTLASS since | M × (max(I, K) + max(N, K)) |
  /// | Marlin (4-bit matrices, but on Blackwell) | M × (max(I, K) + max(2 × I, K)) |
  /// | TensorRT-LLM's, fused (4 and 8 bits on Blackwell) | M × (K + I / 2), reconstructed |
  ///
  /// - Source: `workspace_shapes` of `layers/fused_moe` in vLLM's wheels.
  func workspaceBytes(
    _ experts: ModelLayer.Experts, format: WeightFormat, tokens: Int, hidden: Int,
    tensorParallel: Int
  ) -> Int {
    let rows = chunk(of: tokens) * experts.activeExperts
    let hidden = experts.stream ?? hidden
    let inner = ceilingDivide(experts.ffn, tensorParallel)
    let wide = 2 * inner
    let columns: Int
    if isFused(format) {
      columns = hidden + inner / 2
    } else if release >= .modularExperts || format.elements == .int4 {
      columns = max(inner, hidden) + max(wide, hidden)
    } else if release >= .v1Engine {
      columns = max(wide, hidden) + inner
    } else {
      columns = wide + inner + hidden
    }
    return rows * columns * ModelSpec.bytesPerElement
  }

  /// Whether one kernel runs all of the experts.
  private func isFused(_ format: WeightFormat) -> Bool {
    device.architecture == .blackwell && format.elements != .bfloat16
  }
}

extension ModelSpec {
  /// Whether some layers keep a state in place of keys and values.
  var hasRecurrence: Bool {
    layers.kinds.contains { if case .recurrent = $0.layer.attention { true } else { false } }
  }

  /// What the kernels of routed experts in MXFP4 need beyond the checkpoint, in bytes on one GPU: columns of an expert and
  /// of the residual stream are rounded up, ahead of splitting and behind it.
  ///
  /// gpt-oss (2880 × 2880) as two start-up logs of vLLM 0.22 on H200 have it: 66.14 GiB on one GPU and 17.22 on each of
  /// four, 60.8 and 15.2 without padding.
  ///
  /// On Hopper vLLM prefers Triton's kernels, which pad next to nothing; the six logs that we have run Marlin's, by an
  /// environment variable. Marlin's are counted: the safe side.
  ///
  /// - Source: vLLM 0.22.1, `fused_moe/oracle/mxfp4.py`.
  func paddingBytes(tensorParallel: Int, device: DeviceSpec) -> Int {
    let (innerUnit, hiddenUnit) = device.architecture.mxfp4Units
    let padded = roundUp(hidden, to: hiddenUnit)
    return layers.kinds.reduce(0) { sum, kind in
      let format = kind.layer.formats.mlp ?? stored
      guard case .experts(let experts) = kind.layer.mlp, format.name == "mxfp4" else { return sum }
      let inner = ceilingDivide(experts.ffn, tensorParallel)
      guard experts.stream == nil else { return sum }
      let extra = roundUp(inner, to: innerUnit) * padded - inner * hidden
      let elements = kind.count * experts.experts * (mlpInputMatrices + 1) * extra
      return sum + Int(Double(elements) * format.bytes)
    }
  }
}

extension DeviceSpec.Architecture {
  /// Workspace of cuBLAS, which PyTorch allocates: 32 MiB from Hopper on, 8 MiB and 128 KiB before; hipBLASLt's is 76 MiB
  /// on AMD. All from memory.
  var blasWorkspaceBytes: Int {
    switch self {
    case .hopper, .blackwell, .blackwellGraphics: 32 << 20
    case .cdna3, .cdna4: 76 << 20
    case .volta, .turing, .ampere, .ada, .cpu, .other: 8 << 20 + 128 << 10
    }
  }

  /// Whether NVLink switches add up what GPUs send (NVLink SHARP).
  var reducesInSwitch: Bool { self == .hopper || self == .blackwell }

  var isNVIDIA: Bool {
    switch self {
    case .volta, .turing, .ampere, .ada, .hopper, .blackwell, .blackwellGraphics: true
    case .cdna3, .cdna4, .cpu, .other: false
    }
  }

  /// What columns of an expert and of the residual stream are rounded up to for MXFP4.
  fileprivate var mxfp4Units: (inner: Int, hidden: Int) {
    switch self {
    case .blackwell, .cdna3, .cdna4: (256, 256)
    case .volta, .turing, .ampere, .ada, .hopper, .blackwellGraphics, .cpu, .other: (128, 256)
    }
  }
}

/// `count` rounded up to a multiple of `unit`.
private func roundUp(_ count: Int, to unit: Int) -> Int { ceilingDivide(count, unit) * unit }
