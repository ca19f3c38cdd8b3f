import Foundation
import Messages
import Testing

@testable import TraceFiles

/// The one reader of files that are read whole, plain or gzip.
@Suite struct UnpackedFileTests {
  private func read(_ bytes: [UInt8]) throws -> (bytes: [UInt8], mistake: GzipMistake?) {
    var result: (bytes: [UInt8], mistake: GzipMistake?) = ([], nil)
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "file")
      try Data(bytes).write(to: url)
      let file = try UnpackedFile(path: url.path)
      result = (file.bytes, file.mistake)
    }
    return result
  }

  /// More than one chunk in several members, nothing at all, and one byte of the two that say gzip.
  @Test func readsPlainAndPacked() throws {
    let long = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }
    for content in [[], [0x1f], [0x1f, 0x8c], Array("a,b\n1,2\n".utf8), long] {
      let plain = try read(content)
      #expect(plain.bytes == content && plain.mistake == nil)
      let packed = try read(gzip(content))
      #expect(packed.bytes == content && packed.mistake == nil)
      let twice = try read(gzip(content) + gzip(content))
      #expect(twice.bytes == content + content && twice.mistake == nil)
    }
  }

  /// What stands before a mistake is there, so that a message can name the line.
  @Test func saysWhatIsWrongBehindWhichBytes() throws {
    let content = Array("one\ntwo\n".utf8)
    let packed = gzip(content)
    let cut = try read(packed.dropLast(3))
    #expect(cut.bytes == content && cut.mistake == .endsEarly)
    let header = try read(Array(packed.prefix(2)))
    #expect(header.bytes.isEmpty && header.mistake == .endsEarly)
    var flipped = packed
    flipped[packed.count - 6] ^= 0xFF
    let wrong = try read(flipped)
    #expect(wrong.bytes == content && wrong.mistake == .corrupt)
    let trailed = try read(packed + [1, 2, 3])
    #expect(trailed.bytes == content && trailed.mistake == .corrupt)
  }

  @Test func refusesWhatItCannotRead() {
    #expect(throws: UserError("cannot read golden `/none`: no such file")) {
      try UnpackedFile(path: "/none", kind: "golden")
    }
    #expect(throws: UserError("cannot read `/none`: no such file")) {
      try UnpackedFile(path: "/none")
    }
    #expect(throws: UserError("cannot read `/`: it is a directory")) {
      try UnpackedFile(path: "/")
    }
    // Standard input may be read for ever.
    #expect(throws: UserError("cannot read golden `-`: no such file")) {
      try UnpackedFile(path: "-", kind: "golden")
    }
  }
}
