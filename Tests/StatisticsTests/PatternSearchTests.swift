import Testing

@testable import Statistics

@Suite struct PatternSearchTests {
  /// A bowl: the minimum lies at (3, −1), and beyond what is allowed in the second.
  @Test func findsTheBottomOfABowl() {
    func bowl(_ x: [Double]) -> Double { (x[0] - 3) * (x[0] - 3) + 4 * (x[1] + 1) * (x[1] + 1) }
    let free = PatternSearch(
      [.init(start: 0, step: 1, least: -10), .init(start: 5, step: 1, least: -10)], halvings: 10)
    #expect(free.minimum(bowl) == [3, -1])
    let bounded = PatternSearch(
      [.init(start: 0, step: 0.3, least: -10), .init(start: 5, step: 1, least: 0.5)], halvings: 20)
    let found = bounded.minimum(bowl)
    #expect(abs(found[0] - 3) < 1e-5 && found[1] == 0.5)
  }

  /// A start that nothing beats stays, after two evaluations a number and halving.
  @Test func staysAtAMinimum() {
    var count = 0
    let search = PatternSearch([.init(start: 2, step: 1, least: 0)], halvings: 3)
    let found = search.minimum { x in
      count += 1
      return abs(x[0] - 2)
    }
    #expect(found == [2])
    #expect(count == 1 + 2 * 4)
  }
}
