import Messages

/// What `--request-rate` may be.
package enum RequestRate {
  /// Requests per second: one in each nanosecond, the grain of simulated time. At more than that they come several at an
  /// instant, and at last all at once, whatever the rate.
  package static let highest = 1e9

  /// The way out where an infinite rate may be given.
  package static let allAtOnce = "write `inf` to let all requests come at once"

  /// Refuses a finite rate above ``highest``; whether an infinite one means something is for others to say.
  ///
  /// - Parameters:
  ///   - option: What the rate was given as.
  ///   - hint: The way out.
  /// - Throws: ``UserError`` with the rate and the highest.
  package static func requireAtMostHighest(
    _ rate: Double, as option: String = "--request-rate",
    hint: String = "arrivals are whole nanoseconds apart: give a lower rate"
  ) throws(UserError) {
    guard rate > highest, rate.isFinite else { return }
    throw UserError(
      "`\(option)` must be at most \(plain(highest)) requests per second, found `\(plain(rate))`",
      hint: hint)
  }
}
