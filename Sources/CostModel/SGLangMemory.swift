/// What SGLang decides by the memory of a GPU where its user says nothing.
///
/// The share for weights and KV cache (`--mem-fraction-static`) is of what is free once the process has started; activations
/// and CUDA graphs live in the rest, which is sized for them:
///
///     rest = 512 + 1.5 × chunk (at least 2,048) + 2 × decode graphs + 128 × GPUs + prefill graphs, in MiB,
///            and at least 10,240 on GPUs of more than 60 GiB
///     with attention data parallelism  + 3 × decode graphs × ranks, 4.5 × of graphs above 300
///
/// - Source: wheels of SGLang 0.5.14 and 0.5.23 (`server_args.py`, `memory_hook.py`), read and not run. The sizes of prefill
///   graphs are reconstructed: they are as many as were counted at 8,192 tokens, 58.
package struct SGLangMemory: Sendable {
  /// As a driver lists it.
  package var deviceBytes: Int
  /// Prompt tokens of an iteration.
  package var chunkTokens: Int
  /// Most requests that run.
  package var sequences: Int
  package var tensorParallel = 1
  package var pipelineParallel = 1
  /// Ranks of `tensorParallel` GPUs with requests of their own (`--attn-dp-size`).
  package var dataParallel = 1
  /// Whether the model caches a latent vector.
  package var isLatent = false

  package init(deviceBytes: Int, chunkTokens: Int, sequences: Int) {
    self.deviceBytes = deviceBytes
    self.chunkTokens = chunkTokens
    self.sequences = sequences
  }

  /// Prompt tokens of an iteration (`--chunked-prefill-size`).
  package static func chunkTokens(deviceBytes: Int) -> Int {
    switch deviceBytes >> 30 {
    case ..<20: 2048
    case ..<60: 4096
    case ..<160: 8192
    default: 16_384
    }
  }

  /// Most requests that run (`--max-running-requests`): by how many of the longest a pool holds, and at most half its
  /// tokens.
  package static func sequences(poolTokens: Int, modelLength: Int) -> Int {
    let longest = Int(Double(poolTokens) / Double(modelLength) * 512)
    return max(1, min(max(longest, 2048), 4096, poolTokens / 2))
  }

  /// `--mem-fraction-static`, to three decimals.
  package var fraction: Double {
    let device = Double(deviceBytes) / Double(1 << 20)
    var rest = 512 + 1.5 * Double(max(chunkTokens, 2048)) + 2 * Double(decodeGraphTokens)
    rest += 128 * Double(tensorParallel * dataParallel * pipelineParallel) + prefillGraphs
    rest += paddingOfRanks
    if deviceBytes > 60 << 30 { rest = max(rest, 10_240) }
    return ((device - rest) / device * 1000).rounded() / 1000
  }

  /// Requests of the largest graph of a decode.
  private var decodeGraphTokens: Int {
    let isWide = tensorParallel * dataParallel >= 4
    let largest =
      switch deviceBytes >> 30 {
      case ..<20: 8
      case ..<35: isWide ? 160 : 48
      case ..<60: isWide ? 160 : 32
      case ..<160: isWide ? 512 : 256
      default: 512
      }
    return min(largest, sequences)
  }

  /// MiB that graphs of decodes take besides where ranks with requests of their own step together.
  private var paddingOfRanks: Double {
    guard dataParallel > 1 else { return 0 }
    return (decodeGraphTokens > 300 ? 4.5 : 3) * Double(decodeGraphTokens * dataParallel)
  }

  /// MiB of the graphs of prefills; none under pipeline parallelism.
  private var prefillGraphs: Double {
    guard pipelineParallel == 1 else { return 0 }
    return isLatent ? 1536 : 8 * Double(prefillGraphSizes)
  }

  /// Sizes up to a chunk: every 4th token to 32, 16th to 256, 32nd to 512, 64th to 1,024, 256th to 4,096, 512th from there.
  private var prefillGraphSizes: Int {
    let steps = [(4, 4, 32), (48, 16, 256), (288, 32, 512), (576, 64, 1024), (1280, 256, 4096)]
    let upTo4096 = steps.reduce(0) { count, step in
      count
        + stride(from: step.0, through: min(step.2, chunkTokens), by: step.1).underestimatedCount
    }
    return upTo4096 + max(0, (chunkTokens - 4096) / 512)
  }

  /// What is gone of a GPU before the share is taken: CUDA context, and buffers of the collectives.
  ///
  /// - Source: no log of SGLang's has it: of one GPU what logs of vLLM lack when it starts, of several what
  ///   ``VLLMMemory`` takes for the collectives.
  static func goneBytes(_ inputs: KVBudget.Inputs) -> Int {
    VLLMMemory.goneAtStart
      + inputs.collectiveBytes(switchReduction: VLLMMemory.Constants.fromLogs.switchReduction)
  }

  /// The share is of what is left, so that as much of what is gone is not charged to it.
  static func parts(_ inputs: KVBudget.Inputs) -> EngineMemory.Parts {
    let charged = inputs.utilization * Double(goneBytes(inputs))
    return EngineMemory.Parts(activations: 0, context: Int(charged.rounded()))
  }
}
