import Testing

@testable import KVMemory

@Suite struct PrefixCachingMemoryTests {
  /// Ten blocks of 4, of which block 0 is the engine's own: 40 slots in all.
  private func memory() -> PrefixCachingMemory {
    PrefixCachingMemory(
      blockSize: 4, deviceBlocks: 10, freeQueueRule: .unhashedFirst, sequenceCount: 2)
  }

  private func keys(_ count: Int) -> [BlockKey] {
    var builder = BlockKeyBuilder()
    return (0..<count).map { block in
      builder.add(stream: 1, start: block * 4, count: 4)
      return builder.key
    }
  }

  /// token state, reserved, internal, cached, free
  private func classes(_ memory: PrefixCachingMemory) -> [Int] {
    let ledger = memory.ledger
    #expect(ledger.total == 40)
    #expect(ledger.externalFragmentation == 0)
    return [
      ledger.tokenState, ledger.reserved, ledger.internalFragmentation, ledger.cached, ledger.free,
    ]
  }

  @Test func everySlotIsInOneClass() {
    var memory = memory()
    var evicted: [BlockID] = []
    #expect(classes(memory) == [0, 0, 4, 0, 36])

    // |tttt|tttt|t...|  10 tokens in the end: two slots of the last block stay empty
    memory.begin(0, with: [], finalTokens: 10)
    memory.extend(0, by: 9, evicted: &evicted)
    #expect(classes(memory) == [9, 1, 4 + 2, 0, 24])
    #expect(memory.uncachedFullBlocks(of: 0) == 0..<2)
    memory.cacheFullBlocks(of: 0, keys: keys(2))
    #expect(memory.uncachedFullBlocks(of: 0).isEmpty)

    // The two full blocks are shared, and counted once.
    var hits: [BlockID] = []
    #expect(memory.lookUp(keys(3), limit: 3, hits: &hits) == 0)
    #expect(hits == [1, 2])
    memory.begin(1, with: hits, finalTokens: 20)
    memory.extend(1, by: 1, evicted: &evicted)
    #expect(classes(memory) == [10, 1 + 3, 4 + 2, 0, 20])
    #expect(memory.logicalBlockCount == 6)
    #expect(memory.pool.heldCount == 4)

    memory.extend(0, by: 1, evicted: &evicted)
    #expect(classes(memory) == [11, 3, 4 + 2, 0, 20])
    memory.free(0)
    #expect(classes(memory) == [9, 3, 4, 0, 24])
    memory.free(1)
    #expect(classes(memory) == [0, 0, 4, 8, 28])
    #expect(memory.lookUp(keys(3), limit: 1, hits: &hits) == 1)
    #expect(evicted.isEmpty)
  }

  @Test func roomIsCountedInBlocks() {
    var memory = memory()
    var evicted: [BlockID] = []
    memory.begin(0, with: [], finalTokens: 36)
    memory.extend(0, by: 30, evicted: &evicted)
    #expect(memory.canExtend(0, by: 2))
    #expect(memory.canExtend(0, by: 6))
    #expect(!memory.canExtend(0, by: 7))
    #expect(memory.residentTokens(of: 0) == 30)
  }
}
