/// A prefix cache in blocks, each with its keys and values and the state at its end: vLLM+.
///
///     text    |── b0 ──|── b1 ──|── b2 ──|─        a request finds the blocks from the beginning that are cached
///     kept    KV + state, KV + state, …
///
/// What was used least recently is evicted, of blocks used together the one farther from the beginning.
///
/// - Source: the baseline of Marconi (MLSys 2025): blocks of 32 tokens, a state at every block.
struct BlockStates: Sendable {
  static let blockTokens = 32

  /// A block that is cached, or was.
  private struct Block: Sendable {
    var lastUse = 0
    var isCached = false
    var isFound = false
  }

  let blockBytes: Int
  let capacityBlocks: Int
  private var numbers: [UInt64: Int] = [:]
  private var blocks: [Block] = []
  /// Uses in order, the oldest first; some are out of date.
  private var uses: [(block: Int, time: Int)] = []
  private var oldest = 0
  private var cachedCount = 0
  private var clock = 0
  /// Blocks that were written, those whose keys and values were found again, and those whose state was.
  private(set) var written = 0
  private(set) var foundBlocks = 0
  private(set) var foundStates = 0

  init(_ model: MarconiModel, capacityBytes: Int) {
    blockBytes = Self.blockTokens * model.tokenBytes + model.stateBytes
    capacityBlocks = capacityBytes / blockBytes
  }

  /// Tokens of a prompt that are found.
  ///
  /// - Parameter keys: Of its full blocks, each told by all tokens up to its end.
  mutating func match(_ keys: [UInt64], promptTokens: Int) -> Int {
    let full = keys.prefix((promptTokens - 1) / Self.blockTokens)
    let found = full.prefix { numbers[$0].map { blocks[$0].isCached } ?? false }
    for key in found { noteFound(key) }
    foundStates += found.isEmpty ? 0 : 1
    return found.count * Self.blockTokens
  }

  private mutating func noteFound(_ key: UInt64) {
    guard let number = numbers[key], !blocks[number].isFound else { return }
    blocks[number].isFound = true
    foundBlocks += 1
  }

  /// Keeps the full blocks of a request that has ended.
  mutating func insert(_ keys: [UInt64]) {
    clock += 1
    for key in keys.reversed() {
      let number = numbers[key] ?? blocks.count
      if number == blocks.count {
        numbers[key] = number
        blocks.append(Block())
      }
      if !blocks[number].isCached {
        blocks[number].isCached = true
        blocks[number].isFound = false
        cachedCount += 1
        written += 1
      }
      // The block nearest to the beginning is used last.
      blocks[number].lastUse = uses.count
      uses.append((number, uses.count))
    }
    while cachedCount > capacityBlocks {
      let use = uses[oldest]
      oldest += 1
      guard blocks[use.block].lastUse == use.time, blocks[use.block].isCached else { continue }
      blocks[use.block].isCached = false
      cachedCount -= 1
    }
  }
}
