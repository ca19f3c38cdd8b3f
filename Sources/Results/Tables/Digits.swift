/// Numbers for people: as many digits as the simulator's error deserves. Files keep all of them.
package enum Digits {
  /// What stands where nothing was measured.
  static let absent = "–"

  /// `value` with three significant digits and no exponent: `0.0123`, `1.23`, `12.3`, `123`.
  ///
  /// Digits before the point are never dropped (`1234` stays `1234`), those after the ninth place
  /// are; trailing zeros stay, since they were computed.
  package static func significant(_ value: Double?) -> String {
    guard let value else { return absent }
    guard value != 0 else { return "0" }
    var decimals = 2
    var bound = 10.0
    // Compared with what rounds up to the next digit, so that 9.996 is `10.0` and not `10.00`.
    while decimals > 0 && value.magnitude >= bound - 0.5 * power(-decimals) {
      decimals -= 1
      bound *= 10
    }
    bound = 1
    while decimals >= 2 && decimals < 9 && value.magnitude < bound - 0.5 * power(-decimals - 1) {
      decimals += 1
      bound /= 10
    }
    return fixed(value, decimals: decimals)
  }

  /// `share` of 1 in percent with one decimal: `0.4567` is `45.7`.
  static func percent(_ share: Double) -> String { fixed(share * 100, decimals: 1) }

  /// `value` rounded to `decimals` places, halves away from zero.
  package static func fixed(_ value: Double, decimals: Int) -> String {
    let scaled = (value.magnitude * power(decimals)).rounded()
    // Beyond 2^53 there are no places behind the point to show.
    guard scaled < 9e15 else { return value.description }
    let digits = String(Int64(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + padded }
    return "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
  }

  private static func power(_ exponent: Int) -> Double {
    var power = 1.0
    for _ in 0..<exponent.magnitude { power *= 10 }
    return exponent < 0 ? 1 / power : power
  }
}
