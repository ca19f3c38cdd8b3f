import KVMemory

extension KVGroupRules {
  /// The groups of a model's caches, which are listed in the order of its layers.
  ///
  ///     caches   w w w w w a w w w w w a      w window, a all, pages of one size
  ///     kinds    10·w  2·a                    groups of two layers
  ///     groups   w₀w₅ w₁w₆ w₂w₇ w₃w₈ w₄w₉ a₀a₁   a block of any of them has the same bytes
  ///
  /// 1. Without the hybrid manager every layer keeps everything.
  /// 2. Caches that keep the same in blocks of as many tokens are one group.
  /// 3. Pages of unlike size are packed where the layout allows it (``packed(_:)``).
  /// 4. Else they are brought to one size, and equal ones dealt to groups of as many layers.
  ///
  /// - Precondition: At least one cache.
  /// - Complexity: O(caches × kinds of them).
  package func groups(of caches: [KVLayerPage]) -> [KVLayerGroup] {
    precondition(!caches.isEmpty, "KVGroupRules: no cache to group")
    let sizes = Set(caches.map(\.bytes)).count
    let pages = hybridManager ? caches : caches.map(\.keepingAll)
    let first = pages[0]
    if pages.allSatisfy({ $0.blockTokens == first.blockTokens && $0.keeps == first.keeps }) {
      let isUniformType = pages.contains { $0 != first }
      return [KVLayerGroup(Array(pages.indices), of: pages, isUniformType: isUniformType)]
    }
    if blockOutermost, packs, sizes > 1 { return packed(pages) }
    if sizes > 1, !unifiesPages { return keepingAll.groups(of: caches) }
    return dealt(unified(pages))
  }

  /// The same rules for a model that the hybrid manager cannot hold.
  ///
  /// - Source: A summary says that such releases let every layer keep everything; not read in their code.
  private var keepingAll: KVGroupRules {
    var rules = self
    rules.hybridManager = false
    rules.unifiesPages = true
    return rules
  }

  /// Pages of one size: a smaller one holds more tokens where the largest is a multiple of it, or else is padded, as
  /// states always are.
  private func unified(_ pages: [KVLayerPage]) -> [KVLayerPage] {
    let largest = pages.reduce(0) { max($0, $1.bytes) }
    return pages.map { page in
      guard page.bytes < largest else { return page }
      var page = page
      if largest % page.bytes == 0, !page.keeps.isState {
        page.blockTokens *= largest / page.bytes
      }
      if page.bytes < largest { page.paddedBytes = largest }
      return page
    }
  }

  /// Equal caches, in order of first appearance, dealt to groups one after the other.
  private func dealt(_ pages: [KVLayerPage]) -> [KVLayerGroup] {
    var buckets: [[Int]] = []
    for cache in pages.indices {
      if let known = buckets.firstIndex(where: { pages[$0[0]] == pages[cache] }) {
        buckets[known].append(cache)
      } else {
        buckets.append([cache])
      }
    }
    let layers = layersOfAGroup(buckets.map(\.count))
    return buckets.flatMap { bucket in
      let groups = ceilingDivide(bucket.count, layers)
      return (0..<groups).map { group in
        KVLayerGroup(
          stride(from: group, to: bucket.count, by: groups).map { bucket[$0] }, of: pages)
      }
    }
  }

  private func layersOfAGroup(_ counts: [Int]) -> Int {
    let (fewest, most) = counts.reduce((Int.max, 0)) { (min($0.0, $1), max($0.1, $1)) }
    switch size {
    case .fewest: return fewest
    case .mostBelow(let times): return Double(most) < times * Double(fewest) ? most : fewest
    }
  }
}

extension KVLayerPage {
  /// The same cache where nothing is given back behind a window or chunk.
  fileprivate var keepingAll: KVLayerPage {
    guard !keeps.isState else { return self }
    var page = self
    page.keeps = .all
    return page
  }
}
