import Planning
import Results

/// A number that a paper states, beside ours.
package struct Claim: Equatable, Sendable {
  /// What the paper says, and how near we have to come.
  package enum Expectation: Equatable, Sendable {
    /// A printed number, and the distance that counts as reproduced, in the number's own unit.
    case value(Double, within: Double)
    /// A stated span; inside it counts as reproduced.
    case span(ClosedRange<Double>)
    /// The paper states nothing that a number could be held against.
    case nothing
  }

  package enum Verdict: String, Sendable {
    case inside, outside
    case notComparable = "not-comparable"
  }

  /// The figure or table, as users name it: `2`, `12`, `table1`.
  package var figure: String
  /// What it is a number of, with its unit.
  package var quantity: String
  package var expectation: Expectation
  package var ours: Double
  /// Why it differs, where it does, or where the paper's number comes from.
  package var note: String

  package init(
    _ figure: String, _ quantity: String, _ expectation: Expectation, ours: Double,
    note: String = ""
  ) {
    self.figure = figure
    self.quantity = quantity
    self.expectation = expectation
    self.ours = ours
    self.note = note
  }

  /// A tolerance given as a share of the printed number.
  package static func relative(_ value: Double, _ share: Double) -> Expectation {
    .value(value, within: value.magnitude * share)
  }

  package var verdict: Verdict {
    switch expectation {
    case .value(let paper, let tolerance):
      (ours - paper).magnitude <= tolerance ? .inside : .outside
    case .span(let span): span.contains(ours) ? .inside : .outside
    case .nothing: .notComparable
    }
  }

  /// Ours by the paper's; `nil` for a span, for a number that is zero, and where there is none.
  package var ratio: Double? {
    guard case .value(let paper, _) = expectation, paper != 0 else { return nil }
    return ours / paper
  }

  /// The paper's number as text; a span as `1.7-2.7`.
  package var paper: String {
    switch expectation {
    case .value(let paper, _): Self.text(paper)
    case .span(let span): "\(Self.text(span.lowerBound))-\(Self.text(span.upperBound))"
    case .nothing: ""
    }
  }

  /// Two places behind the point, less the zeros at the end.
  static func text(_ value: Double) -> String {
    var text = Substring(Digits.fixed(value, decimals: 2))
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
  }
}

/// `summary.csv` of a reproduction.
package enum ClaimsCSV {
  package static func text(_ claims: [Claim]) -> String {
    let header = "figure,quantity,paper,ours,ratio,verdict,note\n"
    return header
      + claims.map { claim in
        let ratio = claim.ratio.map { Digits.fixed($0, decimals: 3) } ?? ""
        let fields = [
          claim.figure, claim.quantity, claim.paper, Claim.text(claim.ours), ratio,
          claim.verdict.rawValue, claim.note,
        ]
        return fields.map(CSVField.quoted).joined(separator: ",") + "\n"
      }.joined()
  }
}
