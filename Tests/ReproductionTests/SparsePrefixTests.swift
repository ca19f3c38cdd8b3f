import SimulationKernel
import Testing

@testable import Reproduction

@Suite struct SparsePrefixTests {
  /// Overlaps of 2 and 5, as often: one checkpoint at 5 leaves 2 tokens of every other request, at 2 it leaves 3.
  @Test func placesACheckpointWhereItSavesMost() {
    let program = CheckpointProgram(overlaps: [9, 0, 1, 0, 0, 1], budget: 1)
    #expect(program.checkpoints == [5])
    #expect(program.expectedTokens == 1)
    #expect(CheckpointProgram(overlaps: [0, 0, 1, 0, 0, 1], budget: 2).checkpoints == [2, 5])
    #expect(CheckpointProgram(overlaps: [1], budget: 3).checkpoints.isEmpty)
    #expect(CheckpointProgram(overlaps: [0, 0, 0, 0, 1], budget: 0).expectedTokens == 4)
  }

  /// Against every set of positions.
  @Test(arguments: seeds(20)) func isAsGoodAsTheBestOfAll(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "checkpoints")
    let deepest = 1 + numbers.below(12)
    let overlaps = (0...deepest).map { _ in
      numbers.below(3) == 0 ? 0.0 : Double(numbers.below(9))
    }
    for budget in 0...4 {
      let program = CheckpointProgram(overlaps: overlaps, budget: budget)
      let best = (0..<(1 << deepest)).filter { $0.nonzeroBitCount <= budget }.map { mask in
        CheckpointProgram.expectedTokens(
          overlaps: overlaps, positions: (1...deepest).filter { mask >> ($0 - 1) & 1 == 1 })
      }.min()
      let own = CheckpointProgram.expectedTokens(
        overlaps: overlaps, positions: program.checkpoints)
      #expect(abs(own - (best ?? 0)) < 1e-9, "\(overlaps), \(budget)")
      #expect(abs(program.expectedTokens - own) < 1e-9, "\(overlaps), \(budget)")
      #expect(program.checkpoints.count <= max(budget, 0))
    }
  }

  /// Under its own distribution no fixed rule with as many checkpoints is better.
  @Test(arguments: seeds(40)) func neverLosesToAFixedScheme(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "fixed-schemes")
    let deepest = 20 + numbers.below(300)
    let overlaps = (0...deepest).map { _ in numbers.uniform() < 0.3 ? numbers.uniform() : 0 }
    for scheme in [CheckpointScheme.block(16), .balanced(7), .sqrt, .dyadic] {
      let positions = scheme.fixedPositions(length: deepest) ?? []
      let program = CheckpointProgram(overlaps: overlaps, budget: positions.count)
      let fixed = CheckpointProgram.expectedTokens(overlaps: overlaps, positions: positions)
      #expect(program.expectedTokens <= fixed + 1e-9, "\(scheme), \(deepest)")
    }
  }

  /// Balanced positions are the best where every overlap is as likely.
  @Test func evenDistancesAreBestForEvenOverlaps() {
    let overlaps = [0] + [Double](repeating: 1, count: 99)
    let positions = CheckpointScheme.balanced(9).fixedPositions(length: 99) ?? []
    #expect(positions == [10, 20, 30, 40, 50, 60, 70, 80, 90])
    let program = CheckpointProgram(overlaps: overlaps, budget: 9)
    let fixed = CheckpointProgram.expectedTokens(overlaps: overlaps, positions: positions)
    #expect(abs(program.expectedTokens - fixed) < 1e-9)
  }

  @Test func fixedPositions() {
    #expect(CheckpointScheme.block(4).fixedPositions(length: 13) == [4, 8, 12])
    #expect(CheckpointScheme.sqrt.fixedPositions(length: 17) == [4, 8, 12, 16])
    #expect(CheckpointScheme.dyadic.fixedPositions(length: 13) == [1, 2, 4, 8, 13])
    #expect(CheckpointScheme.dyadic.fixedPositions(length: 8) == [1, 2, 4, 8])
    #expect(CheckpointScheme.balanced(3).fixedPositions(length: 2) == [1, 2])
    #expect(CheckpointScheme.branchPoint.fixedPositions(length: 9) == nil)
  }

  ///     prompts   0 1 2 3 4 | 0 1 2 9     checkpoints at 2 and 4: the second resumes at 2 of 3
  @Test func resumesAtTheDeepestCheckpoint() {
    let prompts: [[Int32]] = [[0, 1, 2, 3, 4], [0, 1, 2, 9]]
    let outcome = SparsePrefixReplay.run(prompts, .block(2), kernelTokens: 1)
    #expect(outcome.recomputedTokens == 0.5)
    #expect(abs(outcome.hitShare - 1.0 / 3) < 1e-12)
    // First: two prefixes are written. Second: a token, attention 9 − 4, a state is read, one prefix is new.
    let first = 2e-5 * Double(2 * 2048 + 6 * 256)
    let second = 1 + 0.002 * 5 + 1e-4 * 2048 + 2e-5 * Double(2048 + 4 * 256)
    #expect(abs(outcome.cost - (first + second) / 2) < 1e-12)
  }

  @Test func branchesAreFound() {
    var trie = PrefixTrie()
    let first = trie.insert([5, 6, 7])
    let second = trie.insert([5, 6])
    #expect(trie.overlap([5, 6, 8]) == 2)
    #expect(first[2] == second[2])
    #expect(trie.isBranch(first[2]) && !trie.isBranch(first[1]) && !trie.isBranch(first[3]))
  }

  /// All printed numbers, in every printed digit.
  @Test func thePrintedNumbersComeOut() throws {
    let claims = try SparsePrefixReport.report(SparsePrefixSetting()).claims
    let compared = claims.filter { $0.expectation != .nothing }
    #expect(compared.count == 3 * 22)
    for claim in compared { #expect(claim.verdict == .inside, "\(claim)") }
    #expect(Printed("24.8").tolerance < 0.0551 && Printed("21").tolerance == 0.55)
  }
}
