import CostModel
import KVMemory
import Serving

extension Scenario {
  /// How the system's engine groups layers over its pool; `nil` where they share one block table.
  var grouping: KVGrouping? {
    system.kvGroups(release: release).map {
      KVGrouping(
        rules: $0, prefixCaching: choices.prefixCaching,
        modelLength: modelLength)
    }
  }

  /// The groups of layers that a simulation keeps apart; none where all layers keep every token, or share one block
  /// table.
  var blockGroups: [BlockGroup] {
    let groups = kvCacheSpec.groups.map {
      BlockGroup(keeps: $0.keeps, blockTokens: $0.blockTokens)
    }
    guard grouping != nil, groups.count > 1 || groups[0].keeps != .all else { return [] }
    return groups
  }

  /// What one GPU of the fullest stage keeps of a sequence.
  ///
  /// - Precondition: Tensor and pipeline parallelism split the model.
  package var kvCacheSpec: KVCacheSpec {
    KVCacheSpec(
      model.stage(of: pipelineParallel).followed(by: draftModel), tensorParallel: tensorParallel,
      elements: kvCache, blockTokens: blockSize, grouping: grouping)
  }
}

extension Scenario {
  /// ``kvCacheSpec`` of settings that nobody has checked.
  ///
  /// - Throws: ``UserError`` for a model that does not split, or blocks of no tokens.
  package func checkedCacheSpec() throws -> KVCacheSpec {
    try model.checkTensorParallel(tensorParallel)
    try model.checkPipelineParallel(pipelineParallel)
    try requirePositive("--block-size", blockSize)
    return try withOverriddenPositions().kvCacheSpec
  }
}

extension ResolvedScenario {
  /// The KV pool of each GPU, whether it was given in blocks or follows from the budget.
  package var kvCapacity: KVCapacity {
    KVCapacity(
      blocks: settings.deviceBlocks, of: scenario.kvCacheSpec, inFlight: settings.maxBatchedTokens)
  }

  /// Bytes of a token of a sequence, over all GPUs of a replica.
  var slotBytes: Int {
    KVCacheSpec(
      scenario.model.followed(by: scenario.draftModel), tensorParallel: scenario.tensorParallel,
      elements: scenario.kvCache, blockTokens: scenario.blockSize
    ).bytesPerToken * scenario.tensorParallel
  }

  /// How the memory of a GPU was divided; `nil` where the pool was given in blocks.
  package var kvBudget: KVBudget? {
    scenario.deviceBlocksOverride == nil
      ? try? scenario.memoryFit().budget : nil
  }
}
