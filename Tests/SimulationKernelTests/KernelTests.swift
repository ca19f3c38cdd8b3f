import Testing

@testable import SimulationKernel

@Suite struct SimTimeTests {
  @Test func roundsToTheNearestNanosecond() {
    #expect(SimDuration(rounding: 1.4e-9).nanoseconds == 1)
    #expect(SimDuration(rounding: 1.5e-9).nanoseconds == 2)
    #expect(SimDuration(rounding: 2.5e-9).nanoseconds == 3)
    #expect(SimDuration(rounding: 1).nanoseconds == 1_000_000_000)
  }

  /// Halves go away from zero, as the library's own rounding has it.
  @Test func roundsAsTheLibraryDoes() {
    var stream = RandomStream(seed: 5, label: "rounding")
    for draw in 0..<10_000 {
      let nanoseconds = (stream.uniform() - 0.5) * Double(1 << (draw % 50))
      for exact in [nanoseconds, nanoseconds.rounded() + 0.5, nanoseconds.rounded()] {
        let seconds = exact / 1e9
        #expect(SimDuration(rounding: seconds).nanoseconds == Int64((seconds * 1e9).rounded()))
      }
    }
  }

  @Test func instantsAndDurationsAdd() {
    let start = SimInstant(nanoseconds: 5)
    let end = start + SimDuration(nanoseconds: 7)
    #expect(end - start == SimDuration(nanoseconds: 7))
    #expect(end > start)
  }
}

@Suite struct RandomStreamTests {
  /// Fixed for ever: a change here changes every published result.
  @Test func isTheSameEverywhere() {
    var stream = RandomStream(seed: 0, label: "arrivals")
    let first = (0..<3).map { _ in stream.next() }
    var again = RandomStream(seed: 0, label: "arrivals")
    #expect(first == (0..<3).map { _ in again.next() })
    var other = RandomStream(seed: 0, label: "lengths")
    var otherSeed = RandomStream(seed: 1, label: "arrivals")
    #expect(first[0] != other.next())
    #expect(first[0] != otherSeed.next())
  }

  @Test func belowIsUniform() {
    var stream = RandomStream(seed: 3, label: "below")
    var counts = Array(repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[stream.below(7)] += 1 }
    // Five standard deviations of a binomial count of mean 10,000.
    #expect(counts.allSatisfy { abs($0 - 10_000) < 465 })
  }

  @Test func exponentialAndNormalHaveTheirMoments() {
    var stream = RandomStream(seed: 5, label: "moments")
    let count = 100_000
    let gaps = (0..<count).map { _ in stream.exponential(mean: 2) }
    let normals = (0..<count).map { _ in stream.normal() }
    #expect(abs(gaps.reduce(0, +) / Double(count) - 2) < 0.035)
    #expect(abs(normals.reduce(0, +) / Double(count)) < 0.02)
    #expect(abs(normals.reduce(0) { $0 + $1 * $1 } / Double(count) - 1) < 0.025)
  }

  @Test func shuffleKeepsEverything() {
    var stream = RandomStream(seed: 9, label: "shuffle")
    var items = Array(0..<100)
    stream.shuffle(&items)
    #expect(items != Array(0..<100))
    #expect(items.sorted() == Array(0..<100))
  }
}
