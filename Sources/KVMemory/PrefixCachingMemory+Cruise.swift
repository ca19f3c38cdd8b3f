/// Sequences that only decode, some or all of a phase at a time: what ``extend(_:by:evicted:)`` and
/// ``cacheFullBlocks(of:)`` do for one.
extension PrefixCachingMemory {
  /// Uses one slot of the last block of each of `sequences` sequences, which are not named.
  ///
  /// Until ``settle(_:tokens:)`` only the ledger knows: a sequence's own count of tokens stands
  /// still. The last block is not full, so nobody shares it.
  public mutating func cruise(sequences: Int) { tokenSlots += sequences }

  /// Gives cruising sequences, whose last blocks are full, the next one each, in order.
  ///
  /// - Parameters:
  ///   - due: Who they are, by phase; not changed.
  ///   - range: Which of that phase.
  ///   - evicted: Gets the blocks whose cached content is lost, in order.
  /// - Returns: Slots of the blocks that no token will ever fill.
  /// - Precondition: As many blocks are free.
  @discardableResult
  public mutating func extendCruising(
    _ due: inout PhasedSequences, _ phase: Int, _ range: Range<Int>, evicted: inout [BlockID]
  ) -> Int {
    let blockSize = blockSize
    var unusable = 0
    withUnsafeTemporaryAllocation(of: BlockID.self, capacity: range.count) { taken in
      pool.take(into: taken, evicted: &evicted)
      due.look { due in
        let sequences = due[phase]
        tables.appendSome { tables in
          for index in taken.indices {
            let sequence = sequences[range.lowerBound &+ index]
            let table = tables.append(taken[index], to: Int(sequence))
            let behind = Int(table.count) &* blockSize &- Int(table.finalTokens)
            // Of those behind the last token, only the slots of this block are new.
            if behind > 0 { unusable &+= min(behind, blockSize) }
          }
        }
      }
    }
    unusableSlots += unusable
    return unusable
  }

  /// Whether one of these cruising sequences fills a block in this iteration that gets this key.
  ///
  /// - Parameters:
  ///   - due: Who they are, by phase; not changed.
  ///   - range: Which of that phase.
  public mutating func fills(
    _ key: BlockKey, _ due: inout PhasedSequences, _ phase: Int, _ range: Range<Int>
  ) -> Bool {
    due.look { due in
      due[phase][range].contains { contents.with(Int($0)) { $0.nextKey } == key }
    }
  }

  /// Gives the last blocks of cruising sequences, which this iteration fills, their keys; it is known what they consist
  /// of.
  ///
  /// - Parameters:
  ///   - due: Who they are, by phase; not changed.
  ///   - range: Which of that phase.
  public mutating func cacheLastBlocks(
    of due: inout PhasedSequences, _ phase: Int, _ range: Range<Int>
  ) {
    due.look { due in
      contents.withRows { rows in
        let sequences = due[phase]
        pool.cache(range.count) { index in
          let sequence = Int(sequences[range.lowerBound + index])
          let (block, count) = tables.lastBlockAndCount(of: sequence)
          let key = rows.update(sequence) { contents in
            let key = contents.nextKey
            contents.cachedBlocks += 1
            precondition(
              contents.cachedBlocks == count,
              "PrefixCachingMemory: sequence \(sequence) has full blocks without a key")
            return key
          }
          return (block, key)
        }
      }
    }
  }

  /// Sets how many tokens a sequence holds that has cruised until now.
  public mutating func settle(_ sequence: Int, tokens: Int) {
    let slots = Int(tables[sequence].count) * blockSize
    precondition(
      tokens <= slots && slots - tokens < blockSize,
      "PrefixCachingMemory.settle: \(tokens) tokens of sequence \(sequence) in \(slots) slots")
    tables.setEmptySlots(slots - tokens, of: sequence)
  }
}
