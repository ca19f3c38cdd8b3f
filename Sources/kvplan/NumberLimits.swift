import Messages

/// Numbers of flags beyond which an answer means nothing, and simulated time, sums or memory end.
enum NumberLimits {
  /// - Throws: ``UserError`` that names the flag, what it takes, and what was found.
  static func require(
    _ flag: String, _ value: Int, in range: ClosedRange<Int>
  ) throws(UserError) {
    guard !range.contains(value) else { return }
    throw UserError(
      "`\(flag)` must be from \(range.lowerBound) to \(range.upperBound), found `\(value)`")
  }

  /// - Throws: ``UserError`` as for whole numbers.
  static func require(
    _ flag: String, _ value: Double, in range: ClosedRange<Double>, unit: String = ""
  ) throws(UserError) {
    guard !range.contains(value) else { return }
    throw UserError(
      "`\(flag)` must be from \(plain(range.lowerBound)) to \(plain(range.upperBound))\(unit), found "
        + "`\(plain(value))`")
  }
}
