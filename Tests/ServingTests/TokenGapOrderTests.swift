import SimulationKernel
import Testing

@testable import Serving

@Suite struct TokenGapOrderTests {
  /// Gaps of every size, from none to days, in the order that the standard library's stable sort gives.
  @Test(arguments: 0..<20) func sortsGaps(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "gap order")
    let gaps = (0..<chance.below(300)).map { index in
      TokenGaps.Gap(
        nanoseconds: Int64(chance.next() >> (16 + chance.below(48))), count: Int64(index))
    }
    #expect(gaps.sortedByLength() == gaps.sorted { $0.nanoseconds < $1.nanoseconds })
  }
}
