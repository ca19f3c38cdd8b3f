import CZlib
import Messages

/// What is wrong with a gzip stream, as messages say it.
package enum GzipMistake: String {
  /// The data is not gzip, or fails its checksum.
  case corrupt = "the gzip data is corrupt"
  /// The data stops inside a member.
  case endsEarly = "the gzip data ends early"
}

/// Inflates a gzip stream that arrives in pieces, one member after another.
///
/// - Source: RFC 1952; a file may hold several members, which read as one.
struct GzipInflater: ~Copyable {
  /// On the heap because zlib keeps a pointer back to it.
  private let stream: UnsafeMutablePointer<z_stream>
  private var output: [UInt8]
  /// Whether a member has begun and not ended: the data must not stop here.
  private var isInsideMember = false

  init(chunkBytes: Int) {
    output = [UInt8](repeating: 0, count: chunkBytes)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15 bits of window as the format's maximum, and 16 to ask for a gzip header and trailer.
    let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "GzipInflater: zlib does not start, status \(status)")
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
  }

  /// Inflates `input` and hands the bytes to `sink` piece by piece.
  ///
  /// - Returns: ``GzipMistake/corrupt``, behind whose place nothing can be read, or `nil`.
  /// - Throws: Whatever `sink` throws.
  mutating func inflate(
    _ input: Span<UInt8>, into sink: (Span<UInt8>) throws(UserError) -> Void
  ) throws(UserError) -> GzipMistake? {
    try input.withUnsafeBufferPointer { buffer throws(UserError) in
      stream.pointee.next_in = UnsafeMutablePointer(mutating: buffer.baseAddress)
      stream.pointee.avail_in = UInt32(buffer.count)
      var isOutputFull = false
      while stream.pointee.avail_in > 0 || (isInsideMember && isOutputFull) {
        let (produced, status) = inflateOnce()
        isOutputFull = produced == output.count
        if produced > 0 { try sink(output.span.extracting(0..<produced)) }
        switch status {
        case Z_OK: continue
        case Z_STREAM_END: isInsideMember = false
        case Z_BUF_ERROR: return nil  // The output was full to the last byte, nothing is left over.
        default: return .corrupt
        }
      }
      return nil
    }
  }

  /// Fills ``output`` once from what is left of the input.
  private mutating func inflateOnce() -> (produced: Int, status: Int32) {
    if !isInsideMember {
      inflateReset(stream)
      isInsideMember = true
    }
    let status = output.withUnsafeMutableBufferPointer { buffer in
      stream.pointee.next_out = buffer.baseAddress
      stream.pointee.avail_out = UInt32(buffer.count)
      return CZlib.inflate(stream, Z_NO_FLUSH)
    }
    return (output.count - Int(stream.pointee.avail_out), status)
  }

  /// What is wrong if the data stops here.
  var mistakeAtEnd: GzipMistake? { isInsideMember ? .endsEarly : nil }
}
