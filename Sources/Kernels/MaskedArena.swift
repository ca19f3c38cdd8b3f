import KVMemory

/// A contiguous cache of one sequence in which layers attend to a part of its tokens: the reference for managers that give
/// the rest back.
///
///     keys    |ssss░░░░░░░░░░░░wwwwwwww▷     all stay, ░ is masked
///
/// Each token's visible keys and values are copied, in order, to where the kernel reads them.
package final class MaskedArena: LayerCache {
  /// What each layer keeps.
  private let kinds: [KVGroupKind]
  private let arena: KVArena
  private let visible: KVArena

  package init(kinds: [KVGroupKind], kvHeads: Int, headDim: Int, tokens: Int) {
    self.kinds = kinds
    arena = KVArena(
      layers: kinds.count, kvHeads: kvHeads, headDim: headDim, blockSize: tokens, blocks: 1)
    visible = KVArena(layers: 1, kvHeads: kvHeads, headDim: headDim, blockSize: tokens, blocks: 1)
  }

  package func store(_ rows: UnsafePointer<Float>, of run: TokenRun, layer: Int) {
    arena.store(
      rows, count: run.tokens.count, firstPosition: run.firstPosition, table: [0], layer: layer)
  }

  package func attend(
    _ queries: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, of run: TokenRun,
    layer: Int, attention: inout Attention
  ) {
    attention.visible(
      queries, into: out, rows: run.tokens.count, firstPosition: run.firstPosition,
      keeps: kinds[layer], gathered: visible
    ) { token in
      let place = token * arena.headDim
      return .init(
        keys: arena.keys(layer) + place, values: arena.values(layer) + place,
        headStride: arena.blockSize * arena.headDim)
    }
  }
}

/// Where the keys and values of a token are in a layer: those of the first head, and how far the next head's are.
struct TokenPlace {
  var keys: UnsafePointer<Float>
  var values: UnsafePointer<Float>
  var headStride: Int
}

extension Attention {
  /// Attention of rows each of which sees a part of the tokens before it.
  ///
  /// - Parameters:
  ///   - keeps: What is not skipped once as many tokens are computed as are before a row is seen by it.
  ///   - gathered: An arena of one layer and one block, in which the visible tokens are put one after the other.
  ///   - place: Where a token's keys and values are.
  mutating func visible(
    _ queries: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, rows: Int,
    firstPosition: Int, keeps: KVGroupKind, gathered: KVArena, place: (_ token: Int) -> TokenPlace
  ) {
    let dim = gathered.headDim
    let width = heads * dim
    for row in 0..<rows {
      let position = firstPosition + row
      let skipped = keeps.skipped(position)
      var count = 0
      for token in 0...position where !skipped.contains(token) {
        let from = place(token)
        for head in 0..<gathered.kvHeads {
          let to = (head * gathered.blockSize + count) * dim
          (gathered.keys(0) + to).update(from: from.keys + head * from.headStride, count: dim)
          (gathered.values(0) + to).update(from: from.values + head * from.headStride, count: dim)
        }
        count += 1
      }
      paged(
        queries + row * width, into: out + row * width, rows: 1, firstPosition: count - 1,
        arena: gathered, layer: 0, table: [0])
    }
  }
}
