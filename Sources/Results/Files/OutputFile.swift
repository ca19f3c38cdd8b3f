import Foundation
import Messages

/// A single file of `--output FILE`, written beside and renamed, so that FILE is never half.
package enum OutputFile {
  /// Where the file is written before it is renamed; a handler of SIGINT removes it.
  ///
  /// Beside the file that a link leads to: the link stays one.
  package static func partialPath(of path: String) -> String {
    "\(FileSystem.target(of: path)).partial-\(getpid())"
  }

  /// Writes what `produce` appends, then puts the file in place.
  ///
  /// - Throws: `UserError` if the file cannot be written; what stood at `path` then stays.
  package static func write(
    to path: String,
    _ produce: (_ append: ([UInt8]) throws(UserError) -> Void) throws(UserError) -> Void
  ) throws(UserError) {
    guard !FileSystem.isFolder(path) else {
      throw .cannotWrite(to: path, because: "it is a folder")
    }
    // A device or a pipe is written into: a new file in its place is not what anyone wants.
    let partial = FileSystem.isSpecial(path) ? path : partialPath(of: path)
    do throws(UserError) {
      var sink = try FileSink(path: partial, name: path)
      try produce { bytes throws(UserError) in
        sink.buffer.append(contentsOf: bytes)
        try sink.flushIfFull()
      }
      try sink.finish()
      guard partial != path else { return }
      guard rename(partial, FileSystem.target(of: path)) == 0 else {
        throw .cannotWrite(file: path, code: errno)
      }
    } catch {
      if partial != path { unlink(partial) }
      throw error
    }
  }
}
