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
  if text.count &- place >= 8 {
    let (digits, count) = leadingDigits(text, at: place)
    place &+= count
    if count < 8 { return count > 0 ? digits : nil }
    value = digits
  }
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

/// The number that the digits among the eight bytes from a place on begin with, and how many they are: at once, as a loop
/// over digits is guessed wrong at each end.
///
///     bytes     '4' '2' ':' …            the first byte is the lowest
///     digits     ·   ·   ·   ·   ·   ·   4   2        moved up, so that what is missing are zeros in front
///
/// Neighbours are then joined by one multiplication each: digits to pairs, pairs to fours, fours to eight.
@inline(__always)
private func leadingDigits(_ text: Span<UInt8>, at place: Int) -> (value: Int64, count: Int) {
  let bytes = text.withUnsafeBytes {
    UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
  }
  let digits = bytes ^ 0x3030_3030_3030_3030
  // The high bit of each byte that is no digit, the lowest one first; what a carry does to those above does not matter.
  let others = (digits &+ 0x7676_7676_7676_7676 | digits) & 0x8080_8080_8080_8080
  let count = others.trailingZeroBitCount &>> 3
  if count == 0 { return (0, 0) }
  let aligned = digits &<< UInt64(64 &- 8 &* count)
  let pairs = aligned &* 10 &+ aligned &>> 8
  let even = pairs & 0x0000_00FF_0000_00FF
  let odd = pairs &>> 16 & 0x0000_00FF_0000_00FF
  let joined = even &* 0x000F_4240_0000_0064 &+ odd &* 0x0000_2710_0000_0001
  return (Int64(joined &>> 32), count)
}
