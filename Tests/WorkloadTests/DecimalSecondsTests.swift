import SimulationKernel
import Testing
import Workload

@Suite struct DecimalSecondsTests {
  @Test func printsWithoutTrailingZeros() {
    let cases: [(Int64, String)] = [
      (0, "0"), (1, "0.000000001"), (4_314_579_000, "4.314579"), (12_000_000_000, "12"),
      (100_000_000, "0.1"), (10_050_000_000, "10.05"),
    ]
    for (nanoseconds, text) in cases {
      #expect(DecimalSeconds.text(SimInstant(nanoseconds: nanoseconds)) == text)
    }
  }
}
