import KVMemory

/// The head of the queue is asked about in every iteration until it finds room. What was answered last is answered again
/// as long as it holds.
extension OffloadingConnector {
  /// What ``lookUp(_:found:in:)`` said.
  struct Answer: Sendable {
    var sequence: ConnectedSequence
    var found: Int
    fileprivate var watch: Int
    fileprivate var readingChanges: Int
    var end: Int?
  }

  /// The last answer, if a look-up would find the same.
  var answerThatHolds: Answer? {
    guard let last = lastAnswer, last.watch == tiers.watch, last.readingChanges == readingChanges
    else { return nil }
    return last
  }

  mutating func answer<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, found: Int, in memory: inout Memory
  ) -> Int? {
    if let last = answerThatHolds, last.sequence == sequence, last.found == found {
      return last.end
    }
    let end = lookUp(sequence, found: found, in: &memory)
    lastAnswer = nil
    // A look-up over several groups misses more than one chunk; one of a sequence with jobs has looked at nothing.
    if groups.count == 1, groups[0].window == nil, states[sequence.number]?.jobs.isEmpty ?? false,
      let watch = tiers.watch
    {
      lastAnswer = Answer(
        sequence: sequence, found: found, watch: watch, readingChanges: readingChanges, end: end)
    }
    return end
  }
}
