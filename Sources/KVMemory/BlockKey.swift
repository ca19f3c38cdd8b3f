/// The identity of a full block: its tokens and every token before them.
///
/// 128 bits mixed from the key of the block before and the block's tokens. Two different beginnings
/// get the same key with a chance of about n² / 2¹²⁹ among n blocks, which is never at our sizes.
///
/// - Source: the chained block hashes of vLLM V1. Where it hashes token numbers, we hash runs of
///   tokens, so the cost grows with the runs of a block and not with its size.
public struct BlockKey: Hashable, Sendable {
  fileprivate var first: UInt64
  fileprivate var second: UInt64

  /// What stands before the first block.
  public static let root = BlockKey(first: 0x243F_6A88_85A3_08D3, second: 0x1319_8A2E_0370_7344)

  /// Half of the key is enough to find a bucket; equality looks at both.
  public func hash(into hasher: inout Hasher) { hasher.combine(first) }

  /// A part of the key that needs no further mixing.
  var hash: UInt32 { UInt32(truncatingIfNeeded: first) }
}

/// Makes the keys of consecutive blocks from the runs of tokens that fill them.
///
/// A run that is handed in piece by piece counts as one, so that the same tokens give the same key
/// however they were cut.
public struct BlockKeyBuilder: Sendable {
  private var key: BlockKey
  /// The run that may still go on.
  private var stream: Int64 = 0
  private var start: Int64 = 0
  private var count: Int64 = 0

  /// - Parameter parent: Key of the block before, or ``BlockKey/root``.
  public init(after parent: BlockKey) { key = parent }

  /// Adds consecutive tokens of a stream to the block.
  public mutating func add(stream: Int64, start: Int, count: Int) {
    if self.count > 0, stream == self.stream, Int64(start) == self.start + self.count {
      self.count += Int64(count)
      return
    }
    flush()
    self.stream = stream
    self.start = Int64(start)
    self.count = Int64(count)
  }

  /// Closes the block, and goes on with the next.
  public mutating func endBlock() -> BlockKey {
    flush()
    return key
  }

  private mutating func flush() {
    guard count > 0 else { return }
    absorb(UInt64(bitPattern: stream))
    absorb(UInt64(bitPattern: start << 32 | count))
    count = 0
  }

  /// Each half goes through a bijection of its own, so equal halves say nothing about the other
  /// ones.
  private mutating func absorb(_ word: UInt64) {
    key.first = mix((key.first ^ word) &+ 0x9E37_79B9_7F4A_7C15)
    key.second = mix((key.second &+ word) ^ 0xD1B5_4A32_D192_ED03)
  }

  /// - Source: Stafford's "Mix13" variant of the finaliser of MurmurHash3, as in splitmix64.
  private func mix(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
