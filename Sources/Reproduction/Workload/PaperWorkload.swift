import SimulationKernel
import Workload

/// A workload of the PagedAttention paper's experiments.
package enum PaperWorkload: Hashable, Sendable {
  /// ShareGPT or Alpaca pairs, one sample each.
  case sharegpt
  case alpaca
  /// Alpaca pairs with `n` samples each.
  case parallel(Int32)
  /// Alpaca pairs with a beam search of this width.
  case beam(Int32)
  /// Chatbot turns: the last 1,024 tokens of the conversation, at most 1,016 of reply.
  case chatbot
  /// Translation from English to German behind a prefix that all requests share.
  case translation(TranslationPrefix)
}

/// Instruction and examples ahead of each sentence to translate (the paper's §6.4).
package enum TranslationPrefix: String, CaseIterable, Sendable {
  case oneShot = "1-shot"
  case fiveShot = "5-shot"

  /// Tokens of the prefix, as printed in the paper.
  package var tokens: Int {
    switch self {
    case .oneShot: 80
    case .fiveShot: 341
    }
  }

  /// Tokens of it that are stored once: whole blocks only. The rest is part of each prompt.
  package func sharedTokens(blockSize: Int) -> Int { tokens / blockSize * blockSize }
}

/// The length pairs that the experiments draw from, in file order.
package struct PaperTraces: Sendable {
  package var sharegpt: Trace
  package var alpaca: Trace
  /// Turns of conversations, with whole histories as prompts; `nil` where only single turns are known.
  package var turns: Trace?

  /// - Parameter alpaca: Scaled here to the means that the paper prints; see ``scaled(_:prompt:output:)``.
  package init(sharegpt: Trace, alpaca: Trace, turns: Trace? = nil) {
    self.sharegpt = sharegpt
    self.alpaca = Self.scaled(alpaca, prompt: 19.31, output: 58.45)
    self.turns = turns
  }

  /// The same pairs with every length multiplied so that the means are those given, in tokens.
  ///
  /// Alpaca is at hand in part or as a stand-in only, a few per cent short of the paper's means. Factors
  /// keep what belongs together together. What rounding takes from one length goes to the next, so that
  /// the means come out; no length falls below 1.
  static func scaled(_ trace: Trace, prompt: Double, output: Double) -> Trace {
    var trace = trace
    trace.requests.removeAll { $0.outputTokens < 1 }
    let count = Double(max(1, trace.requests.count))
    let promptFactor = prompt * count / trace.requests.reduce(0) { $0 + Double($1.promptTokens) }
    let outputFactor = output * count / trace.requests.reduce(0) { $0 + Double($1.outputTokens) }
    var carried = (prompt: 0.0, output: 0.0)
    func scale(_ tokens: inout Int32, _ factor: Double, _ carried: inout Double) {
      let wanted = Double(tokens) * factor + carried
      tokens = Int32(max(1, wanted.rounded()))
      carried = wanted - Double(tokens)
    }
    for index in trace.requests.indices {
      scale(&trace.requests[index].promptTokens, promptFactor, &carried.prompt)
      scale(&trace.requests[index].outputTokens, outputFactor, &carried.output)
    }
    return trace
  }

  /// The requests of one experiment, as the artifact makes them.
  ///
  ///     pairs with prompt + output < 2048, in file order   a b c d …
  ///     repeated or cut to the number of arrivals           a b c
  ///     shuffled                                            b c a
  ///     arrivals: Poisson in quanta of 10 ms                0.00 0.04 0.04
  ///
  /// So a short run uses the first rows of the file only, and requests of one quantum arrive together.
  ///
  /// - Parameters:
  ///   - rate: Requests per second, positive.
  ///   - seconds: How long requests arrive.
  /// - Source: the SOSP'23 artifact, draw by draw: numpy's Poisson numbers and Python's shuffle from the
  ///   same seed. At 4 req/s for 900 s, seed 0 gives its 3,604 requests.
  package func requests(
    _ workload: PaperWorkload, rate: Double, seconds: Double, seed: UInt64
  ) -> [Request] {
    let seed = UInt32(truncatingIfNeeded: seed)
    let arrivals = Self.arrivals(rate: rate, seconds: seconds, seed: seed)
    let rows = rows(workload, count: arrivals.count, seed: seed)
    guard !rows.isEmpty else { return [] }
    var requests = arrivals.indices.map { rows[$0 % rows.count] }
    var order = MersenneTwister(pythonSeed: seed)
    order.shuffle(&requests)
    for (index, arrival) in arrivals.enumerated() { requests[index].arrival = arrival }
    return requests
  }

  /// The pairs of a workload before they are repeated or cut.
  private func rows(
    _ workload: PaperWorkload, count: Int, seed: UInt32
  ) -> [Request] {
    switch workload {
    case .sharegpt: return Self.short(sharegpt.requests)
    case .alpaca: return Self.short(alpaca.requests)
    case .parallel(let samples):
      return Self.short(alpaca.requests).map { row in
        Request(
          promptTokens: row.promptTokens, outputTokens: row.outputTokens, samples: samples)
      }
    case .beam(let width):
      return Self.short(alpaca.requests).map { row in
        Request(
          promptTokens: row.promptTokens, outputTokens: row.outputTokens, beamWidth: width)
      }
    case .chatbot: return ChatbotTurns.rows(turns: turns, pairs: sharegpt, seed: UInt64(seed))
    case .translation:
      return TranslationLengths.rows(count: count, seed: UInt64(seed))
    }
  }

  /// Longest prompt and output together, exclusive.
  private static let totalTokensBound: Int32 = 2048

  private static func short(_ rows: [Request]) -> [Request] {
    rows.filter {
      $0.outputTokens > 0 && $0.promptTokens + $0.outputTokens < totalTokensBound
    }
  }

  /// A Poisson number of arrivals at the start of each quantum of 10 ms.
  private static func arrivals(rate: Double, seconds: Double, seed: UInt32) -> [SimInstant] {
    let quantum: Int64 = 10_000_000
    var numbers = MersenneTwister(numpySeed: seed)
    return (0..<Int64((seconds * 100).rounded())).flatMap { index in
      let instant = SimInstant(nanoseconds: index * quantum)
      return repeatElement(instant, count: numbers.poisson(mean: rate * 0.01))
    }
  }
}
