/// Whether `byte` is an ASCII digit.
func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

/// The number that a field of ASCII digits stands for, or `nil` for any other text, the empty one
/// included. Numbers too large for ``Int64`` become its maximum.
func parseDigits(_ field: Span<UInt8>) -> Int64? {
  var end = 0
  guard let value = parseDigits(field, from: &end), end == field.count else { return nil }
  return value
}

/// The number that the ASCII digits from a place on stand for, or `nil` if there are none.
///
/// - Parameter place: Becomes the end of the digits.
@inline(__always)
func parseDigits(_ text: Span<UInt8>, from place: inout Int) -> Int64? {
  let start = place
  var value: Int64 = 0
  while place < text.count, isDigit(text[place]) {
    let digit = Int64(text[place] &- UInt8(ascii: "0"))
    if place &- start < 18 {
      value = value &* 10 &+ digit
    } else {
      let (product, overflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, carries) = product.addingReportingOverflow(digit)
      value = overflows || carries ? .max : sum
    }
    place &+= 1
  }
  return place > start ? value : nil
}

/// Appends the decimal digits of `value`.
///
/// - Precondition: `value` is not negative.
func appendDecimal(_ value: Int64, to bytes: inout [UInt8]) {
  precondition(value >= 0, "appendDecimal: \(value) is negative")
  let start = bytes.count
  var rest = value
  repeat {
    bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
    rest /= 10
  } while rest > 0
  bytes[start...].reverse()
}
