import Foundation
import Messages

/// A failure that is none of the sweep's: no space, no access, a disk that does not answer. What was done
/// is kept, and the same command goes on.
package struct TryAgain: Error {
  package var reason: UserError
}

/// The output folder of a sweep.
///
///     OUTPUT/sweep.txt                         whose it is
///     OUTPUT/shards/shard-003-of-016.sqlite    results, one file a shard; with `.lock` behind it, that it is being made
///     OUTPUT/sweep.sqlite, runs.csv, …         what `merge` makes of them
package struct SweepFolder: Sendable {
  package let path: String
  let name: String

  package init(_ file: SweepFile) {
    path = file.output
    name = file.name
  }

  private var marker: String { "\(path)/sweep.txt" }
  package var shards: String { "\(path)/shards" }

  func path(of shard: Shard) -> String { "\(shards)/\(shard.fileName)" }

  /// Makes the folder where it is not there, and sees that it is this sweep's.
  ///
  /// - Throws: ``UserError`` for a folder of another sweep or of something else, ``TryAgain`` if it cannot
  ///   be made.
  package func prepare() throws {
    if try !isThere() {
      try makeFolder(path)
      try Self.replace(marker, with: Array("\(name)\n".utf8))
    }
    try makeFolder(shards)
  }

  /// Whether the folder is there as this sweep's.
  ///
  /// - Throws: ``UserError`` for a folder of another sweep or of something else.
  package func isThere() throws -> Bool {
    if let data = FileManager.default.contents(atPath: marker) {
      let owner = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
      guard owner == name else {
        throw UserError(
          "`\(path)` holds the results of the sweep `\(owner)`, this one is `\(name)`",
          hint: "give this sweep another `output`")
      }
      return true
    }
    let there = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    // A process of this sweep may have made the folder just now and not yet written the marker.
    guard there.allSatisfy({ $0 == "shards" || $0.hasPrefix("sweep.txt.partial-") }) else {
      throw UserError(
        "`\(path)` is not empty and no sweep's: there is `\(there.sorted()[0])`",
        hint: "give the sweep an `output` of its own")
    }
    return false
  }

  /// The shards that have a file, by number of shards and number.
  package func shardsThere() -> [Shard] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: shards)) ?? []
    return names.compactMap { Shard(fileName: $0) }
      .sorted { ($0.count, $0.index) < ($1.count, $1.index) }
  }

  /// Removes what processes of this machine that are gone have left half-written of a shard.
  func removeRemains(of shard: Shard) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: shards)) ?? []
    let start = "\(shard.fileName).partial-\(Self.host)-"
    for name in names where name.hasPrefix(start) {
      guard let process = Int32(name.dropFirst(start.count)), kill(process, 0) != 0 else {
        continue
      }
      unlink("\(shards)/\(name)")
    }
  }

  /// Leaves the batch script in the folder, beside a place for its logs.
  ///
  /// - Returns: Where the script is.
  package func keep(_ script: SlurmScript) throws -> String {
    try makeFolder("\(path)/logs")
    let place = "\(path)/submit.sh"
    try Self.replace(place, with: Array(script.text.utf8))
    return place
  }

  private func makeFolder(_ path: String) throws(TryAgain) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw TryAgain(
        reason: UserError("cannot make the folder `\(path)`", hint: "see that it can be written"))
    }
  }

  // MARK: Whole files

  static let host = ProcessInfo.processInfo.hostName

  /// Puts `bytes` in the place of a file: written beside, brought to the disk, renamed.
  static func replace(_ path: String, with bytes: [UInt8]) throws(TryAgain) {
    try replace(path) { descriptor in
      var start = 0
      while start < bytes.count {
        let count = bytes.withUnsafeBytes {
          write(descriptor, $0.baseAddress! + start, $0.count - start)
        }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return false }
        start += count
      }
      return true
    }
  }

  /// Puts a copy of the file `source` in the place of `path`; `source` is on a disk of this machine, `path`
  /// may be anywhere.
  static func replace(_ path: String, withCopyOf source: String) throws(TryAgain) {
    let reader = open(source, O_RDONLY | O_CLOEXEC)
    guard reader >= 0 else { throw cannotWrite(source, errno) }
    defer { close(reader) }
    try replace(path) { descriptor in
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      while true {
        let count = read(reader, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return count == 0 }
        var start = 0
        while start < count {
          let written = buffer.withUnsafeBytes {
            write(descriptor, $0.baseAddress! + start, count - start)
          }
          if written < 0 && errno == EINTR { continue }
          guard written > 0 else { return false }
          start += written
        }
      }
    }
  }

  /// - Parameter fill: Writes the content; false, with `errno` set, where it cannot.
  private static func replace(_ path: String, fill: (Int32) -> Bool) throws(TryAgain) {
    let partial = "\(path).partial-\(host)-\(getpid())"
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw cannotWrite(path, errno) }
    guard fill(descriptor), fsync(descriptor) == 0 else {
      let code = errno
      close(descriptor)
      unlink(partial)
      throw cannotWrite(path, code)
    }
    guard close(descriptor) == 0, rename(partial, path) == 0 else {
      let code = errno
      unlink(partial)
      throw cannotWrite(path, code)
    }
    // The new name reaches the disk with its folder.
    let folder = open(SweepFile.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  private static func cannotWrite(_ path: String, _ code: Int32) -> TryAgain {
    cannotWrite(path, because: String(cString: strerror(code)).lowercased())
  }

  static func cannotWrite(_ path: String, because reason: String) -> TryAgain {
    TryAgain(
      reason: UserError(
        "cannot write `\(path)`: \(reason)",
        hint: "what was done is kept; make room and run the same command again"))
  }
}
