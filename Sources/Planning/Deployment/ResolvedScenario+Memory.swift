import CostModel

extension ResolvedScenario {
  /// How the memory of a GPU was divided; `nil` where the pool was given in blocks.
  package var kvBudget: KVBudget? {
    scenario.deviceBlocksOverride == nil ? try? scenario.memoryFit().budget : nil
  }
}
