import SimulationKernel
import Workload

/// Times as people's own files have them: dates, seconds since 1970 in any unit, or offsets whose unit the name says.
///
///     2026-02-25T10:00:00.123Z      a date
///     1765000000000000000           19 digits: nanoseconds since 1970; 16, 13 and 10 digits: µs, ms and s
///     arrival_time_ns = 101537000   an offset, by the end of its name
enum TimeText {
  /// Nanoseconds, or what is wrong.
  enum Parsed {
    case nanoseconds(Int64)
    /// A number whose unit nothing says.
    case unitless
    case notATime
    case tooLarge
  }

  /// - Parameter unit: What the user says that it counts.
  static func parse(_ text: Span<UInt8>, name: String, unit: TimestampUnit?) -> Parsed {
    if let date = DateText.nanoseconds(text) { return .nanoseconds(date) }
    var digits = 0
    while digits < text.count, isDigit(text[digits]) { digits += 1 }
    guard digits > 0 else { return .notATime }
    guard let unit = unit ?? TimestampUnit(endOf: name) ?? TimestampUnit(since1970: digits) else {
      return .unitless
    }
    switch DecimalSeconds.parse(text, exponent: unit.exponent) {
    case .instant(let instant): return .nanoseconds(instant.nanoseconds)
    case .notANumber: return .notATime
    case .tooLarge: return .tooLarge
    }
  }

  /// What to say of it, for a name in backquotes and a text that is printable; `nil` where nothing is wrong.
  static func mistake(_ parsed: Parsed, _ name: String, _ found: String) -> String? {
    switch parsed {
    case .nanoseconds: nil
    case .unitless:
      "nothing says what \(name) counts: give `--timestamp-unit s`, `ms`, `us` or `ns`"
    case .notATime: "\(name) must be a time or a date, found `\(found)`"
    case .tooLarge: "\(name) must be at most \(DecimalSeconds.secondsMax) s, found `\(found)`"
    }
  }
}

extension TimestampUnit {
  /// The unit in which the time since 1970 has so many digits, from 2001 to 2286.
  init?(since1970 digits: Int) {
    switch digits {
    case 10: self = .seconds
    case 13: self = .milliseconds
    case 16: self = .microseconds
    case 19: self = .nanoseconds
    default: return nil
    }
  }

  /// The unit that a name ends in: `arrival_time_ns`, `startTimeUnixNano`.
  init?(endOf name: String) {
    let last = name.lowercased()
    let ends: [(String, TimestampUnit)] = [
      ("_ns", .nanoseconds), ("nano", .nanoseconds), ("nanos", .nanoseconds),
      ("_us", .microseconds), ("_ms", .milliseconds), ("_s", .seconds), ("_sec", .seconds),
      ("seconds", .seconds),
    ]
    guard let unit = ends.first(where: { last.hasSuffix($0.0) })?.1 else { return nil }
    self = unit
  }
}
