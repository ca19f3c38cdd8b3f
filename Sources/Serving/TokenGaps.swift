import Histogram
import SimulationKernel
import Statistics

/// Gaps between consecutive tokens of a sequence, pooled over all sequences of a run.
///
/// Most sequences of a batch share one gap, so a gap is kept with its count. Quantiles are exact for up to
/// ``exactLimit`` different gaps; a longer run is kept in an HdrHistogram of three significant digits, whose
/// quantiles are within 0.1 %. The mean is always exact.
package struct TokenGaps: Sendable {
  /// Kept gaps up to which quantiles are exact.
  package static let exactLimit = 1 << 20

  struct Gap: Equatable {
    var nanoseconds: Int64
    var count: Int64
  }

  private(set) var gaps: [Gap] = []
  /// In place of `gaps` once those are too many.
  private var histogram: Histogram<UInt64>?
  private var isFolded = false
  /// Gaps in all.
  package private(set) var count: Int64 = 0
  private var sum: Int128 = 0

  /// The room is reserved at once: pages that are not written take no memory, and growing would copy them.
  package init() { gaps.reserveCapacity(Self.exactLimit) }

  /// Adds `count` equal gaps.
  @inline(__always)
  package mutating func add(_ gap: SimDuration, count: Int) {
    guard count > 0 else { return }
    self.count += Int64(count)
    // A product of two words fits in two.
    sum &+= Int128(gap.nanoseconds) &* Int128(count)
    if isFolded { return record(gap, count: count) }
    gaps.append(Gap(nanoseconds: gap.nanoseconds, count: Int64(count)))
    if gaps.count == Self.exactLimit { fold() }
  }

  /// Adds gaps of `count` sequences each.
  mutating func add(_ added: Slice<UnsafeBufferPointer<SimDuration>>, count: Int) {
    guard !isFolded, gaps.count + added.count < Self.exactLimit, count > 0 else {
      for gap in added { add(gap, count: count) }
      return
    }
    var total: Int64 = 0
    for gap in added {
      total += gap.nanoseconds
      gaps.append(Gap(nanoseconds: gap.nanoseconds, count: Int64(count)))
    }
    self.count += Int64(count * added.count)
    sum &+= Int128(total) &* Int128(count)
  }

  private mutating func record(_ gap: SimDuration, count: Int) {
    histogram?.record(UInt64(gap.nanoseconds), count: UInt64(count))
  }

  /// Adds the gaps of another run.
  mutating func add(_ other: TokenGaps) {
    guard let folded = other.histogram else {
      for gap in other.gaps {
        add(SimDuration(nanoseconds: gap.nanoseconds), count: Int(gap.count))
      }
      return
    }
    if !isFolded { fold() }
    histogram?.add(folded)
    count += other.count
    sum += other.sum
  }

  private mutating func fold() {
    var folded = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    for gap in gaps { folded.record(UInt64(gap.nanoseconds), count: UInt64(gap.count)) }
    histogram = folded
    isFolded = true
    gaps = []
  }

  /// The mean gap in seconds, or `nil` when there is none.
  package var mean: Double? { count > 0 ? Double(sum) / Double(count) / 1e9 : nil }

  /// The quantiles at `probabilities`, in seconds, by linear interpolation between order statistics;
  /// empty when there is no gap.
  ///
  /// - Complexity: O(kept gaps).
  package func quantiles(_ probabilities: [Double]) -> [Double] {
    guard count > 0 else { return [] }
    if let histogram {
      return probabilities.map { Double(histogram.valueAtPercentile($0 * 100)) / 1e9 }
    }
    let sorted = gaps.sortedByLength()
    let ranks = CountedRanks(kept: sorted.count) { Int(sorted[$0].count) }
    return probabilities.map { probability in
      Quantile.linear(probability, count: Int(count)) {
        Double(sorted[ranks.index(ofRank: $0)].nanoseconds) / 1e9
      }
    }
  }
}

extension [TokenGaps.Gap] {
  /// The gaps, shortest first, equal ones in order.
  ///
  /// A radix sort: a million gaps of a run in a fifth of the instructions of `sorted`.
  ///
  /// - Precondition: No gap is negative.
  /// - Complexity: O(gaps) for each 11 bits of the longest.
  func sortedByLength() -> [TokenGaps.Gap] {
    let digitBits = 11
    let longest = reduce(0) { Swift.max($0, $1.nanoseconds) }
    var from = self
    var to = self
    var starts = [Int](repeating: 0, count: 1 << digitBits)
    for shift in stride(from: 0, to: Int64.bitWidth - longest.leadingZeroBitCount, by: digitBits) {
      from.withUnsafeBufferPointer { from in
        to.withUnsafeMutableBufferPointer { to in
          starts.withUnsafeMutableBufferPointer { starts in
            func digit(_ gap: TokenGaps.Gap) -> Int {
              Int(truncatingIfNeeded: gap.nanoseconds &>> Int64(shift)) & (1 << digitBits - 1)
            }
            starts.update(repeating: 0)
            for gap in from { starts[digit(gap)] &+= 1 }
            var start = 0
            for index in starts.indices { (starts[index], start) = (start, start + starts[index]) }
            for gap in from {
              let place = digit(gap)
              to[starts[place]] = gap
              starts[place] &+= 1
            }
          }
        }
      }
      swap(&from, &to)
    }
    return from
  }
}
