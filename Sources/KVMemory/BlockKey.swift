/// The identity of a full block: its tokens and every token before them.
///
/// 128 bits. Two different beginnings get the same key with a chance of about n² / 2¹²⁹ among n blocks, which
/// is never at our sizes.
///
/// - Source: the chained block hashes of vLLM V1. Where it hashes token numbers block by block, we hash runs
///   of tokens, so that a key costs the same however long the block and the prompt are.
public struct BlockKey: Hashable, Sendable {
  fileprivate var first: UInt64
  fileprivate var second: UInt64

  /// What stands before the first token.
  public static let root = BlockKey(first: 0x243F_6A88_85A3_08D3, second: 0x1319_8A2E_0370_7344)

  /// Half of the key is enough to find a bucket; equality looks at both.
  public func hash(into hasher: inout Hasher) { hasher.combine(first) }

  /// A part of the key that needs no further mixing.
  @inline(__always)
  var hash: UInt32 { UInt32(truncatingIfNeeded: first) }

  /// Each half goes through a bijection of its own, so equal halves say nothing about the other ones.
  @inline(__always)
  fileprivate func mixed(with word: UInt64) -> BlockKey {
    BlockKey(
      first: Self.mix((first ^ word) &+ 0x9E37_79B9_7F4A_7C15),
      second: Self.mix((second &+ word) ^ 0xD1B5_4A32_D192_ED03))
  }

  /// - Source: Stafford's "Mix13" variant of the finaliser of MurmurHash3, as in splitmix64.
  @inline(__always)
  private static func mix(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Makes the keys of the blocks of a sequence from the runs of tokens that it consists of.
///
///     runs     |── stream 7, from 0 ──|── stream 9, from 4 ──|
///     blocks   |── k0 ──|── k1 ──|── k2 ──|── k3 ──|            k1 = mix(start of run 7, 16 tokens of it)
///
/// A key is what stood before the last run, where that run begins, and its tokens up to the end of the block: one
/// round of mixing, and no block waits for the one before. A run that is handed in piece by piece counts as one,
/// so that the same tokens give the same keys however they were cut.
public struct BlockKeyBuilder: Sendable {
  /// What stands before the last run, and where that begins.
  private var run = BlockKey.root
  private var stream: Int64 = 0
  /// Where the last run would go on in its stream.
  private var next: Int64 = 0
  /// Tokens of the last run.
  private var count = 0

  /// Makes a builder that stands before the first token.
  public init() {}

  /// Adds consecutive tokens of a stream to the sequence.
  @inline(__always)
  public mutating func add(stream: Int64, start: Int, count: Int) {
    if self.count == 0 || stream != self.stream || Int64(start) != next {
      if self.count > 0 { run = run.mixed(with: UInt64(self.count)) }
      run = run.mixed(with: UInt64(bitPattern: stream)).mixed(with: UInt64(start))
      self.stream = stream
      self.count = 0
    }
    self.count += count
    next = Int64(start + count)
  }

  /// The key of a block that ends with the last token added.
  public var key: BlockKey {
    precondition(count > 0, "BlockKeyBuilder: no token was added")
    return run.mixed(with: UInt64(count))
  }

  /// Makes the keys of consecutive blocks.
  ///
  /// - Parameters:
  ///   - keys: Gets them, one for each place.
  ///   - tokens: How many tokens the last of them ends before the last one added.
  /// - Precondition: The last token of each block belongs to the last run.
  public func make(
    _ keys: UnsafeMutableBufferPointer<BlockKey>, blockSize: Int, before tokens: Int
  ) {
    var end = count - tokens - (keys.count - 1) * blockSize
    precondition(tokens >= 0 && end > 0, "BlockKeyBuilder: a block ended before the last run")
    for index in keys.indices {
      keys[index] = run.mixed(with: UInt64(end))
      end += blockSize
    }
  }
}
