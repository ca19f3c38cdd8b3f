/// A mistake of the user's: what is wrong, where, the numbers, and one way out.
///
/// Printed as `error: …` and, after a blank line, `hint: …`. Mistakes of ours trap instead.
package struct UserError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong and where, with the numbers on both sides; no full stop.
  package var message: String
  /// One way out, or `nil` where the message already says it.
  package var hint: String?

  package init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }

  package var description: String {
    hint.map { "error: \(message)\n\nhint: \($0)" } ?? "error: \(message)"
  }
}
