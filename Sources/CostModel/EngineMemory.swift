/// What an engine sets aside on each GPU besides weights, activations and the KV cache.
package struct EngineMemory: Equatable, Sendable {
  /// CUDA context, libraries and what the allocator wastes, in bytes.
  package var contextBytes: Int
  /// CUDA graphs, in bytes; 0 where none are recorded, or where they are taken from the reserve.
  package var graphBytes: Int
  /// Whether buffers of the collectives are counted by themselves.
  package var countsCommunication: Bool
  /// The tokens of an iteration that logits are computed for.
  package var logits: KVBudget.Logits

  /// Buffers of the collectives among `gpus`, in bytes on each.
  ///
  /// - Source: aiconfigurator's system files: 342 MB for 2 GPUs, 392 MB for 4 and 8.
  package func communicationBytes(gpus: Int) -> Int {
    guard countsCommunication, gpus > 1 else { return 0 }
    return gpus == 2 ? 342_000_000 : 392_000_000
  }

  /// Everything in one GiB and no graphs: the allowance of the PagedAttention artifact.
  package static let artifact = EngineMemory(
    contextBytes: 1 << 30, graphBytes: 0, countsCommunication: false, logits: .everyToken)

  /// vLLM's V1 engine, which measures its own peak: only what is not PyTorch's counts besides, and
  /// logits are computed for the sampled rows.
  ///
  /// - Parameters:
  ///   - countsGraphs: Whether CUDA graphs are part of the budget, as they are since vLLM 0.21;
  ///     before, they are taken from the reserve.
  ///   - sequences: Most sequences of an iteration.
  /// - Source: vLLM's start-up logs. Not PyTorch's: 0.26 GiB (Llama-3.1-8B, 79.25 GiB card). Graphs:
  ///   the median of 0.23 (Llama-3.1-8B), 0.36 (two GPUs), 0.47 (DeepSeek-Coder-V2-Lite, 8 GPUs),
  ///   0.62 (L40S) and 0.65 GiB (Gemma-3-4B, B200); a large mixture of experts took 4 GiB.
  package static func vllmV1(countsGraphs: Bool, sequences: Int) -> EngineMemory {
    EngineMemory(
      contextBytes: 279_172_874, graphBytes: countsGraphs ? 504_658_657 : 0,
      countsCommunication: true, logits: .sampled(sequences: sequences))
  }
}
