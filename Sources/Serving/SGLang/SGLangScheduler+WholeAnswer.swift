import KVMemory

/// Admission where nothing is cached and a request ignores the token that ends an answer: it is known how long each such
/// answer gets, so its end is played forward.
extension SGLangScheduler {
  /// Admits a request if no answer finds the pool full before others have ended and given back their slots.
  ///
  ///     ends, soonest first   |r3|── r1 ──|────── r2 ──────|     with each end all those behind it have grown as much
  ///
  /// - Source: `add_one_req_ignore_eos`, whose own order of later requests is repeated.
  mutating func admitWholeAnswer(_ request: RequestID, _ round: inout SGLangRound)
    -> SGLangRound.Verdict
  {
    let sequence = sequences[Int(request)]
    let tokens = Int(sequence.length)
    let slots = memory.slots(for: tokens) + memory.blockSize
    let left = memory.free + memory.tree.evictable - round.promisedNow
    if Double(slots) > min(Double(left), roomLeft(round)) { return .noRoom }
    let ends = endsOfAnswers(with: request, round)
    round.ends = ends
    var freed = 0
    for (index, end) in ends.enumerated() {
      let growing = ends.count - index
      if Double(left - slots + freed) - end.left * Double(growing) <= Double(growing) {
        return .noRoom
      }
      freed += end.occupied
    }
    guard let chunk = round.chunk, tokens > chunk else {
      return take(request, at: .root, tokens: tokens, reserve: sequence.reserved, &round)
    }
    guard chunk > 0 else { return .spent }
    chunked = request
    return take(request, at: .root, tokens: chunk, reserve: 0, &round)
  }

  /// What is left to generate of each answer, and what its request occupies.
  private func endsOfAnswers(with request: RequestID, _ round: SGLangRound)
    -> [(left: Double, occupied: Int)]
  {
    guard var ends = round.ends else {
      let all = ([request] + running + round.admitted).compactMap { endOfAnswer($0) }
      return all.enumerated().sorted { ($0.element.left, $0.offset) < ($1.element.left, $1.offset) }
        .map(\.element)
    }
    guard let end = endOfAnswer(request) else { return ends }
    // The engine puts the longest one before the last, not behind it.
    let place = ends.firstIndex { $0.left >= end.left } ?? max(ends.count - 1, 0)
    ends.insert(end, at: place)
    return ends
  }

  /// `nil` if nothing is left to generate.
  private func endOfAnswer(_ request: RequestID) -> (left: Double, occupied: Int)? {
    let sequence = sequences[Int(request)]
    let share = sequence.ignoresEOS ? 1 : ratio.value
    let left = Double(sequence.maxNew) * share - Double(sequence.out)
    return left > 0 ? (left, Int(sequence.length)) : nil
  }
}
