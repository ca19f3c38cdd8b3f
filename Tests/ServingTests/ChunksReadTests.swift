import SimulationKernel
import Testing

@testable import KVMemory
@testable import Serving

/// Which chunks loads read, against a set for each load.
@Suite struct ChunksReadTests {
  private static func keys(_ runs: [(stream: Int, indices: Range<Int>)]) -> [ContentKey] {
    runs.flatMap { stream, indices in
      var run = RunBuilder()
      _ = run.add(stream: Int64(stream), start: 0, count: 1)
      return indices.map { ContentKey(run: run.identity, index: Int32($0)) }
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func rowsAreSets(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "read")
    var read = ChunksRead()
    var model: [Int32: Set<ContentKey>] = [:]
    var found = 0
    for job in 0..<400 as Range<Int32> {
      let keys = Self.keys(
        (0..<1 + chance.below(3)).map { stream in
          let first = chance.below(30)
          return (
            stream: 10 * stream + chance.below(4), indices: first..<first + 1 + chance.below(5)
          )
        })
      let expected = model.values.contains { !$0.isDisjoint(with: keys) }
      #expect(read.overlaps(keys) == expected, "seed \(seed), job \(job)")
      found += expected ? 1 : 0
      read.add(keys, by: job)
      model[job] = Set(keys)
      while model.count > chance.below(5) {
        guard let oldest = model.keys.min() else { break }
        model[oldest] = nil
        let hasRead = read.remove(job: oldest)
        #expect(hasRead)
      }
      #expect(read.isEmpty == model.isEmpty)
      let knows = read.remove(job: -1)
      #expect(!knows)
    }
    #expect(found > 0 && found < 400, "seed \(seed): \(found) of 400 overlap")
  }
}
