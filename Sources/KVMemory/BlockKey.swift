/// The identity of a run of tokens: every token before it, and where in which stream it begins.
///
/// 128 bits. Two different runs get the same identity with a chance of about n² / 2¹²⁹ among n runs, which is never
/// at our sizes.
///
/// - Source: the chained block hashes of vLLM V1. Where it hashes token numbers block by block, we hash runs of
///   tokens, so that a block costs the same however long it is and whatever stands before it.
public struct RunIdentity: Hashable, BitwiseCopyable, Sendable {
  private var first: UInt64
  private var second: UInt64

  /// What stands before the first token.
  static let root = RunIdentity(first: 0x243F_6A88_85A3_08D3, second: 0x1319_8A2E_0370_7344)

  /// The identity of the same run for one of several groups of layers.
  func of(group: Int) -> RunIdentity { mixed(with: UInt64(group)) }

  /// Both halves are mixed, so that one tells runs apart.
  public func hash(into hasher: inout Hasher) { hasher.combine(first) }

  /// A part of the identity that needs no further mixing.
  @inline(__always)
  var hash: UInt32 { UInt32(truncatingIfNeeded: first) }

  /// Each half goes through a bijection of its own, so equal halves say nothing about the other ones.
  @inline(__always)
  fileprivate func mixed(with word: UInt64) -> RunIdentity {
    RunIdentity(
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

/// Makes the identities of the runs that a sequence consists of.
///
/// Tokens of a stream that are handed in piece by piece are one run, so that the same tokens have the same identities
/// however they were cut.
public struct RunBuilder: Sendable {
  /// The identity of the last run.
  public private(set) var identity = RunIdentity.root
  /// Tokens of the last run.
  public private(set) var count = 0
  private var stream: Int64 = 0
  /// Where the last run would go on in its stream.
  private var next: Int64 = 0

  /// Makes a builder that stands before the first token.
  ///
  /// - Parameter adapter: What the tokens are computed with beside the model, 0 for nothing: the same tokens are other
  ///   runs with another.
  public init(adapter: Int = 0) {
    if adapter != 0 { identity = identity.mixed(with: UInt64(bitPattern: Int64(adapter))) }
  }

  /// Adds consecutive tokens of a stream to the sequence.
  ///
  /// - Returns: Whether a run begins with them.
  @inline(__always)
  public mutating func add(stream: Int64, start: Int, count: Int) -> Bool {
    guard count > 0 else { return false }
    let begins = self.count == 0 || stream != self.stream || Int64(start) != next
    if begins {
      if self.count > 0 { identity = identity.mixed(with: UInt64(self.count)) }
      identity = identity.mixed(with: UInt64(bitPattern: stream)).mixed(with: UInt64(start))
      self.stream = stream
      self.count = 0
    }
    self.count += count
    next = Int64(start + count)
    return begins
  }
}

/// The identity of a full block, its tokens and every token before them: how many blocks before it end in the same run
/// of tokens.
///
/// Equal within one memory as long as the run has its number.
public struct BlockKey: Hashable, BitwiseCopyable, Sendable {
  /// The number of the run in which the block ends.
  public var run: Int32
  public var index: Int32
}

/// What a ``BlockKey`` says in any memory, and when no sequence has the run any more.
public struct ContentKey: Hashable, BitwiseCopyable, Sendable {
  public var run: RunIdentity
  public var index: Int32
}

/// Full blocks of a sequence that end in one run of tokens.
public struct BlockSpan: Equatable, BitwiseCopyable, Sendable {
  /// The number of the run.
  public var run: Int32
  /// The first of the blocks, counted from the beginning of the sequence.
  public var first: Int32
  public var count: Int32

  public init(run: Int32, first: Int32, count: Int32) {
    self.run = run
    self.first = first
    self.count = count
  }

  /// The key of a block of the sequence that is in the span.
  @inline(__always)
  public func key(ofBlock block: Int) -> BlockKey {
    BlockKey(run: run, index: Int32(block) - first)
  }

  /// Those of some blocks of the sequence that are in the span.
  @inline(__always)
  public func blocks(in range: Range<Int>) -> Range<Int> {
    range.clamped(to: Int(first)..<Int(first + count))
  }
}
