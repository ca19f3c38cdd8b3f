import CZlib

/// CRC-32 (IEEE, as zlib computes it), over text that is handed in piece by piece.
struct CRC32 {
  private(set) var value: UInt32 = 0

  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      value = UInt32(CZlib.crc32(uLong(value), bytes.baseAddress, uInt(bytes.count)))
    }
  }

  /// The checksum of values joined by commas; 0 for none.
  static func ofList(_ values: some Sequence<some CustomStringConvertible>) -> Int {
    var crc = CRC32()
    crc.add(values.map(\.description).joined(separator: ","))
    return Int(crc.value)
  }
}
