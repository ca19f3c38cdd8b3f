import Foundation
import SimulationKernel

/// A single file of `--output FILE`, written beside and renamed, so that FILE is never half.
package enum OutputFile {
  /// Where the file is written before it is renamed; a handler of SIGINT removes it.
  package static func partialPath(of path: String) -> String { "\(path).partial-\(getpid())" }

  /// Writes what `produce` appends, then puts the file in place.
  ///
  /// - Throws: `UserError` if the file cannot be written; what stood at `path` then stays.
  package static func write(
    to path: String,
    _ produce: (_ append: ([UInt8]) throws(UserError) -> Void) throws(UserError) -> Void
  ) throws(UserError) {
    let partial = partialPath(of: path)
    guard !FileSystem.isFolder(path) else {
      throw .cannotWrite(to: path, because: "it is a folder")
    }
    do throws(UserError) {
      var sink = try FileSink(path: partial)
      try produce { bytes throws(UserError) in
        sink.buffer.append(contentsOf: bytes)
        try sink.flushIfFull()
      }
      try sink.finish()
      guard rename(partial, path) == 0 else { throw .cannotWrite(file: path, code: errno) }
    } catch {
      unlink(partial)
      throw error
    }
  }
}
