import SimulationKernel
import Testing

@testable import Serving

/// What layers with a window skip, against the lengths one by one.
@Suite struct SkippedContextTests {
  @Test(arguments: 0..<30 as Range<UInt64>) func agreesWithEachLength(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "skipped context")
    let attendedMax = 1 + chance.below(12)
    var skipped = SkippedContext(attendedMax: attendedMax)
    var lengths: [Int] = []
    func tokens(after iterations: Int) -> Int {
      lengths.reduce(0) { $0 + max(0, $1 + iterations - attendedMax) }
    }
    for step in 0..<200 {
      if chance.below(3) == 0 {
        lengths.append(1 + chance.below(20))
        skipped.join(length: lengths[lengths.count - 1])
      }
      if !lengths.isEmpty, chance.below(4) == 0 {
        skipped.leave(length: lengths.remove(at: chance.below(lengths.count)))
      }
      #expect(skipped.tokens == tokens(after: 0), "seed \(seed), step \(step)")
      let limit = 1 + chance.below(16)
      let steady = skipped.steadyIterations(atMost: limit)
      #expect(1...limit ~= steady, "seed \(seed), step \(step)")
      for ahead in 0..<steady {
        #expect(
          skipped.tokens + ahead * skipped.growth == tokens(after: ahead),
          "seed \(seed), step \(step)")
      }
      // Not stopped before it has to.
      if steady < limit {
        #expect(skipped.tokens + steady * skipped.growth != tokens(after: steady), "seed \(seed)")
      }
      skipped.advance(by: 1)
      lengths = lengths.map { $0 + 1 }
    }
  }
}
