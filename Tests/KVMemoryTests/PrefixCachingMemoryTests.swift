import Testing

@testable import KVMemory

@Suite struct PrefixCachingMemoryTests {
  /// Ten blocks of 4, of which block 0 is the engine's own: 40 slots in all.
  private func memory() -> PrefixCachingMemory {
    PrefixCachingMemory(
      blockSize: 4, deviceBlocks: 10, freeQueueRule: .unhashedFirst)
  }

  /// Tells that a sequence has `count` full blocks, the first of which are the same for all.
  private func tell(_ memory: inout PrefixCachingMemory, _ sequence: Int, _ count: Int) {
    var builder = RunBuilder()
    _ = builder.add(stream: 1, start: 0, count: count * 4)
    let run = memory.enter(builder.identity, blocks: count)
    memory.setContents(of: sequence, [BlockSpan(run: run, first: 0, count: Int32(count))])
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
    tell(&memory, 0, 2)
    #expect(memory.cacheFullBlocks(of: 0) == 0..<2)
    #expect(memory.cacheFullBlocks(of: 0).isEmpty)

    // The two full blocks are shared, and counted once.
    var hits: [BlockID] = []
    tell(&memory, 1, 3)
    #expect(memory.lookUp(1, limit: 3, hits: &hits) == 0)
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
    #expect(memory.lookUp(1, limit: 1, hits: &hits) == 1)
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

  /// |── run 1: 2 blocks ──|── run 2: 1 block ──|
  @Test func keysAreCountedFromTheBeginningOfTheirRun() {
    var memory = memory()
    var builder = RunBuilder()
    _ = builder.add(stream: 1, start: 0, count: 8)
    let first = memory.enter(builder.identity, blocks: 2)
    _ = builder.add(stream: 2, start: 0, count: 4)
    let second = memory.enter(builder.identity, blocks: 1)
    #expect(memory.knows(0) == false)
    memory.setContents(
      of: 0,
      [BlockSpan(run: first, first: 0, count: 2), BlockSpan(run: second, first: 2, count: 1)])
    let keys = (0..<3).map { memory.key(ofBlock: $0, of: 0) }
    #expect(
      keys == [
        BlockKey(run: first, index: 0), BlockKey(run: first, index: 1),
        BlockKey(run: second, index: 0),
      ])
    let found = [0..<1, 0..<2, 1..<2, 1..<3].map { memory.hasKey(keys[1], in: $0, of: 0) }
    #expect(found == [false, true, true, true])
    // Block 2 is no block of run 1, whose third one another sequence may have.
    #expect(memory.hasKey(BlockKey(run: first, index: 2), in: 0..<3, of: 0) == false)
  }

  /// A run has a number as long as a sequence consists of it or a block holds a key of it.
  @Test func runsGoWithTheirLastBlock() {
    var memory = memory()
    var evicted: [BlockID] = []
    tell(&memory, 0, 2)
    memory.begin(0, with: [], finalTokens: 9)
    memory.extend(0, by: 9, evicted: &evicted)
    #expect(memory.cacheFullBlocks(of: 0) == 0..<2)
    memory.free(0)
    memory.forget(0)
    #expect(memory.knows(0) == false && memory.pool.runCount == 1)
    memory.begin(1, with: [], finalTokens: 36)
    memory.extend(1, by: 32, evicted: &evicted)
    #expect(evicted == [2] && memory.pool.runCount == 1)
    memory.extend(1, by: 4, evicted: &evicted)
    #expect(evicted == [2, 1] && memory.pool.runCount == 0)
  }
}
