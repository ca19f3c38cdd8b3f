import Planning
import Results

/// The page of a reproduction: every number beside the paper's.
package struct ReproductionPage: Sendable {
  package var title: String
  /// The command that made it, as a user would type it.
  package var command: String
  /// What holds for all figures: sources of lengths, prices, seed.
  package var preamble: [String]

  package init(title: String, command: String, preamble: [String]) {
    self.title = title
    self.command = command
    self.preamble = preamble
  }

  /// The page in Markdown; the same text for the same reports.
  package func markdown(_ reports: [FigureReport]) -> String {
    let claims = reports.flatMap(\.claims)
    var lines = ["# \(title)", "", "    \(command)", ""]
    lines += preamble.map { "- \($0)" }
    let counts = [Claim.Verdict.inside, .outside, .notComparable].map { verdict in
      "\(claims.count { $0.verdict == verdict }) \(verdict.rawValue)"
    }
    lines += claims.isEmpty ? [""] : ["", "Verdicts: \(counts.joined(separator: ", ")).", ""]
    lines += misses(claims) + notComparable(claims)
    for report in reports { lines += section(report) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What did not come out, in one place.
  private func misses(_ claims: [Claim]) -> [String] {
    let missed = claims.filter { $0.verdict == .outside }
    guard !missed.isEmpty else { return [] }
    return ["## What did not come out", ""]
      + missed.map { claim in
        let note = claim.note.isEmpty ? "" : ": \(claim.note)"
        return
          "- \(Self.label(claim.figure)), \(claim.quantity): \(Claim.text(claim.ours)), the paper "
          + "has \(claim.paper)\(note)"
      } + [""]
  }

  /// What nothing could be held against, and why. More than three rows of a figure with one reason are counted: their
  /// values stand in the figure's table.
  private func notComparable(_ claims: [Claim]) -> [String] {
    var groups: [[Claim]] = []
    for claim in claims where claim.verdict == .notComparable {
      if let group = groups.firstIndex(where: {
        $0[0].figure == claim.figure && $0[0].note == claim.note
      }) {
        groups[group].append(claim)
      } else {
        groups.append([claim])
      }
    }
    guard !groups.isEmpty else { return [] }
    return ["## What is not comparable", ""]
      + groups.flatMap { $0.count > 3 ? [Self.counted($0)] : $0.map(Self.listed) } + [""]
  }

  private static func listed(_ claim: Claim) -> String {
    "- \(label(claim.figure)), \(claim.quantity): \(Claim.text(claim.ours))"
      + (claim.note.isEmpty ? "" : "; \(claim.note)")
  }

  private static func counted(_ claims: [Claim]) -> String {
    let reason = claims[0].note.isEmpty ? "the paper has no numbers for them" : claims[0].note
    return "- \(label(claims[0].figure)), \(claims.count) rows; \(reason)"
  }

  /// `23 of 31 comparable rows are inside, 74 %; 4 are not comparable`.
  package static func verdicts(_ claims: [Claim]) -> String {
    let inside = claims.count { $0.verdict == .inside }
    let comparable = claims.count { $0.verdict != .notComparable }
    let others = claims.count - comparable
    let share =
      comparable == 0
      ? ""
      : ", \(Digits.fixed(100 * Double(inside) / Double(comparable), decimals: 0)) %"
    return "\(inside) of \(comparable) comparable rows are inside\(share)"
      + (others == 0 ? "" : "; \(others) \(others == 1 ? "is" : "are") not comparable")
  }

  private func section(_ report: FigureReport) -> [String] {
    var lines = ["## \(report.title)", ""]
    if report.figure != nil { lines += ["![\(report.title)](\(report.fileName).svg)", ""] }
    lines += report.claims.isEmpty ? Self.table(report.data) : Self.table(report.claims)
    lines.append("")
    lines += report.remarks.flatMap { [$0, ""] }
    return lines
  }

  private static func table(_ claims: [Claim]) -> [String] {
    var lines = [
      "| quantity | paper | ours | ratio | verdict | note |", "|---|---|---|---|---|---|",
    ]
    for claim in claims {
      let ratio = claim.ratio.map { Digits.fixed($0, decimals: 2) } ?? ""
      let cells = [
        claim.quantity, claim.paper, Claim.text(claim.ours), ratio, claim.verdict.rawValue,
        claim.note,
      ]
      lines.append("| \(cells.joined(separator: " | ")) |")
    }
    return lines
  }

  private static func table(_ data: DataTable) -> [String] {
    let rule = data.columns.map { _ in "---" }
    return ([data.columns, rule] + data.rows).map { "| \($0.joined(separator: " | ")) |" }
  }

  private static func label(_ figure: String) -> String {
    switch figure {
    case "table1": "Table 1"
    case VAttentionReport.figure: "vAttention"
    case AVMPReport.figure: "AVMP"
    case SparsePrefixReport.figure: "Sparse prefix caching"
    case JengaReport.figure: "Jenga"
    case SpeculationReport.figure: "Speculation"
    case OverlapReport.figure: "Overlap"
    case TiersReport.figure: "Tiers"
    case DisaggregationReport.figure: "Disaggregation"
    case SLOReport.figure: "Order of service"
    case SLoRAReport.figure: "S-LoRA"
    case PrismReport.figure: "Prism"
    default: "Figure \(figure)"
    }
  }
}
