import Messages
import SimulationKernel
import Statistics
import Workload

/// What caches of KV blocks find of a trace, by size and by tier, and what that is worth.
package struct CacheStudy: Sendable {
  package var trace: Trace
  /// Tokens of a block of the cache.
  package var blockTokens: Int
  /// Sizes to look at, in blocks, rising; `nil` for powers of two up to what finds all.
  package var capacities: [Int]?
  package var policies: [BlockReplay.Policy]
  /// Share of the blocks to look at; 1 for all.
  package var sampleRate = 1.0
  /// Below the GPUs' own pool, the fastest first.
  package var tiers: [CacheTier] = []
  /// `nil` where no model and device are given.
  package var prices: PrefillPrices?
  /// Requests per second, for dollars a month; `nil` for the trace's own.
  package var requestRate: Double?

  package init(trace: Trace, blockTokens: Int, policies: [BlockReplay.Policy]) {
    self.trace = trace
    self.blockTokens = blockTokens
    self.policies = policies
  }

  /// A cache size and what it finds.
  package struct Point: Equatable, Sendable {
    package var blocks: Int
    /// Shares of the blocks and of the tokens of all prompts, with least recently used, and their error in a sample.
    package var lruBlocks: MeanInterval
    package var lruTokens: MeanInterval
    /// Shares of the blocks by other policies.
    package var others: [BlockReplay.Policy: Double]
  }

  /// When restoring a prompt takes as long as computing it.
  package struct BreakEven: Equatable, Sendable {
    package var promptTokens: Int
    package var bytes: Double
    package var computeSeconds: Double
    /// Bytes per second above which restoring is faster.
    package var bandwidth: Double { bytes / computeSeconds }
  }

  package struct Answer: Sendable {
    package var blocks: Int
    package var tokens: Int
    package var distinctBlocks: Int
    package var points: [Point]
    /// With a cache without bound.
    package var unbounded: Point
    package var breakEvens: [BreakEven]
    /// What the GPUs' own pool finds; `nil` without ``CacheStudy/prices``.
    package var pool: TierWorth?
    package var tiers: [TierWorth]
    /// Seconds that a replica takes for all prompts without a cache.
    package var prefillSeconds: Double?
    /// Over which requests come; `nil` where that is not known.
    package var spanSeconds: Double?
  }

  /// Looks at the whole trace.
  ///
  /// - Parameter progress: Told how many requests the one pass is done with, all of them at its end; replays follow.
  /// - Throws: ``UserError`` for a trace that does not say what its prompts consist of, for a tier smaller than a block.
  package func run(progress: (_ done: Int) -> Void = { _ in }) throws -> Answer {
    guard let contents = trace.contents else {
      throw UserError(
        "`\(trace.name)` does not say what its prompts consist of: no cache finds anything in it",
        hint:
          "give a trace with `block_hashes`, `prefix_tokens` or `prompt_pieces`, or generate one with "
          + "`kvplan trace generate` and `--turns`")
    }
    let depths = try depths()
    var ledger = TierLedger(self, depths: depths)
    let curve = ReuseCurve(
      trace.requests, contents, blockTokens: blockTokens, rate: sampleRate, depths: depths,
      visit: { request, tokens in
        ledger.take(promptTokens: Int(trace.requests[request].promptTokens), found: tokens)
      }, progress: progress)
    guard curve.distinctBlocks > 0 else {
      throw UserError(
        "`--sample` \(plain(sampleRate)) takes no block of `\(trace.name)`",
        hint: "raise it, or leave it out to look at every block")
    }
    progress(trace.requests.count)
    let sizes = capacities ?? Self.powers(upTo: curve.saturation)
    let points = try points(curve, contents, sizes: sizes + [max(curve.distinctBlocks, 1)])
    return Answer(
      blocks: curve.blocks, tokens: curve.tokens, distinctBlocks: curve.distinctBlocks,
      points: Array(points.dropLast()), unbounded: points[points.count - 1],
      breakEvens: prices.map(breakEvens) ?? [], pool: ledger.worths.first,
      tiers: Array(ledger.worths.dropFirst()), prefillSeconds: ledger.prefillSeconds,
      spanSeconds: spanSeconds)
  }

  /// Sizes of the caches that the pool, and the pool with the tiers down to each, make up.
  private func depths() throws(UserError) -> [Int] {
    guard let prices else { return [] }
    let blockBytes = Double(prices.tokenBytes * blockTokens)
    var depths = [prices.poolTokens / blockTokens]
    for tier in tiers {
      let blocks = Int(tier.bytes / blockBytes)
      guard blocks > 0 else {
        throw UserError(
          "tier `\(tier.name)` of \(plain(tier.gibibytes)) GiB holds no block: one of \(blockTokens) tokens has "
            + "\(Int(blockBytes)) bytes",
          hint: "give it more GiB, or lower `--cache-block-size`")
      }
      depths.append(depths[depths.count - 1] + blocks)
    }
    return depths
  }

  /// At most twelve, the last of which finds all.
  private static func powers(upTo saturation: Int) -> [Int] {
    var sizes = [1]
    while sizes[sizes.count - 1] < saturation { sizes.append(2 * sizes[sizes.count - 1]) }
    return Array(sizes.suffix(12))
  }

  private func points(
    _ curve: ReuseCurve, _ contents: PromptContents, sizes: [Int]
  ) throws -> [Point] {
    let others = policies.filter { $0 != .lru }
    let replay =
      others.isEmpty
      ? nil : BlockReplay(trace.requests, contents, blockTokens: blockTokens)
    return try Parallel.map(sizes) { size in
      var finds: [BlockReplay.Policy: Double] = [:]
      for policy in others {
        let found = replay?.finds(policy, capacity: size).blocks ?? 0
        finds[policy] = Double(found) / Double(max(1, curve.blocks))
      }
      return Point(
        blocks: size, lruBlocks: curve.blockHitRatio(capacity: size),
        lruTokens: curve.tokenHitRatio(capacity: size), others: finds)
    }
  }

  /// Of prompts of 512 tokens and more, up to the longest.
  private func breakEvens(_ prices: PrefillPrices) -> [BreakEven] {
    let longest = trace.requests.reduce(0) { max($0, Int($1.promptTokens)) }
    var lengths: [Int] = []
    var length = 512
    while length < longest {
      lengths.append(length)
      length *= 2
    }
    return (lengths + [longest]).map {
      BreakEven(
        promptTokens: $0, bytes: Double($0 * prices.tokenBytes),
        computeSeconds: prices.seconds(prompt: $0))
    }
  }

  private var spanSeconds: Double? {
    if let requestRate { return Double(trace.requests.count) / requestRate }
    guard trace.hasArrivals, let first = trace.requests.first, let last = trace.requests.last,
      last.arrival > first.arrival
    else { return nil }
    return (last.arrival - first.arrival).seconds
  }
}
