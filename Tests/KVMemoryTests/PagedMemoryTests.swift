import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct PagedMemoryTests {
  private func memory(blocks: Int = 8, host: Int = 0) -> PagedMemory {
    PagedMemory(
      blockSize: 4, deviceBlocks: blocks, hostBlocks: host, watermarkBlocks: 0)
  }

  @Test func allocatesWhatTheTokensFill() {
    var memory = memory()
    memory.allocate(0, tokens: 6, finalTokens: 7)
    #expect(Array(memory.tables.blocks(of: 0)) == [7, 6])
    // Eight slots: six tokens, one more to come, one that no token will ever fill.
    let ledger = memory.ledger
    #expect(ledger.tokenState == 6)
    #expect(ledger.reserved == 1)
    #expect(ledger.internalFragmentation == 1)
    #expect(ledger.free == 24)
  }

  /// Of three sharers two copy the partial block and the last writes in place.
  @Test func copiesOnWriteForAllSharersButTheLast() {
    var memory = memory()
    memory.allocate(0, tokens: 6, finalTokens: 20)
    memory.fork(0, to: 1)
    memory.fork(0, to: 2)
    #expect(memory.append(0) == BlockCopy(source: 6, destination: 5))
    #expect(memory.append(1) == BlockCopy(source: 6, destination: 4))
    #expect(memory.append(2) == nil)
    #expect((0..<3).map { Array(memory.tables.blocks(of: $0)) } == [[7, 5], [7, 4], [7, 6]])
    #expect(memory.logicalBlockCount == 6)
    #expect(memory.device.heldCount == 4)
    // Four shared tokens, then three of each sequence.
    #expect(memory.ledger.tokenState == 4 + 3 * 3)
  }

  @Test func takesABlockOnlyWhenTheLastIsFull() {
    var memory = memory()
    memory.allocate(0, tokens: 3, finalTokens: 9)
    let counts = (0..<6).map { _ in
      _ = memory.append(0)
      return memory.device.heldCount
    }
    #expect(counts == [1, 2, 2, 2, 2, 3])
  }

  /// Sharing survives the way to the host and back: three distinct blocks, not four.
  @Test func swapsWhatIsSharedOnce() {
    var memory = memory(host: 5)
    memory.allocate(0, tokens: 6, finalTokens: 20)
    memory.fork(0, to: 1)
    _ = memory.append(0)
    _ = memory.append(1)
    #expect(memory.distinctBlockCount(of: 0..<2) == 3)
    let out = memory.swapOut(0..<2)
    #expect(out.map { [$0.source, $0.destination] } == [[7, 4], [5, 3], [6, 2]])
    #expect(memory.device.heldCount == 0)
    #expect(memory.ledger.free == 32)
    let back = memory.swapIn(0..<2)
    #expect(back.map(\.source) == [4, 3, 2])
    #expect(memory.host.heldCount == 0)
    #expect(memory.brokenInvariant() == nil)
    #expect(memory.ledger.tokenState == 4 + 2 * 3)
  }

  /// Random groups that fork, append, swap and end; the laws hold after every single operation.
  @Test(arguments: 0..<30) func keepsItsLawsUnderRandomUse(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "paged memory")
    let width = 3
    let groupCount = 6
    var memory = PagedMemory(
      blockSize: 1 + chance.below(9), deviceBlocks: 10 + chance.below(60), hostBlocks: 40,
      watermarkBlocks: 0)
    var state = Array(repeating: State.absent, count: groupCount)
    var final = Array(repeating: 0, count: groupCount)
    for _ in 0..<400 {
      let group = chance.below(groupCount)
      let sequences = group * width..<(group + 1) * width
      switch state[group] {
      case .absent:
        let tokens = 1 + chance.below(30)
        guard memory.blockCount(forTokens: tokens) <= memory.device.freeCount else { break }
        final[group] = tokens + chance.below(30)
        memory.allocate(sequences.lowerBound, tokens: tokens, finalTokens: final[group])
        for other in sequences.dropFirst() { memory.fork(sequences.lowerBound, to: other) }
        state[group] = .resident
      case .resident: state[group] = use(&memory, sequences, final[group], &chance)
      case .swapped:
        guard memory.distinctHostBlocks(sequences) <= memory.device.freeCount else { break }
        _ = memory.swapIn(sequences)
        state[group] = .resident
      }
      let swapped = state.indices.filter { state[$0] == .swapped }
        .flatMap { $0 * width..<($0 + 1) * width }
      #expect(memory.brokenInvariant(swapped: Set(swapped)) == nil, "seed \(seed)")
    }
  }

  private enum State { case absent, resident, swapped }

  private func use(
    _ memory: inout PagedMemory, _ sequences: Range<Int>, _ final: Int,
    _ chance: inout RandomStream
  ) -> State {
    let isComplete = memory.residentTokens(of: sequences.lowerBound) == final
    switch isComplete ? 0 : chance.below(12) {
    case 0:
      for sequence in sequences { memory.free(sequence) }
      return .absent
    case 1 where memory.distinctBlockCount(of: sequences) <= memory.host.freeCount:
      _ = memory.swapOut(sequences)
      return .swapped
    case 2:
      memory.free(sequences.upperBound - 1)
      memory.fork(sequences.lowerBound, to: sequences.upperBound - 1)
      return .resident
    default:
      let needed = memory.blocksToAppend(sequences)
      guard needed <= memory.device.freeCount else { return .resident }
      let held = memory.device.heldCount
      for sequence in sequences { _ = memory.append(sequence) }
      #expect(memory.device.heldCount == held + needed)
      return .resident
    }
  }
}

extension PagedMemory {
  /// Distinct blocks of swapped sequences, counted with a set.
  fileprivate func distinctHostBlocks(_ sequences: Range<Int>) -> Int {
    Set(sequences.flatMap { Array(tables.blocks(of: $0)) }).count
  }
}
