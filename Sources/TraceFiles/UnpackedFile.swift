import Messages

/// The contents of a file, plain or gzip, which its first two bytes tell apart; the name does not matter.
package struct UnpackedFile {
  package private(set) var bytes: [UInt8] = []
  /// Why nothing could be read behind ``bytes``; `nil` if that is all there is.
  package private(set) var mistake: GzipMistake?

  /// Bytes read, and bytes inflated, at a time.
  private static let chunkBytes = 1 << 18

  /// Reads a whole file. `-` is a file of that name, not standard input.
  ///
  /// - Parameter kind: What messages call the file before its path, such as `golden`; `nil` for nothing.
  /// - Throws: ``UserError`` for a file that cannot be read.
  package init(path: String, kind: String? = nil) throws(UserError) {
    let file = try TraceFile(path: path, kind: kind, mayBeStandardInput: false)
    var bytes: [UInt8] = []
    mistake = try Self.unpack(chunkBytes: Self.chunkBytes) {
      chunk throws(UserError) in
      try file.read(into: &chunk)
    } into: { piece throws(UserError) in
      piece.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }
    self.bytes = bytes
  }

  /// Hands out contents piece by piece, inflated where they are gzip.
  ///
  /// - Parameters:
  ///   - nextChunk: Fills the array it is given, returns how many bytes that took, and fills less than all of it only
  ///     at the end.
  ///   - sink: Is handed what was read.
  /// - Returns: Why nothing could be read behind the last piece, or `nil` at the end of the contents.
  /// - Throws: Whatever `nextChunk` and `sink` throw.
  static func unpack(
    chunkBytes: Int, nextChunk: (inout [UInt8]) throws(UserError) -> Int,
    into sink: (Span<UInt8>) throws(UserError) -> Void
  ) throws(UserError) -> GzipMistake? {
    var chunk = [UInt8](repeating: 0, count: chunkBytes)
    var count = try nextChunk(&chunk)
    guard count >= 2, chunk[0] == 0x1f, chunk[1] == 0x8b else {
      while count > 0 {
        try sink(chunk.span.extracting(0..<count))
        count = try nextChunk(&chunk)
      }
      return nil
    }
    var inflater = GzipInflater(chunkBytes: chunkBytes)
    while count > 0 {
      if let mistake = try inflater.inflate(chunk.span.extracting(0..<count), into: sink) {
        return mistake
      }
      count = try nextChunk(&chunk)
    }
    return inflater.mistakeAtEnd
  }
}
