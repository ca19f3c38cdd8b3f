/// What a pass may still admit, and whom it has admitted.
struct SGLangRound: Sendable {
  /// What a trial said.
  enum Verdict: Sendable {
    case goesOn
    /// There are no slots left beside what is promised.
    case noRoom
    /// The tokens of this pass are spent.
    case spent
  }

  /// Slots promised to requests: what the running ones are expected to need, and what was admitted with all its answer.
  var promised = 0.0
  /// Slots that are needed at once.
  var promisedNow = 0
  /// Prompt tokens that are left; of chunks, `nil` where prompts are not cut.
  var input: Int
  var chunk: Int?
  /// The prompt that goes on comes first.
  var admitted: [RequestID] = []
  /// Of them, those that held slots before.
  var heldCount = 0
  var preempted: [RequestID] = []
  /// Requests by what they may still generate, and what each frees then; see `admitWholeAnswer`.
  var ends: [(left: Double, occupied: Int)]?

  /// Takes what a request needs.
  ///
  /// - Parameters:
  ///   - slots: Of the tokens that are computed.
  ///   - reserve: Tokens of its answer that are kept free.
  mutating func charge(slots: Int, reserve: Int, blockSize: Int) {
    promised += Double(slots + blockSize + reserve)
    promisedNow += slots + blockSize
    input -= slots
    chunk = chunk.map { $0 - slots }
  }
}
