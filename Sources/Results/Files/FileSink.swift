import Foundation
import Messages

/// A file being written: bytes are gathered in a buffer of 1 MiB and handed to write(2).
///
/// Every call is checked, `finish()` included: a full disk is often first reported when the file is
/// closed. A sink that goes away without `finish()` closes the file and drops what was buffered,
/// which is what a failed export wants.
struct FileSink: ~Copyable {
  /// Bytes gathered before they are written: large enough that system calls cost nothing.
  static let capacity = 1 << 20

  private let descriptor: Int32
  /// As messages call it.
  private let path: String
  private var isOpen = true
  /// What is to be written next; call `flushIfFull()` after each row.
  var buffer = ByteBuffer(capacity: capacity + 4096)

  /// Creates the file, or empties it if it exists.
  ///
  /// - Parameter name: What messages call it, where it is written under another name first.
  /// - Throws: `cannot write …` with the system's reason.
  init(path: String, name: String? = nil) throws(UserError) {
    self.path = name ?? path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .cannotWrite(file: self.path, code: errno) }
  }

  deinit { if isOpen { _ = close(descriptor) } }

  /// Writes the buffer out if it has reached its capacity.
  mutating func flushIfFull() throws(UserError) {
    if buffer.bytes.count >= Self.capacity { try flush() }
  }

  /// Writes the rest and closes the file.
  consuming func finish() throws(UserError) {
    try flush()
    isOpen = false
    guard close(descriptor) == 0 else { throw .cannotWrite(file: path, code: errno) }
  }

  private mutating func flush() throws(UserError) {
    var start = 0
    while start < buffer.bytes.count {
      let (written, code) = buffer.bytes.withUnsafeBytes { bytes in
        let count = write(descriptor, bytes.baseAddress! + start, bytes.count - start)
        return (count, errno)
      }
      // A signal may stop the call before it has written anything; that is no failure.
      if written < 0 && code == EINTR { continue }
      guard written > 0 else { throw .cannotWrite(file: path, code: written < 0 ? code : EIO) }
      start += written
    }
    buffer.removeAll()
  }
}
