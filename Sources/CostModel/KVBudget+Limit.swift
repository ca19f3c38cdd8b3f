extension KVBudget.Inputs {
  /// The most of a device's memory that the engine can be told to use (`--gpu-memory-utilization`), in hundredths.
  ///
  /// What is outside the share has to hold what vLLM does not charge to it: what is gone before its first snapshot, the
  /// buffers of the collectives and CUDA graphs where the release does not count them, and the 150 MiB that vLLM leaves in
  /// the `--kv-cache-memory` that it suggests to use a device fully. Reconstructed of these; other processes are not known.
  /// The engines before, which measure nothing, have no such rule: 0.95, the artifact's own.
  package var utilizationLimit: Double {
    guard case .vllm(let memory) = engine else { return 0.95 }
    let share = 1 - Double(memory.unchargedBytes(self)) / Double(device.memoryBytes)
    return max((share * 100).rounded(.down) / 100, 0.01)
  }
}

extension VLLMMemory {
  /// What the engine takes beside its share, in bytes.
  ///
  /// - Source: 0.41 and 0.53 GiB gone when it starts, of logs of 0.33 and 0.10.2 on H100 (79.25 − 78.84, 79.19 − 78.66); the
  ///   larger counts. 150 MiB: `redundancy_buffer_memory` of `v1/worker/gpu_worker.py`.
  func unchargedBytes(_ inputs: KVBudget.Inputs) -> Int {
    let collectives =
      switch collectives(inputs) {
      case .uncharged, .fusedReduction: ncclBytes(inputs)
      case .charged, .instinct: 0
      }
    let graphs = countsGraphs(inputs) ? 0 : capturedBytes(inputs)
    return Self.goneAtStart + 150 << 20 + collectives + graphs
  }

  /// Of one GPU, with the CUDA context.
  static let goneAtStart = gibibytes(0.53)
}
