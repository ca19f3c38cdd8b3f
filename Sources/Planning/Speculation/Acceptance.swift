import Foundation
import Messages
import ModelFiles

/// How many drafts a model accepts, as users say it (`--acceptance`).
///
///     0.8,0.6,0.45      by position: the share of verifications that accept the draft there, and so all before it
///     geometric:0.8     each draft behind accepted ones with the same share: 0.8, 0.64, 0.51, …
///     length:2.4        tokens of a verification in the mean: the first draft always, the second in 40 % of cases
package enum Acceptance: Equatable, Sendable {
  case byPosition([Double])
  case geometric(Double)
  /// The first drafts always, the next as often as it takes, the others never.
  ///
  /// - Source: vLLM's synthetic acceptance for a mean length.
  case length(Double)

  /// - Throws: ``UserError`` for what is none of the three, for shares beyond 0 to 1, and for shares that rise.
  package init(_ text: String) throws(UserError) {
    let words = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    if words.count == 2 {
      guard let number = Double(words[1]), number.isFinite else { throw Self.unreadable(text) }
      switch words[0] {
      case "geometric": self = .geometric(number)
      case "length": self = .length(number)
      default: throw Self.unreadable(text)
      }
    } else {
      var shares: [Double] = []
      for word in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let share = Double(word), share.isFinite else { throw Self.unreadable(text) }
        shares.append(share)
      }
      self = .byPosition(shares)
    }
    try check()
  }

  private static func unreadable(_ text: String) -> UserError {
    UserError(
      "`--acceptance` must be shares by position, `geometric:` and a share, or `length:` and a number of tokens, "
        + "found `\(printable(text))`",
      hint: "such as `0.8,0.6`, `geometric:0.8` or `length:2.4`")
  }

  private func check() throws(UserError) {
    switch self {
    case .geometric(let share):
      guard (0...1).contains(share) else {
        throw UserError("`--acceptance geometric:` takes a share from 0 to 1, found \(share)")
      }
    case .length(let tokens):
      guard tokens >= 1 else {
        throw UserError(
          "`--acceptance length:` takes at least 1, the token that a verification always gives, found \(tokens)"
        )
      }
    case .byPosition(let shares):
      for (index, share) in shares.enumerated() {
        guard (0...1).contains(share) else {
          throw UserError(
            "`--acceptance`: the share of position \(index + 1) is \(share), and shares lie from 0 to 1"
          )
        }
        guard index == 0 || share <= shares[index - 1] else {
          throw UserError(
            "`--acceptance`: the share of position \(index + 1), \(share), is above that of position \(index), "
              + "\(shares[index - 1]): a draft is accepted only with all before it",
            hint:
              "give shares of all verifications, as vLLM logs them; `geometric:` takes that of drafts behind "
              + "accepted ones")
        }
      }
    }
  }

  /// As ``init(_:)`` reads it.
  package var text: String {
    switch self {
    case .byPosition(let shares): shares.map { "\($0)" }.joined(separator: ",")
    case .geometric(let share): "geometric:\(share)"
    case .length(let tokens): "length:\(tokens)"
    }
  }

  /// By position, the share of verifications that accept the draft there and all before it.
  ///
  /// - Throws: ``UserError`` where it says nothing of some drafts, or promises more tokens than there are.
  package func cumulative(_ drafts: Int) throws(UserError) -> [Double] {
    switch self {
    case .geometric(let share): return (1...drafts).map { pow(share, Double($0)) }
    case .length(let tokens):
      guard tokens <= Double(1 + drafts) else {
        throw UserError(
          "`--acceptance length:\(tokens)` is more than the \(1 + drafts) tokens of a verification of \(drafts) "
            + "\(drafts == 1 ? "draft" : "drafts")",
          hint: "raise the number of drafts, or give at most \(1 + drafts)")
      }
      return (1...drafts).map { min(max(tokens - Double($0), 0), 1) }
    case .byPosition(let shares):
      guard shares.count >= drafts else {
        throw UserError(
          "`--acceptance` has \(shares.count) \(shares.count == 1 ? "position" : "positions"), and \(drafts) tokens "
            + "are drafted",
          hint: "give a share for each, or `geometric:` and one share for all")
      }
      return Array(shares.prefix(drafts))
    }
  }
}
