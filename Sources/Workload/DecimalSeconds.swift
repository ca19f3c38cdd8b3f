import SimulationKernel

/// Decimal text of seconds, and the integer nanoseconds it stands for, exactly.
///
/// `Double` holds 4.314579 s only to within its rounding, and a trace of Unix times only to about
/// 200 ns; digits do better.
enum DecimalSeconds {
  /// The last instant that a trace may name, in seconds: about 126 years, less than half of what
  /// `Int64` nanoseconds reach, so that a simulation that starts there does not overflow.
  static let secondsMax: Int64 = 4_000_000_000

  enum Parsed: Equatable {
    case instant(SimInstant)
    case notANumber
    /// Beyond ``DecimalSeconds/secondsMax``.
    case tooLarge
  }

  /// Parses `12`, `12.`, `.5`, `0.0000001` or `1e-05` (as numeric tools write small numbers).
  ///
  /// Digits beyond the ninth decimal of the seconds are rounded, half up.
  ///
  ///     digits   4 3 1 4 5 7 9 0 0 0 | 5     "4.3145790005": kept = 1 + 9 digits, the next rounds
  ///     point     ^
  ///
  /// - Parameter exponent: Power of ten that makes seconds of the number: −3 for milliseconds.
  static func parse(_ field: Span<UInt8>, exponent: Int = 0) -> Parsed {
    guard let shape = Shape(field) else { return .notANumber }
    let kept = shape.integerDigits + 9 + shape.exponent + exponent
    let limit = secondsMax * 1_000_000_000
    var nanoseconds: Int64 = 0
    var roundsUp = false
    var digit = 0
    for index in 0..<shape.mantissaEnd where field[index] != UInt8(ascii: ".") {
      if digit < kept {
        if nanoseconds > limit / 10 { return .tooLarge }
        nanoseconds = nanoseconds * 10 + Int64(field[index] - UInt8(ascii: "0"))
      } else if digit == kept {
        roundsUp = field[index] >= UInt8(ascii: "5")
        break
      }
      digit += 1
    }
    if nanoseconds > 0 {
      while digit < kept {
        if nanoseconds > limit / 10 { return .tooLarge }
        nanoseconds *= 10
        digit += 1
      }
    }
    if roundsUp { nanoseconds += 1 }
    return nanoseconds > limit ? .tooLarge : .instant(SimInstant(nanoseconds: nanoseconds))
  }

  /// Appends `instant` as decimal seconds without trailing zeros: `4.314579`, `12`, `0`.
  ///
  /// - Precondition: `instant` is not before the start of the run.
  static func append(_ instant: SimInstant, to bytes: inout [UInt8]) {
    append(instant.nanoseconds, unit: 1_000_000_000, to: &bytes)
  }

  /// Appends `instant` as decimal milliseconds: `4314.579`.
  ///
  /// - Precondition: `instant` is not before the start of the run.
  static func append(milliseconds instant: SimInstant, to bytes: inout [UInt8]) {
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
  static func text(_ instant: SimInstant) -> String {
    var bytes: [UInt8] = []
    append(instant, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Where the parts of a decimal number lie; `nil` for text that is not one.
  private struct Shape {
    var integerDigits = 0
    /// Index after the last digit or point before the exponent.
    var mantissaEnd = 0
    var exponent = 0

    init?(_ field: Span<UInt8>) {
      var digits = 0
      var point: Int?
      while mantissaEnd < field.count {
        let byte = field[mantissaEnd]
        if byte == UInt8(ascii: "."), point == nil {
          point = digits
        } else if isDigit(byte) {
          digits += 1
        } else {
          break
        }
        mantissaEnd += 1
      }
      guard digits > 0 else { return nil }
      integerDigits = point ?? digits
      if mantissaEnd < field.count {
        guard let value = Self.exponent(field, from: mantissaEnd) else { return nil }
        exponent = value
      }
    }

    /// The exponent that begins with an `e` at `start`, held within ±10⁸: no line has so
    /// many digits that an exponent beyond that changes the result.
    private static func exponent(_ field: Span<UInt8>, from start: Int) -> Int? {
      guard field[start] | 0x20 == UInt8(ascii: "e") else { return nil }
      var index = start + 1
      var isNegative = false
      if index < field.count, field[index] == UInt8(ascii: "-") || field[index] == UInt8(ascii: "+")
      {
        isNegative = field[index] == UInt8(ascii: "-")
        index += 1
      }
      guard index < field.count else { return nil }
      var value = 0
      while index < field.count {
        guard isDigit(field[index]) else { return nil }
        value = min(value * 10 + Int(field[index] - UInt8(ascii: "0")), 100_000_000)
        index += 1
      }
      return isNegative ? -value : value
    }
  }
}
