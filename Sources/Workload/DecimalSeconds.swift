import SimulationKernel

/// Decimal text of seconds, and the integer nanoseconds it stands for, exactly.
///
/// `Double` holds 4.314579 s only to within its rounding, and a trace of Unix times only to about
/// 200 ns; digits do better.
package enum DecimalSeconds {
  /// The last instant that a trace may name, in seconds: about 126 years, less than half of what
  /// `Int64` nanoseconds reach, so that a simulation that starts there does not overflow.
  package static let secondsMax: Int64 = 4_000_000_000

  /// Appends `instant` as decimal seconds without trailing zeros: `4.314579`, `12`, `0`.
  ///
  /// - Precondition: `instant` is not before the start of the run.
  package static func append(_ instant: SimInstant, to bytes: inout [UInt8]) {
    append(instant.nanoseconds, unit: 1_000_000_000, to: &bytes)
  }

  /// Appends `instant` as decimal milliseconds: `4314.579`.
  ///
  /// - Precondition: `instant` is not before the start of the run.
  package static func append(milliseconds instant: SimInstant, to bytes: inout [UInt8]) {
    append(instant.nanoseconds, unit: 1_000_000, to: &bytes)
  }

  private static func append(_ nanoseconds: Int64, unit: Int64, to bytes: inout [UInt8]) {
    precondition(nanoseconds >= 0, "DecimalSeconds: \(nanoseconds) ns is negative")
    let (whole, fraction) = nanoseconds.quotientAndRemainder(dividingBy: unit)
    appendDecimal(whole, to: &bytes)
    guard fraction > 0 else { return }
    bytes.append(UInt8(ascii: "."))
    var rest = fraction
    var place = unit / 10
    while rest > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(rest / place))
      rest %= place
      place /= 10
    }
  }

  /// `instant` as ``append(_:to:)`` writes it.
  package static func text(_ instant: SimInstant) -> String {
    var bytes: [UInt8] = []
    append(instant, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Appends the decimal digits of `value`.
///
/// - Precondition: `value` is not negative.
package func appendDecimal(_ value: Int64, to bytes: inout [UInt8]) {
  precondition(value >= 0, "appendDecimal: \(value) is negative")
  let start = bytes.count
  var rest = value
  repeat {
    bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
    rest /= 10
  } while rest > 0
  bytes[start...].reverse()
}
