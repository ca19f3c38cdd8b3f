import Foundation
import Messages

/// A trace's file, or another that is read to its end, open for reading; closed when the value dies.
struct TraceFile: ~Copyable {
  private let path: String
  /// What messages call it before its path, if anything.
  private let kind: String?
  private let descriptor: Int32
  private var isStandardInput: Bool { descriptor == STDIN_FILENO }

  /// Opens `path`; `-` is standard input if `mayBeStandardInput`.
  init(
    path: String, kind: String? = "trace", mayBeStandardInput: Bool = true
  ) throws(UserError) {
    self.path = path
    self.kind = kind
    if path == "-" && mayBeStandardInput {
      descriptor = STDIN_FILENO
    } else {
      descriptor = open(path, O_RDONLY)
      if descriptor < 0 { throw Self.unreadable(kind, path, errno) }
    }
  }

  deinit {
    if descriptor > STDIN_FILENO { close(descriptor) }
  }

  /// Fills `chunk`, less than all of it only at the end of the file, and returns the bytes filled.
  ///
  /// Reads until the chunk is full because a pipe hands out what it happens to have.
  borrowing func read(into chunk: inout [UInt8]) throws(UserError) -> Int {
    var filled = 0
    while filled < chunk.count {
      let count = chunk.withUnsafeMutableBytes {
        Foundation.read(descriptor, $0.baseAddress! + filled, $0.count - filled)
      }
      if count < 0 {
        let reason = errno
        if reason == EINTR { continue }
        throw Self.unreadable(kind, isStandardInput ? "<stdin>" : path, reason)
      }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  private static func unreadable(_ kind: String?, _ name: String, _ reason: Int32) -> UserError {
    let text =
      switch reason {
      case ENOENT: "no such file"
      case EISDIR: "it is a directory"
      case EACCES: "permission denied"
      default: String(cString: strerror(reason))
      }
    let isMissingTrace = reason == ENOENT && kind == "trace"
    return UserError(
      "cannot read \(kind.map { $0 + " " } ?? "")`\(name)`: \(text)",
      hint: isMissingTrace
        ? "paths start from where kvplan is run; `kvplan trace generate` makes a trace" : nil)
  }
}
