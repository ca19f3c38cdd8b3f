import KVMemory

/// Caches with blocks of as many tokens that keep the same, by the size of their pages.
private struct Bucket {
  /// By first appearance; the caches of each in order.
  var sizes: [(bytes: Int, caches: [Int])]
  let keeps: KVGroupKind
  let blockTokens: Int

  var caches: Int { sizes.reduce(0) { $0 + $1.caches.count } }
  /// The most caches of one size.
  var rows: Int { sizes.reduce(0) { max($0, $1.caches.count) } }
  /// Whether there are as many caches of each size.
  var isBalanced: Bool { sizes.allSatisfy { $0.caches.count == rows } }
}

extension KVGroupRules {
  /// Groups of caches whose pages differ in size, where a block's bytes hold the pages of a whole group side by side.
  ///
  ///     bucket   A A B C    A B C          of one block size and kind, by page size
  ///     row      A B C                     one cache of each size
  ///     groups   rows dealt one after the other; one group of a bucket that is small enough
  ///
  /// The number of rows that fits the buckets best is what a group is made of; buckets that stay small (states, and
  /// windows where nothing fits) are split so that none is larger than the largest of the others.
  ///
  /// - Source: Sizing record of vLLM 0.33, section 8. One configuration there, like DeepSeek-V4, exercises it; that a
  ///   split bucket of unlike sizes is measured by its largest page is reconstructed.
  func packed(_ pages: [KVLayerPage]) -> [KVLayerGroup] {
    let buckets = Self.buckets(pages)
    let rows = Self.rowsOfAGroup(buckets)
    let attention = buckets.map { bucket in
      guard let rows, bucket.isBalanced else { return 1 }
      return ceilingDivide(bucket.rows, rows)
    }
    let isSmall = buckets.map { bucket in
      bucket.keeps.isState || (rows == nil && bucket.keeps != .all)
    }
    let largest = buckets.indices.reduce(0) { largest, index in
      let groups = isSmall[index] ? buckets[index].caches : attention[index]
      return max(
        largest,
        buckets[index].sizes.reduce(0) { $0 + ceilingDivide($1.caches.count, groups) * $1.bytes })
    }
    return buckets.indices.flatMap { index in
      let bucket = buckets[index]
      var groups = attention[index]
      if isSmall[index] {
        let page = bucket.sizes.reduce(0) { max($0, $1.bytes) }
        groups = max(groups, ceilingDivide(bucket.caches, max(largest / page, 1)))
      }
      return (0..<min(groups, bucket.rows)).map { group in
        let caches = bucket.sizes.flatMap { size in
          stride(from: group, to: size.caches.count, by: groups).map { size.caches[$0] }
        }
        return KVLayerGroup(caches, of: pages, isUniformType: true)
      }
    }
  }

  private static func buckets(_ pages: [KVLayerPage]) -> [Bucket] {
    var buckets: [Bucket] = []
    for (cache, page) in pages.enumerated() {
      guard
        let known = buckets.firstIndex(where: {
          $0.keeps == page.keeps && $0.blockTokens == page.blockTokens
        })
      else {
        buckets.append(
          Bucket(
            sizes: [(page.bytes, [cache])], keeps: page.keeps, blockTokens: page.blockTokens))
        continue
      }
      if let size = buckets[known].sizes.firstIndex(where: { $0.bytes == page.bytes }) {
        buckets[known].sizes[size].caches.append(cache)
      } else {
        buckets[known].sizes.append((page.bytes, [cache]))
      }
    }
    return buckets
  }

  /// The rows with which the last groups of balanced buckets lack the fewest, the larger of two; `nil` where no such
  /// bucket has pages of several sizes.
  private static func rowsOfAGroup(_ buckets: [Bucket]) -> Int? {
    let balanced = buckets.filter(\.isBalanced)
    let least = balanced.filter { $0.sizes.count > 1 }.map(\.rows).max()
    guard let least, let most = balanced.map(\.rows).max() else { return nil }
    func missing(_ rows: Int) -> Int {
      balanced.reduce(0) { $0 + (rows - $1.rows % rows) % rows }
    }
    return (least...most).reduce(least) { missing($1) <= missing($0) ? $1 : $0 }
  }
}
