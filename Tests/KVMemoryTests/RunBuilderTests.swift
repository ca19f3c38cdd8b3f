import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct RunBuilderTests {
  private typealias Run = (stream: Int64, start: Int, count: Int)

  /// What identifies the tokens of some runs: the last run, and how many tokens of it there are.
  private struct Prefix: Hashable {
    var run: RunIdentity
    var count: Int
  }

  private func prefix(_ runs: [Run]) -> Prefix {
    var builder = RunBuilder()
    for run in runs {
      _ = builder.add(stream: run.stream, start: run.start, count: run.count)
    }
    return Prefix(run: builder.identity, count: builder.count)
  }

  @Test func sameTokensCutDifferentlyAreTheSame() {
    let whole = prefix([(7, 0, 10), (9, 4, 6)])
    #expect(prefix([(7, 0, 3), (7, 3, 7), (9, 4, 6)]) == whole)
    #expect(prefix([(7, 0, 1), (7, 1, 9), (9, 4, 5), (9, 9, 1)]) == whole)
    #expect(prefix([(8, 0, 0), (7, 0, 10), (8, 0, 0), (9, 4, 6)]) == whole)
  }

  @Test func otherTokensAreOthers() {
    let prefixes: [Prefix] = [
      prefix([(7, 0, 16)]), prefix([(7, 1, 16)]), prefix([(8, 0, 16)]),
      prefix([(7, 0, 8), (8, 0, 8)]), prefix([(8, 0, 8), (7, 0, 8)]),
      prefix([(7, 0, 8), (7, 0, 8)]), prefix([(7, 8, 8), (7, 0, 8)]), prefix([(-7, 0, 16)]),
      prefix([(7, 0, 16), (7, 0, 16)]), prefix([(7, 0, 32)]), prefix([(7, 0, 15)]),
    ]
    #expect(Set(prefixes).count == prefixes.count)
  }

  @Test func aRunBeginsWhereTheStreamDoesNotGoOn() {
    var builder = RunBuilder()
    let pieces: [Run] = [(7, 0, 40), (7, 40, 2), (9, 0, 8), (9, 8, 0), (9, 8, 1), (9, 0, 4)]
    let begins = pieces.map { builder.add(stream: $0.stream, start: $0.start, count: $0.count) }
    #expect(begins == [true, false, true, false, false, true])
    #expect(builder.count == 4)
  }

  /// Random sequences over a small alphabet of tokens, so that many are equal, against their token
  /// lists.
  @Test(arguments: 1...20)
  func identitiesAreEqualWhereTokensAre(seed: Int) {
    var random = RandomStream(seed: UInt64(seed), label: "keys")
    var tokensOfPrefix: [Prefix: [[Int]]] = [:]
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
      tokensOfPrefix[prefix(runs), default: []].append(flat)
    }
    #expect(tokensOfPrefix.values.allSatisfy { Set($0).count == 1 }, "seed \(seed): a collision")
    let distinct = Set(tokensOfPrefix.values.map { $0[0] })
    #expect(distinct.count == tokensOfPrefix.count, "seed \(seed): one token list, two identities")
  }
}
