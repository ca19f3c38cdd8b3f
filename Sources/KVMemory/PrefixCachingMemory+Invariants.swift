extension PrefixCachingMemory {
  /// The first law that is broken, with the numbers, or `nil`: those of the pool and of the tables; a table begins with
  /// the blocks that hold the sequence's keys; a run is held by its blocks and its sequences; and the ledger is what one
  /// finds by looking at every slot.
  ///
  /// - Parameter cruising: Tokens of each cruising sequence, whose table does not know them.
  /// - Complexity: O(blocks + table entries + places of the runs).
  package func brokenInvariant(cruising: [Int: Int] = [:]) -> String? {
    let held = tables.sequences.map { Array(tables.blocks(of: $0)) }
    return tables.brokenInvariant ?? contents.brokenInvariant.map { "contents: \($0)" }
      ?? pool.brokenInvariant(tables: held) ?? contentsViolation ?? runViolation
      ?? ledgerViolation(cruising)
  }

  /// The cached blocks of a sequence come first and hold the keys of what it consists of.
  private var contentsViolation: String? {
    for sequence in Set(tables.sequences + contents.numbers).sorted() {
      let contents = contents[sequence]
      let blocks = Array(tables.blocks(of: sequence))
      let cached = Int(contents.cachedBlocks)
      guard (0...blocks.count).contains(cached) else {
        return "\(cached) blocks of sequence \(sequence) hold keys, it holds \(blocks.count)"
      }
      var next: Int32 = 0
      for span in contents.spans {
        guard span.first == next, span.count >= 0 else {
          return "sequence \(sequence): a span of \(span.count) blocks from \(span.first) on, "
            + "\(next) stand before it"
        }
        next += span.count
      }
      guard contents.spans.isEmpty || contents.last == contents.spans[contents.spans.count - 1]
      else { return "sequence \(sequence): \(contents.last) is not its last span" }
      guard cached <= Int(next) else {
        return "\(cached) blocks of sequence \(sequence) hold keys, its spans have \(next)"
      }
      for (index, block) in blocks.enumerated() {
        guard pool.isCached(block) == (index < cached) else {
          return "sequence \(sequence): block \(index), number \(block), "
            + "\(pool.isCached(block) ? "holds" : "lacks") a key, \(cached) hold one"
        }
      }
      for index in 0..<cached {
        let span = contents.spans.last { $0.first <= Int32(index) }
        guard let key = span?.key(ofBlock: index), pool.key(of: blocks[index]) == key else {
          return "sequence \(sequence): block \(index), number \(blocks[index]), holds "
            + "\(pool.key(of: blocks[index])), which is not its key"
        }
      }
    }
    return nil
  }

  /// Who holds a run is a block with one of its keys, or a sequence that consists of it.
  private var runViolation: String? {
    var spans: [Int32: Int] = [:]
    for sequence in contents.numbers {
      for span in contents[sequence].spans { spans[span.run, default: 0] += 1 }
    }
    for run in pool.runsInUse {
      let (blocks, sequences) = pool.holders(of: run)
      guard sequences == spans[run, default: 0] else {
        return "run \(run) is held by \(blocks) blocks and \(sequences) others, "
          + "\(spans[run, default: 0]) spans name it"
      }
      spans[run] = nil
    }
    guard spans.isEmpty else { return "runs \(spans.keys.sorted()) are named and not held" }
    return nil
  }

  /// The ledger slot by slot: shared ones count once, and the null block will never be used.
  private func ledgerViolation(_ cruising: [Int: Int]) -> String? {
    var expected = WasteLedger()
    expected.internalFragmentation = blockSize
    var seen: Set<BlockID> = []
    for sequence in tables.sequences {
      let tokens = cruising[sequence] ?? residentTokens(of: sequence)
      let final = Int(tables[sequence].finalTokens)
      for (index, block) in tables.blocks(of: sequence).enumerated()
      where seen.insert(block).inserted {
        let slots = index * blockSize..<(index + 1) * blockSize
        let filled = slots.clamped(to: 0..<tokens).count
        let unusable = slots.clamped(to: max(final, 0)..<max(final, slots.upperBound)).count
        expected.tokenState += filled
        expected.internalFragmentation += unusable
        expected.reserved += blockSize - filled - unusable
      }
    }
    expected.cached = pool.freeQueue.count { pool.isCached($0) } * blockSize
    expected.free = pool.freeQueue.count { !pool.isCached($0) } * blockSize
    guard ledger == expected, ledger.reserved >= 0 else {
      return "ledger: \(ledger), the tables say \(expected)"
    }
    guard ledger.total == pool.capacity * blockSize else {
      return "ledger: \(ledger.total) slots in all ≠ \(pool.capacity) blocks × \(blockSize)"
    }
    return nil
  }
}
