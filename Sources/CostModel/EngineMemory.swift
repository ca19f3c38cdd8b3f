/// How an engine finds what it sets aside on each GPU besides weights and the KV cache.
package enum EngineMemory: Equatable, Sendable {
  /// As the PagedAttention artifact does: one GiB for everything, and the logits of all tokens.
  case artifact
  /// As vLLM does from 0.6 on: by a trial run.
  case vllm(VLLMMemory)
  /// As SGLang does: a share of what is free, for weights and KV cache alone.
  case sglang
  /// As TensorRT-LLM does: a share of what a trial run leaves.
  case trtllm(TRTLLMMemory)
  /// Numbers of one's own.
  case given(Parts)

  /// What an engine sets aside on one GPU, in bytes.
  package struct Parts: Equatable, Sendable {
    /// What the engine's kernels need of the weights' matrices beyond what the checkpoint has.
    package var weightPadding = 0
    /// Largest activation footprint of an iteration.
    package var activations: Int
    /// CUDA context, libraries and other memory that is not PyTorch's.
    package var context: Int
    /// CUDA graphs; 0 where none are recorded, or where they are taken from the reserve.
    package var graphs = 0
    /// Buffers of the collectives; 0 where they are counted elsewhere, or taken from the reserve.
    package var communication = 0

    package init(activations: Int, context: Int) {
      self.activations = activations
      self.context = context
    }
  }

  /// What is set aside on a GPU of the fullest stage.
  func parts(_ inputs: KVBudget.Inputs) -> Parts {
    switch self {
    case .artifact:
      Parts(
        activations: inputs.stage.artifactActivationBytes(
          tokens: inputs.tokenBudget, tensorParallel: inputs.tensorParallel),
        context: 1 << 30)
    case .vllm(let memory): memory.parts(inputs)
    case .sglang: SGLangMemory.parts(inputs)
    case .trtllm(let memory): memory.parts(inputs)
    case .given(let parts): parts
    }
  }

  /// Whether the engine's share (`--gpu-memory-utilization`) is of what weights and engine leave, and not of the device.
  var sharesWhatIsLeft: Bool {
    if case .trtllm = self { true } else { false }
  }
}
