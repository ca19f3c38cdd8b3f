import Testing

@testable import Planning

@Suite struct RateLadderTests {
  @Test func rungsAreStepsOfTheTolerance() {
    let ladder = RateLadder(tolerance: 0.02)
    #expect([-1, 0, 1, 2].map(ladder.rate) == [1 / 1.02, 1, 1.02, 1.02 * 1.02])
    // 1.02³² = 1.88, and 1.02⁶⁴ = 3.6.
    #expect(ladder.doubling == 32)
    #expect(RateLadder(tolerance: 0.9).doubling == 1)
  }

  @Test(arguments: [0.0005, 0.02, 0.05, 0.5]) func aRateOfTheLadderIsOnItsRung(tolerance: Double) {
    let ladder = RateLadder(tolerance: tolerance)
    for rung in stride(from: -900, through: 1200, by: 7) {
      #expect(ladder.rung(near: ladder.rate(rung)) == rung)
      #expect(ladder.rung(near: ladder.rate(rung) * (1 + 0.4 * tolerance)) == rung)
      #expect(ladder.rung(near: ladder.rate(rung) / (1 + 0.4 * tolerance)) == rung)
    }
  }
}
