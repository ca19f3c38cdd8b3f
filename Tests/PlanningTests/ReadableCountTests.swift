import Testing

@testable import Planning

/// Counts as vLLM 0.11.0 reads them.
@Suite struct ReadableCountTests {
  @Test(arguments: [
    ("8192", 8192), ("1k", 1000), ("1K", 1024), ("25.6k", 25_600), ("32K", 32_768),
    ("2m", 2_000_000), ("2M", 2_097_152), ("1.5g", 1_500_000_000), ("1G", 1_073_741_824),
    ("1.2345k", 1234), ("-1", -1),
  ]) func reads(text: String, count: Int) {
    #expect(ReadableCount(text)?.value == count)
  }

  /// Decimals of a power of two, units that are none, and more than 64 bits.
  @Test(arguments: ["", "k", "1.5K", "1T", "1t", "1 k", "1kk", ".5k", "1.5", "-1k", "99999999999G"])
  func refuses(text: String) {
    #expect(ReadableCount(text) == nil)
  }
}
