import KVMemory
import Workload

/// Where the tokens of running sequences are: what an executor that really runs needs beside the plan.
///
/// Sequences have numbers of their own in a run. Those of one request are neighbours, and the first
/// one that is scheduled has the lowest.
package protocol SequencePlacement {
  /// The sequences that an entry of `plan.scheduled` runs, as many as it says.
  ///
  /// Valid from the decision of the plan until it is completed.
  func sequences(at index: Int, of plan: IterationPlan) -> [Int]

  /// The blocks that hold the tokens of a resident sequence, in order.
  ///
  ///     position p of the sequence   block p / blockSize, slot p % blockSize
  ///
  /// - Complexity: O(blocks).
  func blocks(of sequence: Int) -> [BlockID]

  /// What the last completed iteration did to sequences, in order; ends of requests, and forks that
  /// come with the admission of a prompt, need not be told.
  var operations: [SequenceOperation] { get }
}

extension MixedIterationScheduler {
  package func sequences(at index: Int, of plan: IterationPlan) -> [Int] {
    Array(groups[Int(plan.scheduled[index].request)].sequences)
  }

  package func blocks(of sequence: Int) -> [BlockID] { memory.blocks(of: sequence) }
}

extension PagedMemory {
  package func blocks(of sequence: Int) -> [BlockID] { Array(tables.blocks(of: sequence)) }
}

extension OrcaMemory {
  package func blocks(of sequence: Int) -> [BlockID] {
    let chunk = memory[sequence]
    return Array(chunk.address..<chunk.address + chunk.size)
  }
}

extension PromptOrDecodeScheduler {
  package func sequences(at index: Int, of plan: IterationPlan) -> [Int] {
    Array(live[plan.scheduled[index].request])
  }

  package func blocks(of sequence: Int) -> [BlockID] { memory.blocks(of: sequence) }
}

extension TokenBudgetScheduler {
  package func sequences(at index: Int, of plan: IterationPlan) -> [Int] {
    [Int(budget.shares[index].sequence)]
  }

  package func blocks(of sequence: Int) -> [BlockID] { memory.blocks(of: sequence) }

  /// Samples are sequences of their own from the start.
  package var operations: [SequenceOperation] { [] }
}

extension StaticBatchScheduler {
  package func sequences(at index: Int, of plan: IterationPlan) -> [Int] {
    Array(requests.sequences(of: plan.scheduled[index].request))
  }

  /// Slots are taken to begin at block boundaries.
  package func blocks(of sequence: Int) -> [BlockID] {
    let width = Int32((slots.slotTokens + blockSize - 1) / blockSize)
    let first = slotNumbers[sequence] * width
    return Array(first..<first + width)
  }

  /// Beams are neither forked nor dropped: a batch runs as it is to its end.
  package var operations: [SequenceOperation] { [] }
}

extension ServingSystem {
  /// Blocks that a memory needs to hold whatever ``SequencePlacement/blocks(of:)`` names.
  ///
  /// More than the pool only for static slots that are no whole blocks.
  package func placedBlocks(_ settings: EngineSettings) -> Int {
    guard capabilities.hasStaticBatches else { return settings.deviceBlocks }
    let slots = settings.deviceBlocks * settings.blockSize / settings.maxModelLength
    return slots * ((settings.maxModelLength + settings.blockSize - 1) / settings.blockSize)
  }
}
