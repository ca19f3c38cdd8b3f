import CKernels
import COpenBLAS
import KVMemory

/// Causal multi-head attention of one sequence in one layer, multi-head or grouped-query.
///
/// One kernel does decode, prefill and chunks of prefill; they differ in the number of rows.
package struct Attention {
  package var heads: Int
  private var scratch = ScratchBuffer()

  package init(heads: Int) { self.heads = heads }

  /// Attention of the `rows` newest tokens over keys and values that are read through a block table.
  ///
  ///     tokens   0        firstPosition        firstPosition + rows
  ///              |── resident ──|── these rows ──|     row i sees firstPosition + i + 1 tokens
  ///
  /// Equal, bit for bit, for every block size and every way to cut the rows.
  ///
  /// - Parameters:
  ///   - queries: [rows][heads][headDim].
  ///   - out: Of the same shape.
  ///   - table: The blocks of the sequence in order; those of the rows included.
  /// - Complexity: 4 · heads · headDim FLOPs for each row and token it sees.
  package mutating func paged(
    _ queries: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, rows: Int,
    firstPosition: Int, arena: KVArena, layer: Int, table: [BlockID]
  ) {
    let context = firstPosition + rows
    arena.requireBlocks(table, forTokens: context)
    precondition(heads % arena.kvHeads == 0 && arena.headDim % 16 == 0, "Attention: shape")
    let room = scratch.room(ck_scratch_size(context, heads, arena.headDim))
    table.withUnsafeBufferPointer { table in
      var attention = ck_attention(
        queries: queries, keys: arena.keys(layer), values: arena.values(layer),
        table: table.baseAddress, out: out, scratch: room, rows: rows,
        first_position: firstPosition, heads: heads, kv_heads: arena.kvHeads, dim: arena.headDim,
        block_size: arena.blockSize)
      ck_attend(&attention)
    }
  }

  /// Attention of the newest token over contiguous keys and values, by OpenBLAS: two sgemv a head.
  ///
  /// The yardstick for ``paged(_:into:rows:firstPosition:arena:layer:table:)``.
  ///
  /// - Parameters:
  ///   - query: [heads][headDim].
  ///   - context: Tokens that it sees, itself included.
  ///   - arena: Of one block, which holds the whole sequence.
  package mutating func contiguousDecode(
    _ query: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, context: Int,
    arena: KVArena, layer: Int
  ) {
    precondition(arena.blocks == 1 && context <= arena.blockSize, "contiguousDecode: arena")
    let scores = scratch.room(context)
    let dim = arena.headDim
    let (rows, width) = (Int32(context), Int32(dim))
    let scale = 1 / Float(dim).squareRoot()
    for head in 0..<heads {
      let start = head / (heads / arena.kvHeads) * arena.blockSize * dim
      cblas_sgemv(
        CblasRowMajor, CblasNoTrans, rows, width, scale, arena.keys(layer) + start, width,
        query + head * dim, 1, 0, scores, 1)
      ck_softmax(scores, context)
      cblas_sgemv(
        CblasRowMajor, CblasTrans, rows, width, 1, arena.values(layer) + start, width, scores, 1,
        0, out + head * dim, 1)
    }
  }
}
