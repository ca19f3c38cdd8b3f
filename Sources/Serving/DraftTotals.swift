/// What came of drafts; those that only fill an iteration up are not counted.
package struct DraftTotals: Equatable, Sendable {
  /// Verifications: iterations of a sequence with drafts.
  package private(set) var verifications = 0
  /// Tokens that were drafted and verified.
  package private(set) var drafts = 0
  /// By position, how many were accepted.
  package private(set) var acceptedAt: [Int] = []
  /// In iterations with drafts: sequences that yielded, and the tokens that they did.
  package private(set) var yields = 0
  package private(set) var tokens = 0

  /// Drafts that were accepted.
  package var accepted: Int { acceptedAt.reduce(0, +) }

  /// Adds what an iteration yielded that has ended.
  mutating func add(_ plan: IterationPlan) {
    for drafted in plan.drafted where !drafted.isPadding {
      verifications += 1
      drafts += Int(drafted.drafts)
      reach(Int(drafted.drafts))
      for position in 0..<Int(drafted.accepted) { acceptedAt[position] += 1 }
    }
    for scheduled in plan.scheduled where scheduled.emittedTokens > 0 {
      yields += Int(scheduled.emittedTokens - scheduled.acceptedTokens)
      tokens += Int(scheduled.emittedTokens)
    }
  }

  mutating func add(_ other: DraftTotals) {
    verifications += other.verifications
    drafts += other.drafts
    yields += other.yields
    tokens += other.tokens
    reach(other.acceptedAt.count)
    for (position, count) in other.acceptedAt.enumerated() { acceptedAt[position] += count }
  }

  private mutating func reach(_ positions: Int) {
    while acceptedAt.count < positions { acceptedAt.append(0) }
  }
}
