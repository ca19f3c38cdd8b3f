import SimulationKernel

/// Numbers for blocks: two blocks have one number exactly if all tokens up to their ends agree, but
/// for collisions of a 64-bit hash (below one in 10⁷ for a million blocks).
package struct BlockChains {
  private let blockTokens: Int
  private var numbers: [UInt64: Int] = [:]
  /// Distinct blocks so far.
  package var count: Int { numbers.count }

  package init(blockTokens: Int) { self.blockTokens = blockTokens }

  /// The blocks of a prompt, first to last, the last one perhaps partial.
  ///
  /// - Complexity: O(pieces + blocks).
  package mutating func blocks(of pieces: ArraySlice<TokenPiece>) -> [Int] {
    var hashes = BlockHashes(blockTokens: blockTokens)
    for piece in pieces { hashes.take(piece) }
    return hashes.all.map { number(of: $0) }
  }

  private mutating func number(of chain: UInt64) -> Int {
    if let number = numbers[chain] { return number }
    numbers[chain] = numbers.count
    return numbers.count - 1
  }
}

/// Hashes of the blocks of one prompt, each of all tokens up to the block's end.
///
/// A block is hashed by its longest runs, so that a run cut in two gives the hash of the whole:
///
///     pieces   |7: 0…9|7: 10…31|      blocks of 16   |7: 0…15|7: 16…31|
struct BlockHashes {
  private let blockTokens: Int
  /// Those of the blocks that are full.
  private(set) var full: [UInt64] = []
  private var chain: UInt64 = 0
  private var room: Int
  /// The run at the end of what was read of the next block.
  private var run: TokenPiece?

  init(blockTokens: Int) {
    self.blockTokens = blockTokens
    room = blockTokens
  }

  /// The hash of the last block where it is not full; `nil` where nothing follows the full ones.
  var partial: UInt64? { run.map { Self.mixed(chain, $0) } }

  /// Those of all blocks, the last one perhaps not full.
  var all: [UInt64] {
    guard let partial else { return full }
    return full + CollectionOfOne(partial)
  }

  /// Begins another prompt.
  mutating func restart() {
    full.removeAll(keepingCapacity: true)
    chain = 0
    room = blockTokens
    run = nil
  }

  /// Writes what ``all`` has over `list`, whose storage is kept.
  ///
  /// - Returns: ``partial``.
  func copyAll(into list: inout [UInt64]) -> UInt64? {
    list.removeAll(keepingCapacity: true)
    list += full
    let partial = partial
    if let partial { list.append(partial) }
    return partial
  }

  mutating func take(_ piece: TokenPiece) {
    var piece = piece
    while piece.count > 0 {
      let head = TokenPiece(
        stream: piece.stream, start: piece.start, count: Int32(min(room, Int(piece.count))))
      if let last = run, last.stream == head.stream, last.start + last.count == head.start {
        run!.count += head.count
      } else {
        if let run { chain = Self.mixed(chain, run) }
        run = head
      }
      room -= Int(head.count)
      piece.start += head.count
      piece.count -= head.count
      if room == 0 {
        chain = Self.mixed(chain, run!)
        run = nil
        full.append(chain)
        room = blockTokens
      }
    }
  }

  private static func mixed(_ chain: UInt64, _ run: TokenPiece) -> UInt64 {
    let place = UInt64(UInt32(bitPattern: run.start)) << 32 | UInt64(UInt32(bitPattern: run.count))
    return splitmix64(
      splitmix64(splitmix64(chain) ^ UInt64(bitPattern: run.stream)) ^ place)
  }
}
