import SimulationKernel
import Testing

@testable import Reproduction

@Suite struct MarconiTests {
  private let model = MarconiModel(
    recurrentLayers: 1, attentionLayers: 1, mlpLayers: 1, width: 1, stateWidth: 1)

  /// A token has 4 bytes, a state 2 · 1 · 1 + (2 + 2) · 4 · 2 = 34. The published model: 1,116,160 bytes a layer.
  @Test func bytesOfTheModel() {
    #expect(model.tokenBytes == 4 && model.stateBytes == 34)
    #expect(MarconiModel().stateBytes == 24 * 1_116_160 && MarconiModel().tokenBytes == 65_536)
    // Attention 8 · 2 + 4 · 4, MLP 16 · 2, recurrent (12 + 16 + 10) · 2.
    #expect(model.operations(2) == 32 + 32 + 76)
  }

  /// A prefix that no request is by itself is found from its third occurrence on; a request that goes on from another at
  /// once.
  @Test func sharedPrefixesAreFoundTheThirdTime() {
    var tree = MarconiTree(model, capacityBytes: 1 << 20, eviction: .worth(alpha: 0))
    var found: [Int] = []
    for last in [10, 20, 30] as [UInt64] {
      found.append(tree.match([1, 2, 3, last, 9]))
      tree.insert([1, 2, 3, last, 9, last])
    }
    found.append(tree.match([1, 2, 3, 10, 9, 10, 7]))
    #expect(found == [0, 0, 3, 6])
    #expect(tree.brokenInvariant == nil)
    // Three tokens in common, three ends of three; states at the parting and the ends.
    #expect(tree.usedBytes == 12 * 4 + 4 * 34)
  }

  /// With recency alone the oldest end goes; with operations the short one, though it is newer.
  @Test func whatIsWorthLeastGoes() {
    for (alpha, expected) in [(0.0, [0, 2]), (2.0, [6, 0])] {
      // 6 + 2 + 1 tokens and three states are 138 bytes.
      var tree = MarconiTree(model, capacityBytes: 137, eviction: .worth(alpha: alpha))
      tree.insert([1, 2, 3, 4, 5, 6])
      tree.insert([11, 12])
      tree.insert([21])
      let found = [tree.match([1, 2, 3, 4, 5, 6, 7]), tree.match([11, 12, 13])]
      #expect(found == expected, "alpha \(alpha)")
      #expect(tree.evictions == 1)
    }
  }

  /// What is found is what a list of whole requests and parting places says, while nothing is evicted; bytes always fit.
  @Test(arguments: seeds(20)) func agreesWithALookUp(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "marconi tree")
    let capacity = seed % 2 == 0 ? 1 << 30 : 900
    var tree = MarconiTree(
      model, capacityBytes: capacity, eviction: seed % 4 == 1 ? .leastRecent : .worth(alpha: 0.5))
    var texts: [[UInt64]] = []
    var states: Set<[UInt64]> = []
    for step in 0..<80 {
      let common = texts.isEmpty ? [] : texts[numbers.below(texts.count)]
      let kept = common.prefix(numbers.below(common.count + 1))
      let prompt = Array(kept) + (0...numbers.below(4)).map { _ in UInt64(numbers.below(3)) }
      let found = tree.match(prompt)
      if capacity > 900 {
        let known = (0..<prompt.count).last { states.contains(Array(prompt[..<$0])) } ?? 0
        #expect(found == known, "seed \(seed), step \(step)")
      }
      let all = prompt + [UInt64(numbers.below(3))]
      // Where it leaves the texts so far, if some of them goes on.
      let shared = texts.map { zip($0, all).prefix { $0 == $1 }.count }.max() ?? 0
      let goesOn = texts.contains { $0.count > shared && $0.starts(with: all[..<shared]) }
      if shared > 0, shared < all.count, goesOn { states.insert(Array(all[..<shared])) }
      states.insert(all)
      texts.append(all)
      tree.insert(all)
      #expect(tree.brokenInvariant == nil && tree.usedBytes <= max(capacity, 4 * all.count + 34))
      if capacity > 900 {
        // A token for each prefix that some text has, and the states.
        let prefixes: [[UInt64]] = texts.flatMap { text in
          (1...text.count).map { Array(text.prefix($0)) }
        }
        let bytes = Set(prefixes).count * 4 + states.count * 34
        #expect(tree.usedBytes == bytes, "seed \(seed), step \(step)")
      }
    }
  }

  /// Blocks of 32 tokens with a state each: three fit.
  @Test func blocksAreEvictedFromTheEnd() {
    var cache = BlockStates(model, capacityBytes: 3 * (32 * 4 + 34))
    #expect(cache.capacityBlocks == 3)
    cache.insert([1, 2])
    let both = cache.match([1, 2, 3], promptTokens: 96)
    // The last token is always computed.
    let one = cache.match([1, 2], promptTokens: 64)
    cache.insert([5, 6])
    let first = cache.match([1, 2, 3], promptTokens: 96)
    #expect([both, one, first] == [64, 32, 32])
    #expect(cache.written == 4 && cache.foundBlocks == 2 && cache.foundStates == 3)
  }

  @Test func directionsOfThePaper() throws {
    let report = try MarconiReport.report(seed: 0, cacheGB: [10])
    #expect(report.claims.count == 9)
    for claim in report.claims { #expect(claim.verdict == .inside, "\(claim)") }
  }
}
