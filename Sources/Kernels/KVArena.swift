import CKernels
import Foundation
import KVMemory

/// The keys and values of all layers, in blocks.
///
///     layer   keys   | block 0 | block 1 | …      block: [kvHeads][blockSize][headDim] floats
///             values | block 0 | block 1 | …
///
/// A contiguous cache is an arena of one block that is as long as the sequence.
package final class KVArena: Sendable {
  package let layers: Int
  package let kvHeads: Int
  package let headDim: Int
  /// Token slots in a block.
  package let blockSize: Int
  package let blocks: Int
  private let buffer: FloatBuffer

  package init(layers: Int, kvHeads: Int, headDim: Int, blockSize: Int, blocks: Int) {
    precondition(blockSize > 0, "KVArena: block size \(blockSize)")
    self.layers = layers
    self.kvHeads = kvHeads
    self.headDim = headDim
    self.blockSize = blockSize
    self.blocks = blocks
    buffer = FloatBuffer(
      count: layers * 2 * blocks * blockSize * kvHeads * headDim)
  }

  /// Bytes of an arena of this shape.
  package static func bytes(
    layers: Int, kvHeads: Int, headDim: Int, blockSize: Int, blocks: Int
  ) -> Int {
    layers * 2 * blocks * blockSize * kvHeads * headDim * MemoryLayout<Float>.stride
  }

  /// Floats of a block of keys (or of values) in one layer.
  package var blockFloats: Int { kvHeads * blockSize * headDim }

  package func keys(_ layer: Int) -> UnsafeMutablePointer<Float> {
    buffer.address(2 * layer * blocks * blockFloats, count: blocks * blockFloats)
  }

  package func values(_ layer: Int) -> UnsafeMutablePointer<Float> {
    buffer.address((2 * layer + 1) * blocks * blockFloats, count: blocks * blockFloats)
  }

  /// Copies blocks of another arena (or of this one) into this one, in order, all layers.
  package func copy(_ moves: [BlockCopy], from source: KVArena) {
    precondition(source.blockFloats == blockFloats, "KVArena.copy between unequal shapes")
    let bytes = blockFloats * MemoryLayout<Float>.stride
    for move in moves {
      let (from, to) = (Int(move.source), Int(move.destination))
      precondition(
        from >= 0 && from < source.blocks && to >= 0 && to < blocks,
        "KVArena.copy: block \(from) of \(source.blocks) to \(to) of \(blocks)")
      for layer in 0..<layers {
        memcpy(keys(layer) + to * blockFloats, source.keys(layer) + from * blockFloats, bytes)
        memcpy(values(layer) + to * blockFloats, source.values(layer) + from * blockFloats, bytes)
      }
    }
  }

  /// Writes the keys and values of consecutive tokens of one sequence into its blocks.
  ///
  /// - Parameters:
  ///   - rows: [count][2 × kvHeads × headDim]: a token's keys, then its values.
  ///   - table: The blocks of the sequence, in order.
  package func store(
    _ rows: UnsafePointer<Float>, count: Int, firstPosition: Int, table: [BlockID], layer: Int
  ) {
    requireBlocks(table, forTokens: firstPosition + count)
    let width = kvHeads * headDim
    ck_store(
      rows, 2 * width, keys(layer), table, count, firstPosition, kvHeads, headDim, blockSize)
    ck_store(
      rows + width, 2 * width, values(layer), table, count, firstPosition, kvHeads, headDim,
      blockSize)
  }

  /// Traps unless a block table reaches `tokens` tokens far, inside the arena.
  func requireBlocks(_ table: [BlockID], forTokens tokens: Int) {
    precondition(
      table.count * blockSize >= tokens,
      "KVArena: \(tokens) tokens in \(table.count) blocks of \(blockSize)")
    precondition(
      table.allSatisfy { $0 >= 0 && $0 < blocks }, "KVArena: block table \(table) of \(blocks)")
  }
}
