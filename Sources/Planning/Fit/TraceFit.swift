import CostModel
import Messages
import Statistics
import Workload

/// How many requests of a trace's lengths a KV pool holds side by side.
///
/// A request counts as one sequence, alone: what a prefix cache or parallel samples share is not known here.
package struct TraceFit: Equatable, Sendable {
  /// Requests of one length, or the mean of all.
  package struct Row: Equatable, Sendable {
    package var name: String
    /// Prompt and output; half of the output in the first row.
    package var tokens: Double
    /// All groups.
    package var blocks: Double
    /// By groups of the cache, equal groups once and together (``KVCacheSpec/countedGroups``).
    package var groupBlocks: [Double]
    /// How many the pool holds, the last in part.
    package var sequences: Double
  }

  package let requests: Int
  /// Requests longer than the longest sequence, which the engine refuses; they are counted all the same.
  package let tooLong: Int
  /// Requests with several sequences, which are counted as one.
  package let forking: Int
  package let rows: [Row]

  /// - Throws: ``UserError`` for a trace without requests.
  package init(_ trace: Trace, capacity: KVCapacity, modelLength: Int) throws(UserError) {
    guard !trace.requests.isEmpty else { throw UserError("`\(trace.name)` has no requests") }
    let lengths = trace.requests.map { Int($0.promptTokens) + Int($0.outputTokens) }
    let sorted = lengths.map(Double.init).sorted()
    func atEnd(_ length: Int) -> [Double] { capacity.blocksByGroup(length, atMost: true) }
    func row(_ name: String, _ tokens: Double, _ blocks: [Double]) -> Row {
      let sum = blocks.reduce(0, +)
      return Row(
        name: name, tokens: tokens, blocks: sum, groupBlocks: blocks,
        sequences: Double(capacity.usableBlocks) / sum)
    }
    func mean(_ name: String, _ tokens: [Int], _ blocks: (Int) -> [Double]) -> Row {
      // Equal lengths take the same; traces repeat few of them.
      var known: [Int: [Double]] = [:]
      var sums = Array(repeating: 0.0, count: capacity.cache.countedGroups.count)
      for length in tokens {
        let taken = known[length] ?? blocks(length)
        known[length] = taken
        for group in sums.indices { sums[group] += taken[group] }
      }
      let count = Double(tokens.count)
      return row(name, Double(tokens.reduce(0, +)) / count, sums.map { $0 / count })
    }
    let halfway = trace.requests.map { Int($0.promptTokens) + Int($0.outputTokens) / 2 }
    rows =
      [
        mean("mean, half of the output", halfway) { capacity.blocksByGroup($0, atMost: false) },
        mean("mean", lengths, atEnd),
      ]
      + [("p50", 0.5), ("p90", 0.9), ("max", 1)].map { name, share in
        let length = Quantile.nearestRankAbove(share, ofSorted: sorted)
        return row(name, length, atEnd(Int(length)))
      }
    requests = lengths.count
    tooLong = lengths.count { $0 > modelLength }
    forking = trace.requests.count { $0.sequenceCount > 1 }
  }

  /// What to tell users of what the figures leave out.
  package func warnings(_ trace: Trace, modelLength: Int) -> [String] {
    var warnings: [String] = []
    if tooLong > 0 {
      warnings.append(
        "\(tooLong) of \(requests) requests of `\(trace.name)` are longer than `--max-model-len` "
          + "\(modelLength): the engine refuses them, the figures count them")
    }
    if forking > 0 {
      warnings.append(
        "\(forking) of \(requests) requests of `\(trace.name)` have several sequences: each counts as one"
      )
    }
    return warnings
  }
}

extension KVCapacity {
  /// Blocks of a sequence by groups, equal groups together: those of `tokens` computed tokens, or what the engine counts
  /// for a sequence that grows to them.
  fileprivate func blocksByGroup(_ tokens: Int, atMost: Bool) -> [Double] {
    cache.countedGroups.map { group, count in
      let blocks: Int
      if !atMost {
        blocks = group.blocks(forTokens: tokens)
      } else if cache.countsNullBlock {
        blocks = group.blocksReserved(forTokens: tokens, inFlight: inFlight)
      } else {
        blocks = group.blocksMax(forTokens: tokens, inFlight: inFlight)
      }
      return Double(count * blocks)
    }
  }
}
