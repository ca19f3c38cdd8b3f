import KVMemory

/// Capacity: which active sequences the KV memory bears in this iteration.
extension TRTLLMScheduler {
  mutating func fitCapacity(_ plan: inout IterationPlan) {
    fitting.clear()
    switch options.policy {
    case .guaranteedNoEvict: fitGuaranteed(waitsForBatch: false)
    case .staticBatch: fitGuaranteed(waitsForBatch: true)
    case .maxUtilization: fitMost(&plan)
    }
  }

  /// Those that generate go on, for the blocks that they may still need were kept for them; others are borne if all that
  /// they may need is left.
  ///
  ///     free blocks   |── kept for those that generate ──|── prompt and longest answer of the next ──|…
  ///
  /// - Parameter waitsForBatch: Whether nobody begins beside one that generates.
  private mutating func fitGuaranteed(waitsForBatch: Bool) {
    var left = memory.pool.freeCount
    for sequence in active where standings[Int(sequence)].stage == .generates {
      left -= blocksToCome(sequence)
      fitting.append(sequence)
    }
    if waitsForBatch && !fitting.isEmpty { return }
    for sequence in active {
      var needed = blocksToCome(sequence)
      switch standings[Int(sequence)].stage {
      case .generates: continue
      case .inContext: break
      case .waits:
        let state = sequences[Int(sequence)]
        lookUp(sequence, state)
        if !waitsForBatch && isBeingMade(sequence) { continue }
        needed = blocksMax(state) - sharedHits
      }
      guard needed <= left else { return }
      left -= needed
      fitting.append(sequence)
    }
  }

  /// Whether a sequence holds blocks.
  func hasBegun(_ sequence: Int32) -> Bool { standings[Int(sequence)].stage != .waits }

  /// Blocks that are kept for a sequence that has begun, to the end of the longest answer that its client asks for.
  func blocksToCome(_ sequence: Int32) -> Int {
    let standing = standings[Int(sequence)]
    return Int(standing.blocksMax - standing.blocks)
  }

  /// As many as find the blocks of this iteration, in order of arrival. Where one finds none, the one that began last is
  /// paused, if it stands there or behind, and nobody behind that is looked at any more.
  private mutating func fitMost(_ plan: inout IterationPlan) {
    var (index, end, taken) = (0, active.count, 0)
    while index < end {
      let sequence = active[index]
      let stage = standings[Int(sequence)].stage
      var needed = 0
      switch stage {
      case .waits:
        let state = sequences[Int(sequence)]
        lookUp(sequence, state)
        if isBeingMade(sequence) {
          index += 1
          continue
        }
        needed = blocks(for: Int(state.length)) - sharedHits
      case .inContext: break
      case .generates: needed = takesBlock(sequence) ? 1 : 0
      }
      if taken + needed <= memory.pool.freeCount {
        taken += needed
        fitting.append(sequence)
        index += 1
      } else if let last = active[index..<end].lastIndex(where: hasBegun) {
        pause(active[last], &plan)
        end = last
      } else {
        return
      }
    }
  }

  /// Blocks of what was found that others hold, so that they cost nothing.
  private var sharedHits: Int { found.tokens / blockSize - found.freeHits }

  /// Whether the first block that was not found of a sequence is part of a prompt that is computed now: it then waits and
  /// finds it.
  private mutating func isBeingMade(_ sequence: Int32) -> Bool {
    guard let missing = found.missing else { return false }
    for other in fitting where standings[Int(other)].stage != .generates {
      let blocks = Int(sequences[Int(other)].length) / blockSize
      if memory.hasKey(missing, in: 0..<blocks, of: Int(other)) { return true }
    }
    return false
  }
}
