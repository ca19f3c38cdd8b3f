import CZlib
import Messages

/// Inflates a gzip stream that arrives in pieces, one member after another.
///
/// - Source: RFC 1952; a file may hold several members, which read as one.
struct GzipInflater: ~Copyable {
  private let file: String
  /// On the heap because zlib keeps a pointer back to it.
  private let stream: UnsafeMutablePointer<z_stream>
  private var output: [UInt8]
  /// Whether a member has begun and not ended: the data must not stop here.
  private var isInsideMember = false

  init(file: String, chunkBytes: Int) {
    self.file = file
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
  /// - Throws: ``UserError`` where the data is not gzip or fails its checksum, and whatever `sink`
  ///   throws.
  mutating func inflate(
    _ input: Span<UInt8>, into sink: (Span<UInt8>) throws(UserError) -> Void
  ) throws(UserError) {
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
        case Z_BUF_ERROR: return  // The output was full to the last byte and nothing is left over.
        default: throw UserError("\(file): the gzip data is corrupt")
        }
      }
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

  /// Checks that the data did not stop inside a member.
  func finish() throws(UserError) {
    if isInsideMember {
      throw UserError(
        "\(file): the gzip data ends early", hint: "copy or download the file again")
    }
  }
}
