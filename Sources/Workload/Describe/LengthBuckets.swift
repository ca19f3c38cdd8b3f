/// Lengths in buckets that double: 0, 1, 2…3, 4…7, and so on. For a glance, not for computing.
package struct LengthBuckets: Equatable, Sendable {
  /// The first length of each bucket, ascending, and how many requests lie in it.
  package let buckets: [(from: Int, count: Int)]

  init(_ histogram: TokenHistogram) {
    var counts: [Int] = []
    for bar in histogram.bars {
      // The number of bits says the bucket: 0 → 0, 1 → 1, 2…3 → 2, 4…7 → 3.
      let bucket = Int32.bitWidth - bar.tokens.leadingZeroBitCount
      while counts.count <= bucket { counts.append(0) }
      counts[bucket] += bar.count
    }
    let first = counts.firstIndex { $0 > 0 } ?? 0
    buckets = counts.indices.dropFirst(first).map { bucket in
      (bucket == 0 ? 0 : 1 << (bucket - 1), counts[bucket])
    }
  }

  package static func == (a: LengthBuckets, b: LengthBuckets) -> Bool {
    a.buckets.elementsEqual(b.buckets) { $0 == $1 }
  }
}
