/// What a prefix cache has done, since the start of a run or over a part of it.
///
/// Counted when a request is taken from the waiting queue, those that come back after a preemption
/// included: what they computed themselves may still be there.
package struct PrefixCacheTotals: Equatable, Sendable {
  /// Tokens of the requests that were taken from the queue: what could have been found.
  package var queriedTokens = 0
  /// Tokens of them that were found and not computed again.
  package var hitTokens = 0
  /// Cached blocks whose content was lost because the block was needed.
  package var evictedBlocks = 0
  /// What a tier behind it did; `nil` without one.
  package var tier: TierTotals?
  /// What a tier below that did; `nil` without one.
  package var disk: TierTotals?

  package init() {}

  package static func + (one: Self, other: Self) -> Self {
    var sum = one
    sum.queriedTokens += other.queriedTokens
    sum.hitTokens += other.hitTokens
    sum.evictedBlocks += other.evictedBlocks
    if let tier = other.tier { sum.tier = sum.tier.map { $0 + tier } ?? tier }
    if let disk = other.disk { sum.disk = sum.disk.map { $0 + disk } ?? disk }
    return sum
  }

  package static func - (later: Self, earlier: Self) -> Self {
    var difference = later
    difference.queriedTokens -= earlier.queriedTokens
    difference.hitTokens -= earlier.hitTokens
    difference.evictedBlocks -= earlier.evictedBlocks
    if let tier = earlier.tier { difference.tier = difference.tier.map { $0 - tier } }
    if let disk = earlier.disk { difference.disk = difference.disk.map { $0 - disk } }
    return difference
  }
}
