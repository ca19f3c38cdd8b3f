/// What TensorRT-LLM leaves for its KV cache: a share (`kv_cache_config.free_gpu_memory_fraction`) of what is free once an
/// iteration of `max_num_tokens` has run.
///
///     |────────────────────── device memory ──────────────────────|
///     |── weights ──|── activations ──|─ context ─|── KV cache ──|░░|  ░ = (1 − share) × (KV cache + ░)
///
/// - Source: `_util.py` of the PyTorch backend (2026), read and not run. Inferred: its activations are those of vLLM 0.33's
///   trial run with as many tokens, what is gone besides is that of vLLM's logs, and CUDA graphs come out of the rest, for no
///   start-up log of the engine is at hand.
package struct TRTLLMMemory: Equatable, Sendable {
  /// Most sequences of an iteration.
  package var sequences: Int
  /// Longest sequence, prompt and output.
  package var modelLength: Int

  package init(sequences: Int, modelLength: Int) {
    self.sequences = sequences
    self.modelLength = modelLength
  }

  func parts(_ inputs: KVBudget.Inputs) -> EngineMemory.Parts {
    let trialRun = VLLMMemory(
      release: VLLMRelease(0, 33), sequences: sequences, modelLength: modelLength)
    return EngineMemory.Parts(
      activations: trialRun.parts(inputs).activations, context: SGLangMemory.goneBytes(inputs))
  }
}
