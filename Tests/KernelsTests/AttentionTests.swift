import Foundation
import KVMemory
import Kernels
import SimulationKernel
import Testing

func exponential(_ x: Double) -> Double { exp(x) }

/// Keys, values and queries of one sequence in one layer, at random.
struct AttentionCase: CustomTestStringConvertible {
  var naive: NaiveAttention
  var tokens: Int
  /// [tokens][heads][dim].
  var queries: [Float]

  var testDescription: String {
    "\(naive.heads)/\(naive.kvHeads) heads of \(naive.dim), \(tokens) tokens"
  }

  init(seed: UInt64) {
    var random = RandomStream(seed: seed, label: "attention")
    let kvHeads = [1, 2, 3, 4][random.below(4)]
    let heads = kvHeads * [1, 2, 3, 4][random.below(4)]
    let dim = 16 * (1 + random.below(6))
    tokens = 1 + random.below(70)
    func floats(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float(random.uniform() * 4 - 2) }
    }
    naive = NaiveAttention(
      heads: heads, kvHeads: kvHeads, dim: dim, keys: floats(tokens * kvHeads * dim),
      values: floats(tokens * kvHeads * dim))
    queries = floats(tokens * heads * dim)
  }

  /// An arena that holds the sequence in shuffled blocks, and its block table.
  func arena(blockSize: Int, seed: UInt64) -> (KVArena, [BlockID]) {
    let count = (tokens + blockSize - 1) / blockSize
    var random = RandomStream(seed: seed, label: "blocks")
    let table = (0..<Int32(count + 3)).shuffled(using: &random).prefix(count)
    let arena = KVArena(
      layers: 1, kvHeads: naive.kvHeads, headDim: naive.dim, blockSize: blockSize,
      blocks: blockSize >= tokens ? 1 : count + 3)
    let blocks = blockSize >= tokens ? [0] : Array(table)
    let width = naive.kvHeads * naive.dim
    var rows: [Float] = []
    for token in 0..<tokens {
      let range = token * width..<(token + 1) * width
      rows += naive.keys[range]
      rows += naive.values[range]
    }
    arena.store(rows, count: tokens, firstPosition: 0, table: blocks, layer: 0)
    return (arena, blocks)
  }

  /// The rows from `first` on through the paged kernel, cut into chunks of `chunk` rows.
  func paged(blockSize: Int, chunk: Int, from first: Int = 0, seed: UInt64 = 1) -> [Float] {
    let (arena, table) = arena(blockSize: blockSize, seed: seed)
    let width = naive.heads * naive.dim
    var out = Array(repeating: Float.nan, count: tokens * width)
    var attention = Attention(heads: naive.heads)
    out.withUnsafeMutableBufferPointer { out in
      queries.withUnsafeBufferPointer { queries in
        guard let out = out.baseAddress, let queries = queries.baseAddress else { return }
        for start in stride(from: first, to: tokens, by: chunk) {
          attention.paged(
            queries + start * width, into: out + start * width,
            rows: min(chunk, tokens - start), firstPosition: start, arena: arena, layer: 0,
            table: table)
        }
      }
    }
    return out
  }
}

@Suite struct AttentionTests {
  @Test(arguments: 0..<40)
  func pagedAgreesWithTheDefinition(seed: UInt64) {
    let random = AttentionCase(seed: seed)
    let width = random.naive.heads * random.naive.dim
    let paged = random.paged(blockSize: [1, 3, 8, 16, 32][Int(seed % 5)], chunk: 1 + Int(seed % 9))
    for token in 0..<random.tokens {
      let expected = random.naive.output(
        random.queries[token * width..<(token + 1) * width], context: token + 1)
      let error = zip(expected, paged[(token * width)...]).map { abs($0 - Double($1)) }.max() ?? 0
      #expect(error < 1e-5, "\(random), token \(token)")
    }
  }

  @Test(arguments: 0..<20)
  func neitherBlocksNorChunksChangeABit(seed: UInt64) {
    let random = AttentionCase(seed: seed)
    let whole = random.paged(blockSize: 128, chunk: random.tokens)
    for blockSize in [1, 5, 8, 16, 32, 128] {
      for chunk in [1, 2, 7, random.tokens] {
        let paged = random.paged(blockSize: blockSize, chunk: chunk, seed: seed + 7)
        #expect(paged == whole, "\(random), block size \(blockSize), chunks of \(chunk)")
      }
    }
  }

  /// The contiguous yardstick of the measurements computes the same thing.
  @Test(arguments: 0..<20)
  func contiguousByOpenBLASAgrees(seed: UInt64) throws {
    let random = AttentionCase(seed: seed)
    let width = random.naive.heads * random.naive.dim
    let (arena, _) = random.arena(blockSize: 128, seed: seed)
    var out = Array(repeating: Float.nan, count: width)
    var attention = Attention(heads: random.naive.heads)
    let query = Array(random.queries.suffix(width))
    attention.contiguousDecode(query, into: &out, context: random.tokens, arena: arena, layer: 0)
    let paged = random.paged(blockSize: 16, chunk: 1, from: random.tokens - 1).suffix(width)
    let error = zip(out, paged).map { abs($0 - $1) }.max() ?? 0
    #expect(error < 1e-5, "\(random)")
  }
}
