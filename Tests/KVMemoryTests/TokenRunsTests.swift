import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct TokenRunsTests {
  private func identity(_ stream: Int) -> RunIdentity {
    var builder = RunBuilder()
    _ = builder.add(stream: Int64(stream), start: 0, count: 1)
    return builder.identity
  }

  @Test func aRunKeepsItsNumberWhileSomebodyHoldsIt() {
    var runs = TokenRuns()
    let first = runs.enter(identity(1), blocks: 2)
    let second = runs.enter(identity(2), blocks: 2)
    #expect(first != second && first > 0 && second > 0)
    #expect(runs.enter(identity(1), blocks: 1) == first)
    runs.leave(first)
    #expect(runs.count == 2)
    #expect(runs.enter(identity(1), blocks: 2) == first)
    runs.leave(first, times: 2)
    #expect(runs.count == 1)
    #expect(runs.enter(identity(3), blocks: 1) == first, "a number is used again")
    #expect(runs.places(from: BlockKey(run: first, index: 0)).pointee == 0)
  }

  /// A longer holder moves the places, with what stands in them.
  @Test func placesAreKeptWhenARunGrows() {
    var runs = TokenRuns()
    let run = runs.enter(identity(1), blocks: 8)
    for index in 0..<8 {
      runs.places(from: BlockKey(run: run, index: 0))[index] = BlockID(index + 1)
    }
    let other = runs.enter(identity(2), blocks: 8)
    #expect(runs.enter(identity(1), blocks: 1000) == run)
    let places = runs.places(from: BlockKey(run: run, index: 0))
    #expect((0..<1000).map { places[$0] } == (1...8) + [BlockID](repeating: 0, count: 992))
    // The range that it left is used again, and empty.
    let third = runs.enter(identity(3), blocks: 8)
    #expect((0..<8).allSatisfy { runs.places(from: BlockKey(run: third, index: 0))[$0] == 0 })
    #expect((0..<8).allSatisfy { runs.places(from: BlockKey(run: other, index: 0))[$0] == 0 })
  }

  /// Against a dictionary; so many runs that numbers, heads and places grow several times.
  @Test(arguments: 1...10)
  func agreesWithADictionary(seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "runs")
    var runs = TokenRuns()
    var held: [Int: (run: Int32, holders: Int, marks: [Int: BlockID])] = [:]
    for step in 0..<4000 {
      let stream = random.below(600)
      if random.below(3) > 0 {
        let blocks = 1 + random.below(40)
        let run = runs.enter(identity(stream), blocks: blocks)
        if held[stream] == nil {
          #expect(held.values.allSatisfy { $0.run != run }, "seed \(seed), step \(step)")
        }
        var row = held[stream] ?? (run, 0, [:])
        try #require(row.run == run, "seed \(seed), step \(step)")
        row.holders += 1
        let index = random.below(blocks)
        row.marks[index] = BlockID(step + 1)
        runs.places(from: BlockKey(run: run, index: Int32(index))).pointee = BlockID(step + 1)
        held[stream] = row
      } else if var row = held[stream] {
        let places = runs.places(from: BlockKey(run: row.run, index: 0))
        for (index, mark) in row.marks {
          try #require(places[index] == mark, "seed \(seed), step \(step)")
        }
        row.holders -= 1
        // Whoever is the last to hold a run has emptied its places.
        if row.holders == 0 { for index in row.marks.keys { places[index] = 0 } }
        runs.leave(row.run)
        held[stream] = row.holders > 0 ? row : nil
      }
      try #require(runs.count == held.count, "seed \(seed), step \(step)")
      // There are thousands of places to look at.
      guard step % 20 == 0 else { continue }
      try #require(runs.brokenInvariant == nil, "seed \(seed), step \(step)")
      try #require(
        held.values.allSatisfy { runs.holders(of: $0.run) == $0.holders },
        "seed \(seed), step \(step)")
    }
  }

  @Test func copiesAreIndependent() {
    var runs = TokenRuns()
    let run = runs.enter(identity(1), blocks: 1)
    var copy = runs
    copy.detach()
    copy.places(from: BlockKey(run: run, index: 0)).pointee = 5
    let other = copy.enter(identity(2), blocks: 1)
    #expect(runs.places(from: BlockKey(run: run, index: 0)).pointee == 0)
    #expect(runs.enter(identity(3), blocks: 1) == other)
    #expect(runs.count == 2 && copy.count == 2)
  }
}
