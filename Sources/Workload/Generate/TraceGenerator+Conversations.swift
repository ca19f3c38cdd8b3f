import Messages
import SimulationKernel

extension TraceGenerator {
  /// Makes conversations of the pairs in `trace`: the first pair of each is its first turn; later
  /// pairs give answers, and what users add unless ``TraceRecipe/Turns/added`` does.
  ///
  ///     turn 1   |system|user 1|                          → answer 1
  ///     turn 2   |system|user 1|answer 1|user 2|          → answer 2
  ///
  /// Every pair is used once, whether or not its conversation goes on, so that lengths do not
  /// depend on the number of turns. Exactly as many requests as pairs come out.
  static func conversations(
    _ turns: TraceRecipe.Turns, from trace: Trace, _ recipe: TraceRecipe
  ) throws(UserError) -> Trace {
    guard turns.mean >= 1, turns.mean <= 10_000, turns.gapSeconds > 0, turns.gapSeconds <= 1e6
    else {
      throw UserError(
        "`--turns` must be from 1 to 10000 and `--turn-gap` above 0, at most 1e6 s, found "
          + "`\(plain(turns.mean))` and `\(plain(turns.gapSeconds))`")
    }
    guard let rate = recipe.requestRate, rate > 0, rate.isFinite else {
      throw UserError("`--turns` needs `--request-rate`, conversations per second")
    }
    var starts = ArrivalDraws(recipe.arrivals ?? .poisson, rate: rate, seed: recipe.seed)
    var lengths = RandomStream(seed: recipe.seed, label: "turns")
    var gaps = RandomStream(seed: recipe.seed, label: "turn-gaps")
    var added = turns.added.map { SideDraws($0, seed: recipe.seed, label: "turn-tokens") }
    let system = recipe.systemPrompts?.tokens ?? 0
    var drawn: [Request] = []
    var contents = PromptContents()
    var session: Int32 = -1
    var seconds = 0.0
    for (id, pair) in trace.requests.enumerated() {
      let said = added?.next() ?? pair.promptTokens - system
      let gap = gaps.exponential(mean: turns.gapSeconds)
      let goesOn = lengths.uniform() >= 1 / turns.mean
      let last = drawn.last
      let prompt = last.map { Int($0.promptTokens) + Int($0.outputTokens) + Int(said) } ?? 0
      var request = pair
      if let last, goesOn, prompt + Int(pair.outputTokens) <= Int(turns.totalTokensMax) {
        request.promptTokens = Int32(prompt)
        seconds += gap
        contents.append(
          contents.pieces(of: id - 1) + [
            TokenPiece(
              stream: PromptContents.outputStream(of: id - 1), start: 0, count: last.outputTokens),
            TokenPiece(stream: PromptContents.ownStream(of: id), start: 0, count: said),
          ])
      } else {
        session += 1
        seconds = starts.next()
        contents.append(firstPieces(of: id, trace))
      }
      guard seconds < Double(DecimalSeconds.secondsMax) else {
        throw UserError("request \(id + 1) would arrive after \(DecimalSeconds.secondsMax) s")
      }
      request.session = session
      request.arrival = .zero + SimDuration(rounding: seconds)
      drawn.append(request)
    }
    var whole = trace
    whole.requests = drawn
    whole.contents = contents
    whole.hasArrivals = true
    let order = drawn.indices.sorted {
      (drawn[$0].arrival, $0) < (drawn[$1].arrival, $1)
    }
    return whole.selecting(order)
  }

  private static func firstPieces(of id: Int, _ trace: Trace) -> [TokenPiece] {
    trace.contents.map { Array($0.pieces(of: id)) }
      ?? [
        TokenPiece(
          stream: PromptContents.ownStream(of: id), start: 0,
          count: trace.requests[id].promptTokens)
      ]
  }
}
