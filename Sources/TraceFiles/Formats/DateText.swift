/// Dates with a time of day, as Azure's traces have them.
enum DateText {
  /// Nanoseconds since 1970-01-01T00:00:00Z, or `nil` for text that is no such date.
  ///
  ///     2023-11-16 18:15:46.6805900          a blank or `T`; no offset means UTC
  ///     2024-05-10T00:00:00.009930+00:00     `Z`, `±HH:MM` or `±HHMM`
  ///
  /// Digits beyond the ninth decimal are dropped, as are none in the published files, which have
  /// six or seven. Leap seconds (`:60`) are refused.
  ///
  /// - Source: ISO 8601; github Azure/AzurePublicDataset.
  static func nanoseconds(_ field: Span<UInt8>) -> Int64? {
    var position = 0
    func digits(_ count: Int) -> Int64? {
      guard position + count <= field.count else { return nil }
      defer { position += count }
      return parseDigits(field.extracting(position..<position + count))
    }
    func take(_ byte: UInt8) -> Bool {
      guard position < field.count, field[position] == byte else { return false }
      position += 1
      return true
    }
    guard let year = digits(4), year >= 1970, year < 2200, take(UInt8(ascii: "-")),
      let month = digits(2), 1...12 ~= month, take(UInt8(ascii: "-")),
      let day = digits(2), day >= 1, day <= daysInMonth(Int(month), year),
      take(UInt8(ascii: " ")) || take(UInt8(ascii: "T")),
      let hour = digits(2), hour < 24, take(UInt8(ascii: ":")),
      let minute = digits(2), minute < 60, take(UInt8(ascii: ":")),
      let second = digits(2), second < 60
    else { return nil }
    var fraction: Int64 = 0
    if take(UInt8(ascii: ".")) {
      let start = position
      while position < field.count, isDigit(field[position]) {
        if position - start < 9 { fraction = fraction * 10 + Int64(field[position] - 48) }
        position += 1
      }
      guard position > start else { return nil }
      for _ in 0..<max(0, 9 - (position - start)) { fraction *= 10 }
    }
    var offset: Int64 = 0
    if position < field.count, !take(UInt8(ascii: "Z")) {
      let sign: Int64 = take(UInt8(ascii: "+")) ? 1 : take(UInt8(ascii: "-")) ? -1 : 0
      guard sign != 0, let hours = digits(2), hours < 24 else { return nil }
      _ = take(UInt8(ascii: ":"))
      guard let minutes = digits(2), minutes < 60 else { return nil }
      offset = sign * (hours * 3600 + minutes * 60)
    }
    guard position == field.count else { return nil }
    let days = daysSince1970(year, Int(month), day)
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - offset
    return seconds * 1_000_000_000 + fraction
  }

  private static func isLeap(_ year: Int64) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func daysInMonth(_ month: Int, _ year: Int64) -> Int64 {
    month == 2 && isLeap(year) ? 29 : [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }

  private static func daysSince1970(_ year: Int64, _ month: Int, _ day: Int64) -> Int64 {
    let before = year - 1
    let leapDays = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400)
    var days = (year - 1970) * 365 + leapDays + day - 1
    for earlier in 1..<month { days += daysInMonth(earlier, year) }
    return days
  }
}
