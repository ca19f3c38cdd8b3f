import CostModel
import KVMemory

/// The keys and values of layers that keep different tokens, in the pages of Jenga's pool.
///
///     pool      |── large page ──|── large page ──| …      split for one group of layers each
///     page      | layer: K, V | layer: K, V | …            K: [kvHeads][blockTokens][headDim] floats
///
/// What a page held before is still in it: a page that is given back too early, or to two sequences, shows in the tokens.
package final class KeptArena: LayerCache {
  /// Layers of one kind, which share pages.
  package struct Group: Sendable {
    package var keeps: KVGroupKind
    package var layers: [Int]
  }

  package let groups: [Group]
  package let blockTokens: Int
  private let kvHeads: Int
  private let headDim: Int
  private let pool: FloatBuffer
  private let gathered: KVArena
  /// The group of each layer, and its place in it.
  private let places: [(group: Int, index: Int)]

  /// - Parameters:
  ///   - kinds: What each layer keeps; layers of one kind form a group.
  ///   - longest: Tokens of the longest sequence.
  package init(
    _ model: ModelSpec, kinds: [KVGroupKind], blockTokens: Int, bytes: Int, longest: Int
  ) {
    precondition(kinds.count == model.layers.count, "KeptArena: a kind for each layer")
    var groups: [Group] = []
    for (layer, kind) in kinds.enumerated() {
      if let index = groups.firstIndex(where: { $0.keeps == kind }) {
        groups[index].layers.append(layer)
      } else {
        groups.append(Group(keeps: kind, layers: [layer]))
      }
    }
    self.groups = groups
    self.blockTokens = blockTokens
    kvHeads = model.kvHeads
    headDim = model.headDim
    pool = FloatBuffer(count: bytes / MemoryLayout<Float>.stride)
    gathered = KVArena(
      layers: 1, kvHeads: model.kvHeads, headDim: model.headDim, blockSize: longest, blocks: 1)
    places = kinds.indices.map { layer in
      let group = groups.firstIndex { $0.layers.contains(layer) } ?? 0
      return (group, groups[group].layers.firstIndex(of: layer) ?? 0)
    }
  }

  /// Floats of keys (or of values) of a block in one layer.
  private var blockFloats: Int { kvHeads * blockTokens * headDim }

  /// Bytes of a token in the layers of a group.
  package func tokenBytes(_ group: Int) -> Int {
    groups[group].layers.count * 2 * kvHeads * headDim * MemoryLayout<Float>.stride
  }

  /// The block table of a run: of each group in turn its blocks in order, as the place of the page in the pool, in floats;
  /// −1 for a block that was given back.
  package func table(_ pages: [[JengaPool.Page?]], of store: JengaPool) -> [BlockID] {
    let blocks = pages.map(\.count).max() ?? 0
    return pages.indices.flatMap { group -> [BlockID] in
      let small = store.pageBytes(group)
      let places = pages[group].map { page -> BlockID in
        guard let page else { return -1 }
        let bytes = Int(page.large) * store.largeBytes + Int(page.slot) * small
        return BlockID(bytes / MemoryLayout<Float>.stride)
      }
      return places + Array(repeating: -1, count: blocks - places.count)
    }
  }

  private func place(_ token: Int, _ run: TokenRun, layer: Int) -> Int {
    let (group, index) = places[layer]
    let blocks = run.table.count / groups.count
    let page = run.table[group * blocks + token / blockTokens]
    precondition(page >= 0, "KeptArena: token \(token) of layer \(layer) was given back")
    return Int(page) + index * 2 * blockFloats + token % blockTokens * headDim
  }

  package func store(_ rows: UnsafePointer<Float>, of run: TokenRun, layer: Int) {
    let width = kvHeads * headDim
    for row in 0..<run.tokens.count {
      let place = place(run.firstPosition + row, run, layer: layer)
      for head in 0..<kvHeads {
        let from = rows + row * 2 * width + head * headDim
        let to = place + head * blockTokens * headDim
        pool.address(to, count: headDim).update(from: from, count: headDim)
        pool.address(to + blockFloats, count: headDim).update(from: from + width, count: headDim)
      }
    }
  }

  package func attend(
    _ queries: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, of run: TokenRun,
    layer: Int, attention: inout Attention
  ) {
    attention.visible(
      queries, into: out, rows: run.tokens.count, firstPosition: run.firstPosition,
      keeps: groups[places[layer].group].keeps, gathered: gathered
    ) { token in
      let keys = pool.start + place(token, run, layer: layer)
      return TokenPlace(
        keys: keys, values: keys + blockFloats, headStride: blockTokens * headDim)
    }
  }
}
