import Testing

@testable import Results

@Suite struct ByteBufferTests {
  private func text(_ fill: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    fill(&buffer)
    return buffer.text
  }

  @Test(arguments: [0, 1, -1, 9, 10, 99, 100, -1005, .max, .min])
  func integersAreDecimal(value: Int) {
    #expect(text { $0.append(value) } == String(value))
  }

  @Test func seedsUseAllSixtyFourBits() {
    #expect(text { $0.append(UInt64.max) } == "18446744073709551615")
  }

  @Test func nanosecondsBecomeExactSecondsWithoutTrailingZeros() {
    let cases: [(Int64, String)] = [
      (0, "0"), (1, "0.000000001"), (1_000_000_000, "1"), (1_500_000_000, "1.5"),
      (-1_500_000_000, "-1.5"), (100_000_000_000, "100"), (123_456_789_012, "123.456789012"),
      (10, "0.00000001"), (.max, "9223372036.854775807"), (.min, "-9223372036.854775808"),
    ]
    for (nanoseconds, expected) in cases {
      #expect(text { $0.append(nanoseconds, decimals: 9) } == expected)
    }
  }

  @Test func realsReadBackAsTheSameNumber() {
    for value in [0, 0.1, 1.0 / 3, 5, 1e-7, 1e300, -2.5] {
      #expect(Double(text { $0.append(value) }) == value)
    }
  }

  @Test func aNumberThatIsNotFiniteTraps() async {
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer()
      buffer.append(Double.nan)
    }
  }
}
