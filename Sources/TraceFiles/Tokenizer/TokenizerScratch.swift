import Foundation

/// What counting needs from text to text: the text at hand by its scalars, and the words met so far.
struct TokenizerScratch {
  /// The text, composed if the tokenizer does so.
  private var bytes: [UInt8] = []
  /// The kind of each scalar.
  private(set) var kinds: [WordSplit.Kind] = []
  /// Each scalar if it is ASCII, else 0.
  private(set) var ascii: [UInt8] = []
  /// Where each scalar begins, and the end; empty for a text of ASCII alone.
  private var offsets: [Int] = []
  private var words = WordCounts()

  private static let asciiKinds = (0..<128).map { WordSplit.kind(of: Unicode.Scalar(UInt8($0))) }

  /// Takes in a text.
  mutating func take(_ text: Span<UInt8>, composes: Bool) {
    bytes.removeAll(keepingCapacity: true)
    text.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    kinds.removeAll(keepingCapacity: true)
    ascii.removeAll(keepingCapacity: true)
    offsets.removeAll(keepingCapacity: true)
    // The or of all bytes tells whether one lies beyond ASCII, eight at a time.
    if bytes.reduce(0, |) < 0x80 { return takeASCII() }
    let string = String(decoding: bytes, as: UTF8.self)
    let whole = composes ? string.precomposedStringWithCanonicalMapping : string
    // Bytes that are not UTF-8 have become replacement characters.
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: whole.utf8)
    var offset = 0
    for scalar in whole.unicodeScalars {
      kinds.append(WordSplit.kind(of: scalar))
      ascii.append(scalar.isASCII ? UInt8(scalar.value) : 0)
      offsets.append(offset)
      offset += UTF8.width(scalar)
    }
    offsets.append(offset)
  }

  private mutating func takeASCII() {
    ascii.append(contentsOf: bytes)
    let table = Self.asciiKinds
    kinds.reserveCapacity(bytes.count)
    for byte in bytes { kinds.append(table[Int(byte)]) }
  }

  /// The tokens of the word that the scalars in `range` form; `counting` counts a new one.
  mutating func tokens(of range: Range<Int>, counting: ([UInt8]) -> Int) -> Int {
    let place =
      offsets.isEmpty ? range : offsets[range.lowerBound]..<offsets[range.upperBound]
    return words.tokens(of: place, in: bytes, counting: counting)
  }
}
