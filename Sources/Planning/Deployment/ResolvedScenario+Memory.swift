import CostModel
import Serving

extension Scenario {
  /// Whether the system gives back blocks that lie behind a sliding window.
  var freesBehindWindow: Bool { system.capabilities.freesSkippedBlocks }

  /// How the system's engine groups layers over its pool; `nil` where they share one block table.
  var grouping: KVGrouping? {
    system.kvGroups(release: release).map {
      KVGrouping(
        rules: $0, prefixCaching: choices.prefixCaching,
        modelLength: maxModelLength ?? model.maxPositions)
    }
  }

  /// How a simulation does: not at all, as its memories have one group. Once they have several, this returns
  /// ``grouping``; budgets, pools, prices and warnings of simulations follow.
  var simulatedGrouping: KVGrouping? { nil }

  /// What one GPU of the fullest stage keeps of a sequence in a simulation.
  ///
  /// - Precondition: Tensor and pipeline parallelism split the model.
  package var kvCacheSpec: KVCacheSpec {
    KVCacheSpec(
      model.stage(of: pipelineParallel), tensorParallel: tensorParallel, elements: kvCache,
      blockTokens: blockSize, grouping: simulatedGrouping, freesBehindWindow: freesBehindWindow)
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
      scenario.model, tensorParallel: scenario.tensorParallel, elements: scenario.kvCache,
      blockTokens: scenario.blockSize
    ).bytesPerToken * scenario.tensorParallel
  }

  /// How the memory of a GPU was divided; `nil` where the pool was given in blocks.
  package var kvBudget: KVBudget? {
    scenario.deviceBlocksOverride == nil
      ? try? scenario.memoryFit(asSimulated: true).budget : nil
  }
}
