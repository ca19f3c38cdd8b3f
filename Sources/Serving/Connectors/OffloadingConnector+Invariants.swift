extension OffloadingConnector {
  /// Describes the first law that is broken; `nil` if all hold: what would be answered again is what a look-up finds.
  func brokenInvariant<Memory: TokenBudgetMemory>(in memory: inout Memory) -> String? {
    guard let last = answerThatHolds else { return nil }
    var other = self
    let end = other.lookUp(last.sequence, found: last.found, in: &memory)
    guard end != last.end else { return nil }
    func text(_ end: Int?) -> String { end.map { "\($0) tokens" } ?? "unknown" }
    return "OffloadingConnector: sequence \(last.sequence.number) was answered \(text(last.end)) "
      + "and finds \(text(end))"
  }
}
