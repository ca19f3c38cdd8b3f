import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

@Suite struct DigitsTests {
  private func parse(_ text: String, from start: Int = 0) -> (value: Int64?, end: Int) {
    var place = start
    let value = parseDigits(Array(text.utf8).span, from: &place)
    return (value, place)
  }

  @Test func digitsEndWhereTheyEnd() {
    #expect(parse("").value == nil)
    #expect(parse("x1234567").value == nil)
    #expect(parse("7") == (7, 1))
    #expect(parse("0012:345678") == (12, 4))
    #expect(parse("0012:345678", from: 5) == (345678, 11))
    #expect(parse("12345678") == (12_345_678, 8))
    #expect(parse("123456789,") == (123_456_789, 9))
    #expect(parse("9223372036854775807") == (.max, 19))
    #expect(parse("99999999999999999999999") == (.max, 23))
  }

  /// Against a loop over the digits, with every byte behind them.
  @Test(arguments: 0..<20 as Range<UInt64>) func agreesWithALoop(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "digits")
    for _ in 0..<500 {
      let digits = (0..<chance.below(19)).map { _ in UInt8(ascii: "0") + UInt8(chance.below(10)) }
      var behind = (0..<chance.below(12)).map { _ in UInt8(chance.below(256)) }
      if let first = behind.first, isDigit(first) { behind[0] = UInt8(ascii: ":") }
      let bytes = digits + behind
      var place = 0
      let value = parseDigits(bytes.span, from: &place)
      let expected = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
      #expect(value == (digits.isEmpty ? nil : expected), "\(bytes)")
      #expect(place == digits.count, "\(bytes)")
    }
  }
}
