import SimulationKernel

/// Numbers for blocks: two blocks have one number exactly if all tokens up to their ends agree, but
/// for collisions of a 64-bit hash.
struct BlockChains {
  private let blockTokens: Int
  private var numbers: [UInt64: Int] = [:]
  /// Distinct blocks so far.
  var count: Int { numbers.count }

  init(blockTokens: Int) { self.blockTokens = blockTokens }

  /// The blocks of a prompt, first to last, the last one perhaps partial.
  mutating func blocks(of pieces: some Sequence<TokenPiece>) -> [Int] {
    var blocks: [Int] = []
    var chain: UInt64 = 0
    var room = blockTokens
    for var piece in pieces {
      while piece.count > 0 {
        let count = min(room, Int(piece.count))
        chain = Self.mixed(chain, piece, count)
        room -= count
        piece.start += Int32(count)
        piece.count -= Int32(count)
        if room == 0 {
          blocks.append(number(of: chain))
          room = blockTokens
        }
      }
    }
    if room < blockTokens { blocks.append(number(of: chain)) }
    return blocks
  }

  private mutating func number(of chain: UInt64) -> Int {
    if let number = numbers[chain] { return number }
    numbers[chain] = numbers.count
    return numbers.count - 1
  }

  /// The chain after `count` more tokens, the first ones of `piece`.
  ///
  /// Tokens are mixed in one by one, so that a run cut in two gives the chain of the whole run.
  private static func mixed(_ chain: UInt64, _ piece: TokenPiece, _ count: Int) -> UInt64 {
    var mixed = chain
    let stream = splitmix64(UInt64(bitPattern: piece.stream))
    for place in UInt64(piece.start)..<UInt64(piece.start) + UInt64(count) {
      mixed = splitmix64(mixed ^ (stream &+ place))
    }
    return mixed
  }
}
