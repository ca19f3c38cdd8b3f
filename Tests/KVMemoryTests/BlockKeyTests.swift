import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct BlockKeyTests {
  private typealias Run = (stream: Int64, start: Int, count: Int)

  private func key(_ runs: [Run]) -> BlockKey {
    var builder = BlockKeyBuilder()
    for run in runs { builder.add(stream: run.stream, start: run.start, count: run.count) }
    return builder.key
  }

  @Test func sameTokensCutDifferentlyHaveOneKey() {
    let whole = key([(7, 0, 10), (9, 4, 6)])
    #expect(key([(7, 0, 3), (7, 3, 7), (9, 4, 6)]) == whole)
    #expect(key([(7, 0, 1), (7, 1, 9), (9, 4, 5), (9, 9, 1)]) == whole)
  }

  @Test func otherTokensHaveOtherKeys() {
    let keys: [BlockKey] = [
      key([(7, 0, 16)]), key([(7, 1, 16)]), key([(8, 0, 16)]), key([(7, 0, 8), (8, 0, 8)]),
      key([(8, 0, 8), (7, 0, 8)]), key([(7, 0, 8), (7, 0, 8)]), key([(7, 8, 8), (7, 0, 8)]),
      key([(-7, 0, 16)]), key([(7, 0, 16), (7, 0, 16)]), key([(7, 0, 32)]), key([(7, 0, 15)]),
    ]
    #expect(Set(keys).count == keys.count)
  }

  private func keys(
    _ count: Int, of builder: BlockKeyBuilder, blockSize: Int, before: Int
  ) -> [BlockKey] {
    Array(unsafeUninitializedCapacity: count) { keys, made in
      builder.make(keys, blockSize: blockSize, before: before)
      made = count
    }
  }

  /// |── 7 from 0, 40 tokens ──|: blocks of 16 end 24 and 8 tokens before the end of the run.
  @Test func aBlockMayEndBeforeTheRun() {
    var builder = BlockKeyBuilder()
    builder.add(stream: 7, start: 0, count: 40)
    let two = keys(2, of: builder, blockSize: 16, before: 8)
    #expect(two == [key([(7, 0, 16)]), key([(7, 0, 9), (7, 9, 23)])])
    builder.add(stream: 9, start: 0, count: 8)
    #expect(builder.key == key([(7, 0, 40), (9, 0, 8)]))
    let one = keys(1, of: builder, blockSize: 1, before: 7)
    #expect(one == [key([(7, 0, 40), (9, 0, 1)])])
  }

  /// Random sequences over a small alphabet of tokens, so that many are equal, against their token
  /// lists.
  @Test(arguments: 1...20)
  func keysAreEqualWhereTokensAre(seed: Int) {
    var random = RandomStream(seed: UInt64(seed), label: "keys")
    var tokensOfKey: [BlockKey: [[Int]]] = [:]
    for _ in 0..<2000 {
      var tokens: [[Int]] = []
      var runs: [Run] = []
      while tokens.count < 4 {
        let count = min(1 + random.below(3), 4 - tokens.count)
        let run = (stream: Int64(random.below(2)), start: random.below(3), count: count)
        runs.append(run)
        for offset in 0..<count { tokens.append([Int(run.stream), run.start + offset]) }
      }
      let flat = tokens.flatMap { $0 }
      tokensOfKey[key(runs), default: []].append(flat)
    }
    #expect(tokensOfKey.values.allSatisfy { Set($0).count == 1 }, "seed \(seed): a collision")
    let distinct = Set(tokensOfKey.values.map { $0[0] })
    #expect(distinct.count == tokensOfKey.count, "seed \(seed): one token list, two keys")
  }
}
