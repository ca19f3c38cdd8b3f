import Foundation

extension UserError {
  private static let otherFolder = "choose another folder with `--output`"

  /// The output folder `path` cannot be used.
  ///
  /// - Parameter code: An `errno` value.
  package static func cannotWrite(to path: String, code: Int32) -> UserError {
    cannotWrite(to: path, because: reason(code))
  }

  /// The output folder `path` cannot be used, for the `reason` given in words.
  package static func cannotWrite(to path: String, because reason: String) -> UserError {
    UserError("cannot write to `\(path)`: \(reason)", hint: otherFolder)
  }

  /// One file cannot be written.
  ///
  /// - Parameter code: An `errno` value.
  package static func cannotWrite(file path: String, code: Int32) -> UserError {
    code == ENOSPC || code == EDQUOT
      ? diskFull(path, because: reason(code)) : cannotWrite(file: path, because: reason(code))
  }

  /// One file cannot be written, for the `reason` given in words.
  package static func cannotWrite(file path: String, because reason: String) -> UserError {
    UserError("cannot write `\(path)`: \(reason)", hint: otherFolder)
  }

  /// The disk, or the user's share of it, is full.
  package static func diskFull(
    _ path: String, because reason: String = "no space left on device"
  ) -> UserError {
    UserError("cannot write `\(path)`: \(reason)", hint: "free some space, or \(otherFolder)")
  }

  /// The system's text for an `errno` value, begun in lower case to follow a colon.
  private static func reason(_ code: Int32) -> String {
    let text = String(cString: strerror(code))
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}
