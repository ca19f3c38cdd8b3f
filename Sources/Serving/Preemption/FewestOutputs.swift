extension VictimPolicy {
  /// - Source: the order in which SGLang's scheduler retracts (`schedule_batch.py` of 0.4 and 0.5); of equals we take
  ///   the one that was admitted last.
  package static let fewestOutputs = VictimPolicy(
    name: "fewest-outputs",
    summary: "the sequence with the fewest output tokens, of those the one with the longest prompt"
  ) { running in
    running.indices.reduce(0) { victim, place in
      let (a, b) = (running[victim], running[place])
      let isNext =
        (b.generatedTokens, -b.promptTokens) <= (a.generatedTokens, -a.promptTokens)
      return isNext ? place : victim
    }
  }
}
