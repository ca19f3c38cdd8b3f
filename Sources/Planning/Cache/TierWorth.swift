import Serving
import Workload

/// What a tier finds that no faster one does, and what restoring it saves.
package struct TierWorth: Equatable, Sendable {
  /// `nil` for the GPUs' own pool, which needs no restoring.
  package var tier: CacheTier?
  /// Blocks of the tier.
  package var blocks: Int
  /// Tokens of prompts that it finds, and no faster one.
  package var tokens = 0
  /// Of them, those whose loading takes less than computing them, and which are restored.
  package var restoredTokens = 0
  /// Seconds of a replica that need not be computed, in full iterations.
  package var savedSeconds = 0.0
  /// Of loading what is restored.
  package var loadSeconds = 0.0

  package init(tier: CacheTier?, blocks: Int) {
    self.tier = tier
    self.blocks = blocks
  }

  /// Dollars of GPU time saved in a month, if all traffic is like the trace.
  ///
  /// - Parameters:
  ///   - prices: Of the GPUs; `nil` comes out where no price is known.
  ///   - spanSeconds: Over which the requests of the trace come.
  package func savedPerMonth(_ prices: PrefillPrices, spanSeconds: Double?) -> Double? {
    guard let spanSeconds, let dollars = prices.dollarsPerGPUHour else { return nil }
    let share = savedSeconds / spanSeconds
    return share * Double(prices.gpus) * dollars * Deployment.hoursPerMonth
  }
}

/// Adds up what each tier finds, request by request.
struct TierLedger {
  private(set) var worths: [TierWorth] = []
  private(set) var prefillSeconds: Double?
  private let table: PrefillTable?
  private let tokenBytes: Double

  /// - Parameter depths: Sizes of the caches that the pool, and the pool with the tiers down to each, make up.
  init(_ study: CacheStudy, depths: [Int]) {
    tokenBytes = Double(study.prices?.tokenBytes ?? 0)
    let longest = study.trace.requests.reduce(1) { max($0, Int($1.promptTokens)) }
    table = study.prices?.table(upTo: longest)
    prefillSeconds = table == nil ? nil : 0
    for (index, depth) in depths.enumerated() {
      let above = index > 0 ? depths[index - 1] : 0
      worths.append(
        TierWorth(tier: index > 0 ? study.tiers[index - 1] : nil, blocks: depth - above))
    }
  }

  /// - Parameter found: Tokens that the pool finds, and the pool with the tiers down to each.
  mutating func take(promptTokens: Int, found: [Int]) {
    guard let table else { return }
    prefillSeconds = (prefillSeconds ?? 0) + table.seconds(promptTokens)
    var above = 0
    for (index, tokens) in found.enumerated() {
      defer { above = tokens }
      guard tokens > above else { continue }
      let computing = table.seconds(tokens) - table.seconds(above)
      let bandwidth = worths[index].tier?.bandwidth ?? .infinity
      let loading = Double(tokens - above) * tokenBytes / bandwidth
      worths[index].tokens += tokens - above
      guard loading < computing else { continue }
      worths[index].restoredTokens += tokens - above
      worths[index].savedSeconds += computing
      worths[index].loadSeconds += loading
    }
  }
}
