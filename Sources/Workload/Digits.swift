/// Whether `byte` is an ASCII digit.
func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

/// The number that a field of ASCII digits stands for, or `nil` for any other text, the empty one
/// included. Numbers too large for ``Int64`` become its maximum.
func parseDigits(_ field: Span<UInt8>) -> Int64? {
  guard !field.isEmpty else { return nil }
  var value: Int64 = 0
  for index in field.indices {
    guard isDigit(field[index]) else { return nil }
    let (product, overflows) = value.multipliedReportingOverflow(by: 10)
    let (sum, carries) = product.addingReportingOverflow(Int64(field[index] - UInt8(ascii: "0")))
    value = overflows || carries ? .max : sum
  }
  return value
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
