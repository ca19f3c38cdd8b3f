import Workload

/// A sequence as the token-budget scheduler sees it: it has tokens, and some of them are computed.
///
///     0            computed                  length
///     |── resident ──|── still to compute ──|          steady decode: exactly one to compute
///
/// There are no phases. A prompt, a part of a prompt, the next token and everything that a
/// preempted request lost are all "computed catches up with length".
package struct TokenBudgetSequence: Sendable {
  package let request: RequestID
  /// Which of the request's output sequences it is, from 0.
  package let sample: Int32
  /// Other output sequences of the request.
  package let siblings: Int32
  package let promptTokens: Int32
  /// Output tokens after which it is complete.
  package let outputTokens: Int32
  /// Lower is served first; only the priority policy looks at it.
  package let priority: Int32
  /// Output tokens so far.
  package var generatedTokens: Int32 = 0
  /// Tokens whose keys and values are computed, as of the last completed iteration.
  package var computedTokens: Int32 = 0
  /// Its place in the running order: the number of its last admission.
  var rank: Int32 = 0
  /// The iteration of the ``CruisingBatch`` from which on it has cruised; until it leaves, the
  /// counts of tokens are those with which it joined.
  var joinedAt = 0

  /// Prompt and output so far, the newest token included although it is not computed yet.
  package var length: Int32 { promptTokens + generatedTokens }

  /// Whether it has all its output, or is as long as a sequence may be.
  func isComplete(maxModelLength: Int) -> Bool {
    generatedTokens >= outputTokens || Int(length) >= maxModelLength
  }

  /// Tokens that will have been computed when it is complete; the last one is sampled and never
  /// computed.
  func finalTokens(maxModelLength: Int) -> Int {
    min(Int(promptTokens + outputTokens), maxModelLength) - 1
  }
}

extension TokenBudgetSequence {
  /// The sequences of a trace, in order of arrival; a request with several samples has one for
  /// each.
  static func sequences(of requests: [Request], priorities: [Int32]?) -> [TokenBudgetSequence] {
    var sequences: [TokenBudgetSequence] = []
    sequences.reserveCapacity(requests.reduce(0) { $0 + Int($1.samples) })
    for (id, request) in requests.enumerated() {
      for sample in 0..<request.samples {
        sequences.append(
          TokenBudgetSequence(
            request: RequestID(id), sample: sample, siblings: request.samples - 1,
            promptTokens: request.promptTokens, outputTokens: request.outputTokens,
            priority: priorities?[id] ?? 0))
      }
    }
    return sequences
  }
}
