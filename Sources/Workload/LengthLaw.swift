/// A set of requests whose lengths kvplan can imitate.
package enum LengthPreset: String, CaseIterable, Sendable {
  /// Chat conversations: long outputs, prompts from a word to pages.
  case sharegpt
  /// Instructions: short prompts and outputs.
  case alpaca

  package var law: LengthLaw {
    switch self {
    case .sharegpt: .sharegpt
    case .alpaca: .alpaca
    }
  }
}

/// The joint distribution of the prompt and output lengths of a set of requests: a quantile
/// function for each, linear between knots, and a Gaussian copula that ties them.
///
///     probabilities      0 ─── 0.0025 ─── … ─── 0.999 ─── 1
///     promptQuantiles    tokens at those probabilities, ascending
package struct LengthLaw: Equatable, Sendable {
  /// Ascending, from 0 to 1.
  let probabilities: [Double]
  /// Prompt tokens at ``probabilities``. Knots are fractional: a length is the nearest integer.
  let promptQuantiles: [Double]
  /// Output tokens at ``probabilities``.
  let outputQuantiles: [Double]
  /// ρ of the Gaussian copula, in (−1, 1).
  let correlation: Double
  /// The most tokens that prompt and output may have together.
  let totalTokensMax: Int32
}
