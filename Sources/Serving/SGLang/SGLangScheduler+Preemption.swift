import KVMemory

/// Preemption by priority: only where as many requests run as may, never for want of slots.
extension SGLangScheduler {
  /// Takes the slots of running requests that are worse than a waiting one, until it has room.
  ///
  /// - Returns: Whether there were such.
  mutating func preempt(for request: RequestID, _ round: inout SGLangRound) -> Bool {
    let better = sequences[Int(request)]
    var needed =
      Double(Int(better.triedLength - better.prefix) + better.reserved) - roomLeft(round)
    let candidates = running.filter { sequences[Int($0)].isInFlight }.sorted { a, b in
      let (one, two) = (sequences[Int(a)], sequences[Int(b)])
      let (worse, less) = (one.worseness(options), two.worseness(options))
      return worse != less ? worse > less : one.entry > two.entry
    }
    var victims: [RequestID] = []
    for candidate in candidates {
      let worse = sequences[Int(candidate)]
      guard better.isBetter(than: worse, by: options.preemptionThreshold, options) else { break }
      victims.append(candidate)
      needed -= worse.expected(ratio.value, after: worse.out)
      if needed <= 0 { break }
    }
    guard !victims.isEmpty && needed <= 0 else { return false }
    let before = running.count
    for (index, victim) in running.filter({ victims.contains($0) }).enumerated() {
      let worse = sequences[Int(victim)]
      round.promised -= worse.expected(ratio.value, after: worse.out)
      round.preempted.append(victim)
      pass.preempted.append(giveUp(victim, left: before - index - 1))
    }
    running.removeAll { victims.contains($0) }
    return true
  }
}
