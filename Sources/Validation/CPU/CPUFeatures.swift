import CostModel
import Foundation
import Kernels

/// The features of an iteration that its price is a sum over.
package struct CPUFeatures: Sendable {
  /// Block sizes at which reading the KV cache is priced; linear in the logarithm in between.
  static let blockSizes = [1, 8, 16, 32, 128]

  package static let names: [String] =
    [
      "weights_by_8_rows", "weights_by_4_rows", "weights_by_2_rows", "weights_by_1_row",
      "weights_by_lone_row", "weights_read", "tokens", "sampled_sequences", "decode_sequences",
    ] + blockSizes.map { "decode_context_tokens_block_\($0)" }
    + [
      "shared_context_tokens", "prefill_chunks", "prefill_token_pairs", "moved_blocks",
      "moved_bytes",
    ]

  /// Weights of the linear layers, and of the LM head.
  private let layerWeights: Double
  private let headWeights: Double
  /// Keys and values of a token, all layers.
  private let tokenBytes: Int
  private let blockSize: Int

  init(_ model: ModelSpec, blockSize: Int) {
    let queryWidth = model.heads * model.headDim
    let attention = 2 * model.hidden * (queryWidth + model.kvHeads * model.headDim)
    let mlp = (model.family == .opt ? 2 : 3) * model.hidden * model.ffn
    layerWeights = Double(model.layers.count * (attention + mlp))
    headWeights = Double(model.hidden * model.vocab)
    tokenBytes = ToyModels.kvBytesPerToken(model)
    self.blockSize = blockSize
  }

  /// The features of an iteration. Context that is shared counts for the first who reads it as context, and
  /// for the others as shared.
  func values(_ iteration: CPUIteration) -> [Double] {
    let work = iteration.work
    var pairs = 0.0
    for chunk in work.prefillChunks {
      pairs += Double(chunk.tokens) * (Double(chunk.contextTokens) + Double(chunk.tokens + 1) / 2)
    }
    let moved = work.copiedBlocks + work.swappedInBlocks + work.swappedOutBlocks
    let context = Double(work.decodeContextTokens - iteration.sharedContextTokens)
    let products = zip(
      Self.products(rows: work.batchedTokens), Self.products(rows: work.sampledSequences))
    return products.map { $0 * layerWeights + $1 * headWeights }
      + [
        Double(work.batchedTokens), Double(work.sampledSequences), Double(work.decodeSequences),
      ] + blockSizeWeights.map { $0 * context }
      + [
        Double(iteration.sharedContextTokens), Double(work.prefillChunks.count), pairs,
        Double(moved), Double(moved * blockSize * tokenBytes),
      ]
  }

  /// How often a product of `rows` rows uses each weight: in tiles of 8, 4, 2 rows and 1 row, or for a
  /// single row; and how often it reads the weights from memory: once.
  ///
  /// As `ck_multiply` cuts the rows: 64 at a time into tiles of 8, 4, 2 and 1. Each tile passes over all
  /// weights, which come from the caches once the first one has read them; so a batch of 3 (two tiles) is
  /// dearer than one of 4 (one tile). A row that is alone waits for memory, and costs more than one that is
  /// left over and finds the weights in a cache.
  static func products(rows: Int) -> [Double] {
    guard rows != 1 else { return [0, 0, 0, 0, 1, 1] }
    var tiles = [0.0, 0, 0, 0, 0, rows > 0 ? 1 : 0]
    for first in stride(from: 0, to: rows, by: 64) {
      let count = min(64, rows - first)
      let rest = count % 4
      tiles[0] += Double(count / 8)
      tiles[1] += Double(count % 8 / 4)
      tiles[2] += Double(rest / 2)
      tiles[3] += Double(rest % 2)
    }
    return tiles
  }

  /// What share each of ``blockSizes`` has in the price of a context token.
  private var blockSizeWeights: [Double] {
    let knots = Self.blockSizes.map { log2(Double($0)) }
    let x = min(log2(Double(blockSize)), knots[knots.count - 1])
    return knots.indices.map { index in
      let isAbove = x >= knots[index]
      let neighbour = isAbove ? index + 1 : index - 1
      guard knots.indices.contains(neighbour) else { return 1 }
      return max(0, 1 - abs(x - knots[index]) / abs(knots[neighbour] - knots[index]))
    }
  }
}
