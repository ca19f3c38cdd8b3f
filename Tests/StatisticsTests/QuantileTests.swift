import SimulationKernel
import Testing

@testable import Statistics

@Suite struct QuantileTests {
  /// numpy.quantile([1, 2, 4, 8], …) = 1, 1.75, 3, 5, 8.
  @Test func interpolatesBetweenOrderStatistics() {
    let found = [0, 0.25, 0.5, 0.75, 1].map { Quantile.linear($0, ofSorted: [1, 2, 4, 8]) }
    #expect(found == [1, 1.75, 3, 5, 8])
    #expect(Quantile.linear(0.9, ofSorted: [7]) == 7)
  }

  /// A request without an answer has waited for ever: the median of three does not reach it, that of two does.
  @Test func infinityIsReachedOnlyThroughAFraction() {
    #expect(Quantile.linear(0.5, ofSorted: [1, 2, .infinity]) == 2)
    #expect(Quantile.linear(0.5, ofSorted: [1, .infinity]) == .infinity)
    #expect(Quantile.linear(1, ofSorted: [1, .infinity]) == .infinity)
    #expect(Quantile.linear(0.9, ofSorted: [.infinity, .infinity]) == .infinity)
  }

  @Test func nearestRankAboveIsAValue() {
    let ten = (1...10).map(Double.init)
    let found = [0, 0.1, 0.11, 0.5, 0.9, 0.99, 1].map {
      Quantile.nearestRankAbove($0, ofSorted: ten)
    }
    #expect(found == [1, 1, 2, 5, 9, 10, 10])
  }

  @Test func ranksByPercentAreWholeNumbers() {
    let values = (0..<200).map(Double.init)
    let found = [0, 25, 50, 99, 100].map { Quantile.rank(percent: $0, ofSorted: values) }
    #expect(found == [0, 50, 100, 198, 199])
    #expect(Quantile.rank(percent: 50, ofSorted: [1, 2, 3]) == 2)
    #expect(Quantile.rank(percent: 99, ofSorted: [1, 2, 3]) == 3)
  }

  @Test func medianIsTheMiddle() {
    #expect(Quantile.median(ofSorted: [1, 2, 9]) == 2)
    #expect(Quantile.median(ofSorted: [1, 2, 4, 9]) == 3)
    #expect(Quantile.median(ofSorted: [5]) == 5)
  }

  /// Selecting, counting and sorting give the same bits.
  @Test(arguments: 1...40) func allWaysAgree(seed: Int) {
    var random = RandomStream(seed: UInt64(seed), label: "quantiles")
    let count = 1 + random.below(seed < 20 ? 8 : 2000)
    // Few different values in half of the cases, so that many are equal.
    let values = (0..<count).map { _ in
      seed % 2 == 0 ? Double(random.below(10)) / 7 : random.uniform()
    }
    let sorted = values.sorted()
    let probabilities = [0, 0.25, 0.5, 0.9, 0.99, 1]
    let expected = probabilities.map { Quantile.linear($0, ofSorted: sorted) }

    var reordered = values
    #expect(Quantile.linear(probabilities, reordering: &reordered) == expected, "seed \(seed)")
    #expect(reordered.sorted() == sorted, "seed \(seed)")

    var kept: [(value: Double, count: Int)] = []
    for value in sorted {
      if kept.last?.value == value {
        kept[kept.count - 1].count += 1
      } else {
        kept.append((value, 1))
      }
    }
    let ranks = CountedRanks(kept: kept.count) { kept[$0].count }
    #expect(ranks.count == count)
    let counted = probabilities.map { probability in
      Quantile.linear(probability, count: count) { kept[ranks.index(ofRank: $0)].value }
    }
    #expect(counted == expected, "seed \(seed)")
  }

  /// Each element selected as in a sorted copy, smaller ones before it and larger ones behind.
  @Test(arguments: 1...20) func selectsEachRank(seed: Int) {
    var random = RandomStream(seed: UInt64(seed), label: "selection")
    let values = (0..<1 + random.below(60)).map { _ in Double(random.below(20)) }
    let sorted = values.sorted()
    for rank in values.indices {
      var reordered = values
      #expect(reordered.select(rank) == sorted[rank], "seed \(seed), rank \(rank)")
      #expect(reordered[..<rank].allSatisfy { $0 <= sorted[rank] })
      #expect(reordered[rank...].allSatisfy { $0 >= sorted[rank] })
    }
  }

  @Test func countedRanksNameTheKeptValue() {
    let counts = [2, 1, 4]
    let ranks = CountedRanks(kept: 3) { counts[$0] }
    #expect((0..<7).map { ranks.index(ofRank: $0) } == [0, 0, 1, 2, 2, 2, 2])
  }

  @Test func studentsTComesFromTheTable() {
    let found = [1, 2, 30, 31, 1000].map { StudentT.twoSided95(degrees: $0) }
    #expect(found == [12.706, 4.303, 2.042, 1.96, 1.96])
  }
}
