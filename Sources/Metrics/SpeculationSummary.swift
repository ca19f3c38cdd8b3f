import Serving

/// What came of drafts in iterations that ended inside the window; those that only fill an iteration up are not counted.
package struct SpeculationSummary: Equatable, Sendable {
  /// Iterations of a sequence in which drafts were verified, at least 1.
  package var verifications: Int
  /// Tokens that were drafted and verified.
  package var draftTokens: Int
  package var acceptedTokens: Int
  /// By position, the share of verifications that accepted the draft there, and so all before it.
  package var acceptedAt: [Double]
  /// Output tokens that a sequence gets from an iteration, over iterations in which any verifies drafts: below
  /// ``acceptanceLength`` by first tokens, by sequences without drafts, and by drafts beyond a sequence's end.
  package var tokensPerStep: Double

  package init(
    verifications: Int, draftTokens: Int, acceptedTokens: Int, acceptedAt: [Double],
    tokensPerStep: Double
  ) {
    self.verifications = verifications
    self.draftTokens = draftTokens
    self.acceptedTokens = acceptedTokens
    self.acceptedAt = acceptedAt
    self.tokensPerStep = tokensPerStep
  }

  /// Tokens of a verification in the mean, the one that the model adds included.
  package var acceptanceLength: Double { 1 + Double(acceptedTokens) / Double(verifications) }
  /// Accepted by verified drafts.
  package var acceptanceRate: Double { Double(acceptedTokens) / Double(draftTokens) }

  /// `nil` where no draft was verified.
  init?(_ totals: DraftTotals) {
    guard totals.verifications > 0, totals.yields > 0 else { return nil }
    self.init(
      verifications: totals.verifications, draftTokens: totals.drafts,
      acceptedTokens: totals.accepted,
      acceptedAt: totals.acceptedAt.map { Double($0) / Double(totals.verifications) },
      tokensPerStep: Double(totals.tokens) / Double(totals.yields))
  }
}
