import Foundation
import Messages
import SimulationKernel

/// The distribution of the lengths of one side, prompts or outputs, as users write it.
package enum SideLaw: Equatable, Sendable {
  /// `fixed:512`: always so many tokens.
  case fixed(Int32)
  /// `uniform:10-100`: each length from the first to the second alike.
  case uniform(ClosedRange<Int32>)
  /// `lognormal:300,0.8`: the median in tokens, and σ of the logarithm; rounded, at least 1.
  case lognormal(median: Double, sigma: Double)
  /// `zipf:1.2,4096`: length k from 1 to the second with a probability proportional to k^−exponent.
  case zipf(exponent: Double, max: Int32)

  /// The law that `text` names.
  ///
  /// - Throws: ``UserError`` that says how laws are written.
  package init(parsing text: String) throws(UserError) {
    guard let law = Self.parsed(text) else {
      throw UserError(
        "`\(text)` is no law of lengths",
        hint: "write `fixed:512`, `uniform:10-100`, `lognormal:MEDIAN,SIGMA` or "
          + "`zipf:EXPONENT,MAX`")
    }
    self = law
  }

  private static func parsed(_ text: String) -> SideLaw? {
    let halves = text.split(separator: ":", maxSplits: 1).map(String.init)
    guard halves.count == 2 else { return nil }
    switch halves[0] {
    case "fixed": return Int32(halves[1]).flatMap { $0 > 0 ? .fixed($0) : nil }
    case "uniform":
      let bounds = halves[1].split(separator: "-").compactMap { Int32($0) }
      guard bounds.count == 2, bounds[0] >= 1, bounds[0] <= bounds[1] else { return nil }
      return .uniform(bounds[0]...bounds[1])
    case "lognormal", "zipf":
      let parts = halves[1].split(separator: ",").compactMap { Double($0) }
      guard parts.count == 2, parts.allSatisfy({ $0 >= 0 && $0.isFinite }) else { return nil }
      if halves[0] == "lognormal" {
        // No normal draw lies beyond 8.6: none of a law that passes is too long to be said.
        return parts[0] >= 1 && parts[0] * exp(8.6 * parts[1]) < Double(Int32.max)
          ? .lognormal(median: parts[0], sigma: parts[1]) : nil
      }
      guard let max = Int32(exactly: parts[1]), max >= 1, max <= 1 << 24 else { return nil }
      return .zipf(exponent: parts[0], max: max)
    default: return nil
    }
  }
}

/// Draws lengths of one law from a stream of its own.
struct SideDraws {
  private let law: SideLaw
  private var stream: RandomStream
  /// Probability of a length up to k, at index k − 1; for ``SideLaw/zipf(exponent:max:)``.
  private var cumulative: [Double] = []

  init(_ law: SideLaw, seed: UInt64, label: String) {
    self.law = law
    stream = RandomStream(seed: seed, label: label)
    if case .zipf(let exponent, let max) = law {
      cumulative = zipfCumulative(count: Int(max), exponent: exponent)
    }
  }

  /// - Complexity: O(1), but for zipf O(log max).
  mutating func next() -> Int32 {
    switch law {
    case .fixed(let tokens): return tokens
    case .uniform(let range):
      return range.lowerBound + Int32(stream.below(Int(range.upperBound - range.lowerBound) + 1))
    case .lognormal(let median, let sigma):
      return Int32(max(1, (median * exp(sigma * stream.normal())).rounded()))
    case .zipf: return Int32(1 + rank(stream.uniform(), in: cumulative))
    }
  }
}

/// The cumulative probabilities of ranks 1 to `count`, rank k proportional to k^−`exponent`.
func zipfCumulative(count: Int, exponent: Double) -> [Double] {
  var sum = 0.0
  let sums = (1...count).map { rank in
    sum += pow(Double(rank), -exponent)
    return sum
  }
  return sums.map { $0 / sum }
}

/// The first index whose cumulative probability lies above `u`.
func rank(_ u: Double, in cumulative: [Double]) -> Int {
  var low = 0
  var high = cumulative.count - 1
  while low < high {
    let middle = (low + high) / 2
    if cumulative[middle] > u { high = middle } else { low = middle + 1 }
  }
  return low
}
