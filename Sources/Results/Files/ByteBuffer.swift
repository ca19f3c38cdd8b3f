/// Text under construction, as UTF-8 bytes: every number in a result file is formatted here.
///
/// Formatting into bytes instead of `String`s makes writing a row of `requests.csv` several times
/// faster; nothing depends on the locale, so that the same values are the same bytes everywhere.
struct ByteBuffer {
  private(set) var bytes: [UInt8]

  /// - Parameter capacity: Bytes to reserve at once.
  init(capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// The bytes as a string.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Forgets the bytes and keeps the storage.
  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func append(byte: UInt8) { bytes.append(byte) }

  mutating func append(contentsOf other: [UInt8]) { bytes.append(contentsOf: other) }

  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  mutating func append(_ value: Int) {
    if value < 0 { append(byte: UInt8(ascii: "-")) }
    append(digits: UInt64(value.magnitude))
  }

  mutating func append(_ value: UInt64) { append(digits: value) }

  /// The shortest decimal that reads back as the same `Double`.
  ///
  /// - Precondition: `value` is finite: no file format here has a number for the others, and a
  ///   measurement that is not there is absent, not NaN.
  mutating func append(_ value: Double) {
    precondition(value.isFinite, "Results: \(value) is not a number that can be stored")
    append(value.description)
  }

  /// `value` × 10^-`decimals`, exactly, without trailing zeros: `(1_500, decimals: 3)` is `1.5`.
  ///
  /// Integer nanoseconds become seconds with nine decimals and milliseconds with six, and nothing
  /// is rounded on the way.
  mutating func append(_ value: Int64, decimals: Int) {
    if value < 0 { append(byte: UInt8(ascii: "-")) }
    var unit: UInt64 = 1
    for _ in 0..<decimals { unit *= 10 }
    let (whole, rest) = value.magnitude.quotientAndRemainder(dividingBy: unit)
    append(digits: whole)
    guard rest != 0 else { return }
    append(byte: UInt8(ascii: "."))
    append(digits: rest, minimumCount: decimals)
    while bytes.last == UInt8(ascii: "0") { bytes.removeLast() }
  }

  /// Appends the decimal digits of `value`, with leading zeros up to `minimumCount` digits.
  private mutating func append(digits value: UInt64, minimumCount: Int = 1) {
    var count = 1
    var bound: UInt64 = 10
    while value >= bound {
      count += 1
      let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
      if overflow { break }
      bound = next
    }
    count = max(count, minimumCount)
    for _ in 0..<count { bytes.append(UInt8(ascii: "0")) }
    var rest = value
    var index = bytes.count
    while rest > 0 {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      index -= 1
      bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
      rest = quotient
    }
  }
}
