/// Sequences that only decode, some or all of a phase at a time: what ``append(_:)`` does for one.
extension PagedMemory {
  /// Uses one slot of the last block of each of `sequences` unshared sequences, which are not named.
  ///
  /// Until ``settle(_:tokens:)`` only the ledger knows: a sequence's own count of tokens stands still.
  public mutating func cruise(sequences: Int) { tokenSlots += sequences }

  /// Gives a cruising sequence, whose last block is full, the next one.
  public mutating func extend(_ sequence: Int) { appendBlock(to: sequence) }

  /// Gives cruising sequences the next block in the iteration in which their last one is full, over some iterations.
  ///
  /// - Parameters:
  ///   - due: Who needs a block, by the iteration modulo the block size; not changed.
  ///   - first: The phase of the first iteration.
  ///   - took: Told of each iteration that takes blocks its number, from 0, how many they are, and how many of their
  ///     slots no token will ever fill.
  /// - Returns: The iterations done: all, or those before one that would leave no block free.
  public mutating func extend(
    _ due: inout PhasedSequences, from first: Int, iterations: Int,
    _ took: (_ iteration: Int, _ blocks: Int, _ unusableSlots: Int) -> Void
  ) -> Int {
    let blockSize = blockSize
    var done = 0
    var unusableInAll = 0
    due.look { due in
      device.takeSome { pool in
        tables.appendSome { tables in
          unusableSlots.withUnsafeMutableBufferPointer { slots in
            var phase = first
            while done < iterations {
              let sequences = due[phase]
              guard pool.freeCount > sequences.count else { return }
              if sequences.count > 0 {
                var unusable = 0
                for sequence in sequences {
                  let block = pool.take()
                  let table = tables.append(block, to: Int(sequence))
                  let behind = Int(table.count) &* blockSize &- Int(table.finalTokens)
                  if behind > 0 {
                    slots[Int(block)] = Int32(truncatingIfNeeded: behind)
                    unusable &+= behind
                  }
                }
                unusableInAll += unusable
                took(done, sequences.count, unusable)
              }
              phase = phase + 1 < due.phaseCount ? phase + 1 : 0
              done += 1
            }
          }
        }
      }
    }
    unusableSlotCount += unusableInAll
    return done
  }

  /// Sets how many tokens a sequence holds that has cruised until now.
  public mutating func settle(_ sequence: Int, tokens: Int) {
    let slots = Int(tables[sequence].count) * blockSize
    precondition(
      tokens <= slots && slots - tokens < blockSize,
      "PagedMemory.settle: \(tokens) tokens of sequence \(sequence) in \(slots) slots")
    tables.setEmptySlots(slots - tokens, of: sequence)
  }
}
