import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

@Suite struct DecimalSecondsTests {
  @Test(
    arguments: [
      ("0", 0), ("12", 12_000_000_000), ("12.", 12_000_000_000), (".5", 500_000_000),
      ("0.0520000", 52_000_000), ("0.000000001", 1), ("0.0000000014", 1), ("0.0000000015", 2),
      ("0.00000000049999999999", 0), ("0.0000000005", 1), ("1.9999999995", 2_000_000_000),
      ("1e-05", 10_000), ("1.5E+2", 150_000_000_000), ("5e-10", 1), ("4e-10", 0), ("5e-11", 0),
      ("0e999999999999", 0), ("1e-999999999999", 0),
      ("00000000000000000000000000012", 12_000_000_000),
      ("1700000000.123456789", 1_700_000_000_123_456_789),
      ("4000000000", 4_000_000_000_000_000_000),
      ("3999999999.9999999995", 4_000_000_000_000_000_000),
    ] as [(String, Int64)]) func parsesExactly(_ text: String, _ nanoseconds: Int64)
  {
    let parsed = DecimalSeconds.parse(Array(text.utf8).span)
    #expect(parsed == .instant(SimInstant(nanoseconds: nanoseconds)))
  }

  @Test(arguments: [
    "4000000000.000000001", "4000000000.0000000005", "9223372036.854775808", "1e10", "1e999999999",
    "99999999999999999999999999999999999999",
  ]) func refusesWhatIsTooLarge(_ text: String) {
    #expect(DecimalSeconds.parse(Array(text.utf8).span) == .tooLarge)
  }

  @Test(arguments: [
    "", ".", "-1", "+1", "1.2.3", "1e", "1e+", "1e5.5", "e5", "nan", "inf", "0x10", " 1", "1 ",
    "1,5", "1_000",
  ]) func refusesWhatIsNoNumber(_ text: String) {
    #expect(DecimalSeconds.parse(Array(text.utf8).span) == .notANumber)
  }
}
