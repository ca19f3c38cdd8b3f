/// What vLLM finds that it needs besides weights and KV cache when it starts, by release.
///
/// It runs one iteration of as many tokens as the token budget over as many requests as fit, without a KV cache, samples
/// a token for each request, and takes the peak of PyTorch's allocator and what else of the device's memory is gone:
///
///     peak      = shared workspace + max(layers, last hidden states + logits) + cuBLAS workspace
///     logits    = rows × vocabulary × bytes, by how the release samples
///     context   = what is not PyTorch's
///     graphs    = estimated from two captures, from 0.20.2 on
///
/// - Source: vLLM's wheels 0.6.6 to 0.33 (`worker/worker.py`, `v1/worker/gpu_worker.py`, `gpu_model_runner.py`), read and
///   not run. What rests on PyTorch's or CUDA's own habits is reconstructed and says so.
package struct VLLMMemory: Equatable, Sendable {
  package var release: VLLMRelease
  /// Most sequences of an iteration.
  package var sequences: Int
  /// Longest sequence, prompt and output.
  package var modelLength: Int
  /// Whether CUDA graphs are recorded (not under `--enforce-eager`).
  package var recordsGraphs = true
  /// Tokens of the largest graph (`--max-cudagraph-capture-size`); `nil` for the release's own.
  package var graphTokensMax: Int?
  /// Whether FlashInfer samples; `nil` for what the release does with what its wheel brings.
  package var flashInferSamples: Bool?
  package var constants = Constants.fromLogs

  package init(release: VLLMRelease, sequences: Int, modelLength: Int) {
    self.release = release
    self.sequences = sequences
    self.modelLength = modelLength
  }

  /// What no formula gives: medians of start-up logs.
  package struct Constants: Equatable, Sendable {
    /// Memory that is not PyTorch's on one GPU where all that is in use counts, with it the CUDA context: bytes.
    package var contextInUse: Int
    /// The same where its growth counts, before 0.8.
    package var contextBefore08: Int
    /// The same from 0.9 on.
    package var contextSince09: Int
    /// The same since CUDA graphs are counted.
    package var contextSince20: Int
    /// What NCCL takes where NVLink reduces in the switch (Hopper and later), bytes on each GPU.
    package var switchReduction: Int
    /// What AMD's libraries take on each of 2 GPUs, of 4, and of more.
    package var instinctPair = gibibytes(1.75)
    package var instinctFour = gibibytes(3.7)
    package var instinctServer = gibibytes(5)
    /// A captured graph, bytes for each layer.
    package var graphLayer: Int
    /// The same on data-centre Blackwell where there are experts, in pieces and whole.
    package var graphLayerOfExperts = 266 << 10
    package var wholeGraphLayerOfExperts = 159 << 10

    package init(
      contextInUse: Int, contextBefore08: Int, contextSince09: Int, contextSince20: Int,
      switchReduction: Int, graphLayer: Int
    ) {
      self.contextInUse = contextInUse
      self.contextBefore08 = contextBefore08
      self.contextSince09 = contextSince09
      self.contextSince20 = contextSince20
      self.switchReduction = switchReduction
      self.graphLayer = graphLayer
    }

    /// Fitted on start-up logs.
    ///
    /// * All in use (to 0.6.4, and 0.8): 0.35 GiB of one log (RTX 3090). Growth before 0.8: the median of 0.01, 0.02, 0.05,
    ///   0.08 and 0.09 GiB; 0.9 to 0.19: of 0.13, 0.14 and 0.14 GiB; later: of 0.27 GiB (Llama-3.1-8B, 79.25 GiB card), and of what two
    ///   logs of gpt-oss-120b on H200 leave beside their weights, graphs and KV cache and our activations: 0.57 GiB on one GPU
    ///   (125.82 − 66.14 − 1.04 − 57.24 − 0.83), 0.77 on each of four (125.82 − 17.22 − 1.00 − 106.27 − 0.56).
    /// * Reduction in the switch: 1.38 GiB of which 0.13 are the context (Qwen3-Next on two H200).
    /// * Graphs: the median of 1.04 GiB (gpt-oss-120b: 147 sizes, 36 layers), 0.23 (Llama-3.1-8B: 51, 32), 0.47
    ///   (DeepSeek-Coder-V2-Lite: 51, 27) and 0.65 GiB (Gemma-3-4B on a B200: 83, 34), each less 1 MiB a size. With experts
    ///   on GB300 two logs of MiniMax-M2.5 (62 layers: 51 sizes of which 51 whole, 1.66 GiB; 51 and 35, 1.51) and one of
    ///   Kimi-K2.5 (61: 147 and 5, 2.57), all of vLLM 0.21 with NVFP4: 0.00, 0.01 and −0.25 GiB are left.
    /// * AMD's libraries: of what three logs have beside weights and KV cache, one each: 7.54 GiB on each of two MI300X
    ///   (DeepSeek-R1-Distill-Qwen-14B, vLLM 0.9.2; 5.80 without), 7.55 on four MI355X (Kimi-K2.5 in MXFP4, 0.21; 3.31 without,
    ///   and 0.5 of a vision tower), 5.70 on eight MI300X (Llama-2-7B, 0.6.3; 0.7 without).
    package static let fromLogs = Constants(
      contextInUse: gibibytes(0.35), contextBefore08: gibibytes(0.05),
      contextSince09: gibibytes(0.135),
      contextSince20: gibibytes(0.57), switchReduction: gibibytes(1.25), graphLayer: 192 << 10)
  }

  func parts(_ inputs: KVBudget.Inputs) -> EngineMemory.Parts {
    var parts = EngineMemory.Parts(
      activations: activationBytes(inputs), context: contextBytes(inputs.device))
    parts.weightPadding = bytesBeyondCheckpoint(inputs)
    parts.graphs = countsGraphs(inputs) ? capturedBytes(inputs) : 0
    parts.communication = collectives(inputs).bytes
    return parts
  }
}

