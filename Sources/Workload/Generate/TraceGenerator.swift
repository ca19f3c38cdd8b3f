import Foundation
import Messages
import SimulationKernel

/// Makes traces that resemble a real set of requests, from the figures of a ``LengthLaw``.
package enum TraceGenerator {
  /// Partners tried for one pair that is too long, before it is drawn again.
  private static let repairTriesMax = 1024

  /// Draws `count` requests without arrivals; the same arguments give the same trace.
  ///
  /// Each request takes two normal numbers z₁, z₂ and the law's correlation ρ:
  ///
  ///     u = Φ(z₁)                         prompt = Q_prompt(u)
  ///     v = Φ(ρ z₁ + √(1 − ρ²) z₂)        output = Q_output(v), both rounded, at least 1
  ///
  /// The copula does not know that prompt and output together must stay within the law's
  /// ``LengthLaw/totalTokensMax``: about 1.1 % of the ShareGPT pairs do not. Clamping those would
  /// pull the p99 of the outputs down by 2.5 %, and drawing them again would thin out long prompts
  /// and long outputs. So each such pair exchanges its output with that of another pair, drawn at
  /// random among those for which both pairs then fit. The lengths drawn stay exactly the same,
  /// prompts and outputs each; only who has which changes. Where no partner is found, as in a trace
  /// of very few requests, the pair is drawn again until it fits.
  ///
  /// The exchange loosens the tie between ranks: ShareGPT's rank correlation comes out near 0.17,
  /// not 0.21. A larger ρ would mend that figure and spoil what a cache feels: as it is, the mean
  /// of prompt × output + output² / 2, the KV token-iterations that a request holds, is the real
  /// one but for sampling.
  ///
  /// Draws come from the streams `lengths` and `cap-repair` of `seed`. The trace is named by the
  /// preset.
  ///
  /// - Throws: ``UserError`` where `count` is not positive.
  /// - Complexity: O(`count`).
  package static func generate(
    preset: LengthPreset, count: Int, seed: UInt64
  ) throws(UserError) -> Trace {
    try checkRequestCount(count)
    let law = preset.law
    var draws = RandomStream(seed: seed, label: "lengths")
    var requests: [Request] = []
    requests.reserveCapacity(count)
    for _ in 0..<count { requests.append(law.draw(from: &draws)) }
    var repairs = RandomStream(seed: seed, label: "cap-repair")
    repair(&requests, law: law, draws: &repairs)
    return Trace(name: preset.rawValue, requests: requests, hasArrivals: false)
  }

  /// Makes every pair fit the law's cap; see ``generate(preset:count:seed:)``.
  private static func repair(
    _ requests: inout [Request], law: LengthLaw, draws: inout RandomStream
  ) {
    func fits(_ prompt: Int32, _ output: Int32) -> Bool {
      Int(prompt) + Int(output) <= Int(law.totalTokensMax)
    }
    for index in requests.indices {
      let long = requests[index]
      if fits(long.promptTokens, long.outputTokens) { continue }
      var tries = 0
      repeat {
        let partner = draws.below(requests.count)
        let other = requests[partner]
        if fits(long.promptTokens, other.outputTokens), fits(other.promptTokens, long.outputTokens)
        {
          requests[index].outputTokens = other.outputTokens
          requests[partner].outputTokens = long.outputTokens
          break
        }
        tries += 1
      } while tries < repairTriesMax
      while !fits(requests[index].promptTokens, requests[index].outputTokens) {
        requests[index] = law.draw(from: &draws)
      }
    }
  }
}

extension LengthLaw {
  /// Draws one pair, without regard to ``totalTokensMax``.
  func draw(from stream: inout RandomStream) -> Request {
    let z1 = stream.normal()
    let z2 = stream.normal()
    let u = normalProbability(z1)
    let v = normalProbability(
      correlation * z1 + (1 - correlation * correlation).squareRoot() * z2)
    return Request(
      promptTokens: Self.tokens(at: u, probabilities, promptQuantiles),
      outputTokens: Self.tokens(at: v, probabilities, outputQuantiles))
  }

  /// The quantile at `u`, linear between knots, rounded half up, at least 1.
  private static func tokens(
    at u: Double, _ probabilities: [Double], _ quantiles: [Double]
  ) -> Int32 {
    var low = 0
    var high = probabilities.count - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if probabilities[middle] <= u { low = middle } else { high = middle }
    }
    let fraction = (u - probabilities[low]) / (probabilities[high] - probabilities[low])
    let length = quantiles[low] + fraction * (quantiles[high] - quantiles[low])
    return max(1, Int32((length + 0.5).rounded(.down)))
  }
}

/// Φ, the distribution function of the standard normal.
private func normalProbability(_ z: Double) -> Double { 0.5 * erfc(-z * 0.5.squareRoot()) }
