import CostModel
import Serving

extension ResolvedScenario {
  /// How the memory of a GPU was divided; `nil` where the pool was given in blocks.
  package var kvBudget: KVBudget? {
    guard scenario.deviceBlocksOverride == nil else { return nil }
    return try? KVBudget(
      model: scenario.model, device: scenario.device, tensorParallel: scenario.tensorParallel,
      utilization: scenario.gpuMemoryShare, tokenBudget: settings.maxBatchedTokens,
      blockSize: scenario.blockSize)
  }
}
