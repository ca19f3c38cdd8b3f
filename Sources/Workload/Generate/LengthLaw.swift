/// A set of requests whose lengths kvplan can imitate.
package enum LengthPreset: String, CaseIterable, Sendable {
  /// Chat conversations: long outputs, prompts from a word to pages.
  case sharegpt
  /// Instructions: short prompts and outputs.
  case alpaca
  /// A chat service: prompts of pages, answers of a page.
  case azureConversation = "azure-conv"
  /// Code completion: long prompts, answers of a line.
  case azureCode = "azure-code"
  /// A chat service for long documents.
  case mooncakeConversation = "mooncake-conversation"
  /// Summaries of papers.
  case arxiv
  /// Four models of one platform.
  case servegenLarge = "servegen-m-large"
  case servegenMid = "servegen-m-mid"
  case servegenSmall = "servegen-m-small"
  case servegenR1 = "servegen-deepseek-r1"

  package var law: LengthLaw {
    switch self {
    case .sharegpt: .sharegpt
    case .alpaca: .alpaca
    case .azureConversation: .azureConversation
    case .azureCode: .azureCode
    case .mooncakeConversation: .mooncakeConversation
    case .arxiv: .arxiv
    case .servegenLarge: .servegenLarge
    case .servegenMid: .servegenMid
    case .servegenSmall: .servegenSmall
    case .servegenR1: .servegenR1
    }
  }
}

/// The joint distribution of the prompt and output lengths of a set of requests: a quantile
/// function for each, linear between knots, and a Gaussian copula that ties them.
///
///     probabilities      0 ─── 0.0025 ─── … ─── 0.999 ─── 1
///     promptQuantiles    tokens at those probabilities, ascending
///
/// Knots made from data stand on its smoothed quantile function, where a length n that has the
/// probabilities a to b runs from n − ½ at a to n + ½ at b: rounding then gives n its share.
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