extension VLLMMemory {
  /// PyTorch's peak beyond the weights.
  private func activationBytes(_ inputs: KVBudget.Inputs) -> Int {
    let (model, tokens) = (inputs.stage, inputs.tokenBudget)
    let experts = ExpertKernels(release: release, device: inputs.device)
    let layers = model.layerActivations(
      tokens: tokens, tensorParallel: inputs.tensorParallel, weights: inputs.weights,
      modelLength: modelLength, experts: experts)
    let lastHidden = tokens * model.hidden * ModelSpec.bytesPerElement
    let rows = min(sequences, tokens)
    let logits = lastHidden + rows * model.vocab * logitBytes(model, inputs.device)
    let peak =
      release >= .sharedWorkspace
      ? layers.workspace + max(layers.transient, logits)
      : max(layers.workspace + layers.transient, logits)
    return peak + inputs.device.architecture.blasWorkspaceBytes
  }

  /// Bytes of each logit of a sampled row at the sampler's peak.
  ///
  /// | sampler | bytes |
  /// |---|---|
  /// | sorts | 2 as computed, 4 in 32 bits, 12 sorted with their places, 8 places to sort, 12 scratch of the sort: 38 |
  /// | FlashInfer, Triton | 2, 4, and 4 of probabilities |
  /// | second runner, to 0.32 | 2 |
  ///
  /// From 0.9 to 0.11.0 FlashInfer samples where it is installed, as in vLLM's own images; the wheel does not bring it, and
  /// its absence is assumed. From 0.11.2 on it waits for an environment variable.
  ///
  /// - Source: `v1/sample`, `v1/worker/gpu/sample`; the scratch is PyTorch's segmented sort of 128 rows or more,
  ///   reconstructed. Logs of 0.7 to 0.11 have 38.2 to 38.4 (five models), less the last hidden states.
  private func logitBytes(_ model: ModelSpec, _ device: DeviceSpec) -> Int {
    if release >= .profilesWholeSampler { return 10 }
    if runsSecondRunner(model) { return 2 }
    return flashInferSamples ?? (release >= .samplesUnsorted) ? 10 : 38
  }

  /// Whether the second model runner serves the model. The few architectures that it served in 0.22.1 to 0.26 are
  /// counted with the first.
  private func runsSecondRunner(_ model: ModelSpec) -> Bool {
    let isPlain = !model.hasExperts && !model.hasRecurrence
    return release >= .secondRunner || (release >= .secondRunnerDense && isPlain)
  }

  /// Memory that is not PyTorch's.
  private func contextBytes(_ device: DeviceSpec) -> Int {
    if release >= .countsGraphs { return constants.contextSince20 }
    if release >= .countsGrowthOnly { return constants.contextSince09 }
    let countsGrowth = release >= .countsGrowthBeforeV1 && release < .v1Engine
    return countsGrowth ? constants.contextBefore08 : constants.contextInUse
  }

  /// Whether graphs are taken off the budget. AMD's are not estimated.
  func countsGraphs(_ inputs: KVBudget.Inputs) -> Bool {
    let isCounted = release >= .secondRunner || !runsSecondRunner(inputs.stage)
    return release >= .countsGraphs && isCounted && inputs.device.architecture.isNVIDIA
  }

  /// CUDA graphs: every size once for each layer's pieces, and once whole for sizes that decode alone.
  ///
  /// vLLM's own estimate is the first capture of a mode and as much for each other size as the second one took, at least
  /// 1 MiB. On data-centre Blackwell layers with experts take more of both, and FlashInfer's attention takes its workspace
  /// (`VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE`, 394 MiB) in the first capture.
  func capturedBytes(_ inputs: KVBudget.Inputs) -> Int {
    guard recordsGraphs else { return 0 }
    let sizes = captureSizes(inputs.device, tokenBudget: inputs.tokenBudget)
    let whole = sizes.count { $0 <= sequences }
    let layers = inputs.stage.layers
    guard inputs.device.architecture == .blackwell, inputs.model.hasExperts else {
      return sizes.count * layers.count * constants.graphLayer + whole << 20
    }
    let pieces = sizes.count * layers.count * constants.graphLayerOfExperts
    let workspace = layers.kinds.contains { $0.layer.hasPlainHeads } ? 394 << 20 : 0
    return pieces + whole * layers.count * constants.wholeGraphLayerOfExperts + workspace
  }

  /// Tokens of the graphs that are captured: 1, 2, 4, then every 8th below 256, every 16th from there.
  package func captureSizes(_ device: DeviceSpec, tokenBudget: Int) -> [Int] {
    let isLargest = release >= .largestBatches && device.architecture == .blackwell
    let most = min(graphTokensMax ?? min(2 * sequences, isLargest ? 1024 : 512), tokenBudget)
    let fine = [1, 2, 4] + Array(stride(from: 8, to: 256, by: 8))
    return (fine + Array(stride(from: 256, through: max(most, 256), by: 16))).filter { $0 <= most }
  }
}

/// GiB in bytes, to the nearest.
func gibibytes(_ count: Double) -> Int { Int((count * Double(1 << 30)).rounded()) }
