import SimulationKernel
import Workload

extension DecimalSeconds {
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
