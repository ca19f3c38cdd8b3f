import Foundation
import Messages

/// A lock on a shard, which ends with the process that has it, however that ends.
///
///     OUTPUT/shards/shard-003-of-016.sqlite.lock    there while a process makes the shard, whose number and host it holds
///
/// It saves work that would be done twice. Results need none (``ShardStore/publish()``), so that a file system without
/// locks does without.
private struct ShardLock {
  private let path: String
  private let descriptor: Int32

  /// - Returns: `nil` where the file system has no locks.
  /// - Throws: ``TryAgain`` if another process has the lock, or the file cannot be made.
  init?(_ path: String, of name: String) throws(TryAgain) {
    self.path = path
    while true {
      let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
      guard file >= 0 else {
        throw SweepFolder.cannotWrite(path, because: String(cString: strerror(errno)).lowercased())
      }
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        defer { close(file) }
        guard code == EWOULDBLOCK else { return nil }
        throw TryAgain(
          reason: UserError(
            "\(name) is being made by \(Self.holder(file))",
            hint: "wait until it has ended: the same command then goes on from what it made"))
      }
      // The one before may have removed the file after it was opened here.
      if Self.number(of: file) == Self.number(of: path) {
        descriptor = file
        break
      }
      close(file)
    }
    let text = Array("\(getpid()) \(SweepFolder.host)\n".utf8)
    ftruncate(descriptor, 0)
    _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress!, $0.count, 0) }
  }

  func release() {
    unlink(path)
    close(descriptor)
  }

  private static func holder(_ file: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = pread(file, &buffer, buffer.count, 0)
    let words = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
      .split(whereSeparator: \.isWhitespace)
    return words.count == 2 ? "process \(words[0]) on `\(words[1])`" : "another process"
  }

  private static func number(of file: Int32) -> ino_t? {
    var facts = stat()
    return fstat(file, &facts) == 0 ? facts.st_ino : nil
  }

  private static func number(of path: String) -> ino_t? {
    var facts = stat()
    return stat(path, &facts) == 0 ? facts.st_ino : nil
  }
}

extension SweepFolder {
  /// Runs `body` while no other process makes the shard by way of this.
  ///
  /// - Throws: ``TryAgain`` if one does, what ``prepare()`` throws, and what `body` throws.
  package func alone<Result>(_ shard: Shard, _ body: () throws -> Result) throws -> Result {
    try prepare()
    let part = shard == .whole ? "" : "shard \(shard.index)/\(shard.count) of "
    let lock = try ShardLock("\(path(of: shard)).lock", of: "\(part)`\(path)`")
    defer { lock?.release() }
    return try body()
  }
}
