import SimulationKernel
import Testing

@testable import KVMemory

/// Tables in one arena, against lists of blocks.
@Suite struct BlockTablesTests {
  @Test(arguments: 0..<20 as Range<UInt64>) func agreesWithLists(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "block tables")
    let count = 1 + chance.below(12)
    var tables = BlockTables()
    var lists = [[BlockID]](repeating: [], count: count)
    for step in 0..<1500 as Range<BlockID> {
      let sequence = chance.below(count)
      switch chance.below(8) {
      case 0:
        tables.clear(sequence)
        lists[sequence] = []
      case 1 where lists[sequence].isEmpty:
        tables.clear(sequence)
        let parent = chance.below(count)
        tables.copy(parent, to: sequence)
        lists[sequence] = lists[parent]
      case 2 where !lists[sequence].isEmpty:
        let index = chance.below(lists[sequence].count)
        tables.replaceBlock(at: index, of: sequence, with: step)
        lists[sequence][index] = step
      case 3:
        let added = (0..<BlockID(chance.below(20))).map { step * 20 + $0 }
        tables.append(added.count, to: sequence) { _ = $0.update(fromContentsOf: added) }
        lists[sequence] += added
      case 4 where lists[sequence].isEmpty:
        tables.clear(sequence)
        tables.reserve(1 + chance.below(40), for: sequence, finalTokens: 7)
      default:
        let table = tables.append(step, to: sequence)
        lists[sequence].append(step)
        #expect(Int(table.count) == lists[sequence].count)
      }
      #expect(tables.brokenInvariant == nil, "seed \(seed), step \(step)")
      #expect((0..<count).map { Array(tables.blocks(of: $0)) } == lists, "seed \(seed), \(step)")
      #expect(tables.entryCount == lists.reduce(0) { $0 + $1.count })
    }
  }
}
