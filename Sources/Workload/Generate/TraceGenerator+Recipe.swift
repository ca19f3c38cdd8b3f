import Messages
import SimulationKernel

extension TraceGenerator {
  /// Makes the trace that `recipe` describes.
  ///
  /// | stream | what is drawn |
  /// |---|---|
  /// | `lengths`, `cap-repair` | pairs of a preset; `lengths` also the rows of a table or a trace |
  /// | `prompt-lengths`, `output-lengths` | sides drawn independently |
  /// | `arrivals` | when requests or conversations begin |
  /// | `system-prompts` | who begins with which |
  /// | `turns`, `turn-gaps`, `turn-tokens` | how many turns, when, and what they add |
  ///
  /// - Throws: ``UserError`` for a count, a rate or other figures that make no sense.
  /// - Complexity: O(count), and with turns O(turns²) for each conversation.
  package static func generate(_ recipe: TraceRecipe) throws(UserError) -> Trace {
    try checkRequestCount(recipe.count)
    if recipe.requestRate == nil, let process = recipe.arrivals, process != .allAtOnce {
      throw UserError("`--arrivals` needs `--request-rate`")
    }
    if let rate = recipe.requestRate { try RequestRate.requireAtMostHighest(rate) }
    var trace = try pairs(of: recipe)
    if let systemPrompts = recipe.systemPrompts {
      try check(systemPrompts)
      try prepend(systemPrompts, to: &trace, seed: recipe.seed)
    }
    if let turns = recipe.turns { return try conversations(turns, from: trace, recipe) }
    guard let process = recipe.arrivals ?? (recipe.requestRate == nil ? nil : .poisson) else {
      return trace
    }
    return try trace.retimed(process, rate: recipe.requestRate ?? 1, seed: recipe.seed)
  }

  /// The lengths alone.
  private static func pairs(of recipe: TraceRecipe) throws(UserError) -> Trace {
    switch recipe.lengths {
    case .preset(let preset):
      return try generate(preset: preset, count: recipe.count, seed: recipe.seed)
    case .sides(let prompt, let output):
      var prompts = SideDraws(prompt, seed: recipe.seed, label: "prompt-lengths")
      var outputs = SideDraws(output, seed: recipe.seed, label: "output-lengths")
      let requests = (0..<recipe.count).map { _ in
        Request(promptTokens: prompts.next(), outputTokens: outputs.next())
      }
      return Trace(name: "synthetic", requests: requests, hasArrivals: false)
    case .table(let table):
      var rows = RandomStream(seed: recipe.seed, label: "lengths")
      let requests = (0..<recipe.count).map { _ in table.draw(from: &rows) }
      return Trace(name: "like \(table.name)", requests: requests, hasArrivals: false)
    case .empirical(let trace):
      var rows = RandomStream(seed: recipe.seed, label: "lengths")
      let requests = (0..<recipe.count).map { _ in
        let row = trace.requests[rows.below(trace.requests.count)]
        return Request(
          promptTokens: row.promptTokens, outputTokens: row.outputTokens, samples: row.samples,
          beamWidth: row.beamWidth)
      }
      return Trace(name: "like \(trace.name)", requests: requests, hasArrivals: false)
    }
  }

  private static func check(_ prompts: TraceRecipe.SystemPrompts) throws(UserError) {
    guard prompts.count >= 1, prompts.count < 1_000_000, prompts.tokens >= 1,
      prompts.exponent >= 0, prompts.exponent <= 20
    else {
      throw UserError(
        "`--system-prompts` needs from 1 to 999999 prompts of at least 1 token and an exponent "
          + "from 0 to 20")
    }
  }

  /// Lets every request begin with a system prompt: text of the shared stream 0, 1, and so on.
  private static func prepend(
    _ systemPrompts: TraceRecipe.SystemPrompts, to trace: inout Trace, seed: UInt64
  ) throws(UserError) {
    var stream = RandomStream(seed: seed, label: "system-prompts")
    let popularity = zipfCumulative(
      count: systemPrompts.count, exponent: systemPrompts.exponent)
    var contents = PromptContents()
    for id in trace.requests.indices {
      let own = trace.requests[id].promptTokens
      let (total, overflows) = own.addingReportingOverflow(systemPrompts.tokens)
      guard !overflows else { throw UserError("a prompt has more than \(Int32.max) tokens") }
      trace.requests[id].promptTokens = total
      contents.append([
        TokenPiece(
          stream: Int64(rank(stream.uniform(), in: popularity)), start: 0,
          count: systemPrompts.tokens),
        TokenPiece(stream: PromptContents.ownStream(of: id), start: 0, count: own),
      ])
    }
    trace.contents = contents
  }
}

extension Trace {
  /// The same requests in the same order, arriving as `process` at `rate` per second.
  ///
  /// The first request comes one gap after the start.
  ///
  /// - Throws: ``UserError`` for a rate that is not positive, and for one so low that a request
  ///   would arrive later than a trace can say.
  /// - Complexity: O(requests).
  package func retimed(
    _ process: ArrivalProcess, rate: Double, seed: UInt64
  ) throws(UserError) -> Trace {
    // The plain process has rounded each gap by itself since before there were others.
    if process == .poisson { return try retimed(poissonRate: rate, seed: seed) }
    guard rate > 0, rate.isFinite else {
      throw UserError(
        "`--request-rate` must be a positive number of requests per second, found `\(plain(rate))`")
    }
    var trace = self
    trace.hasArrivals = true
    var draws = ArrivalDraws(process, rate: rate, seed: seed)
    for index in requests.indices {
      let seconds = draws.next()
      guard seconds < Double(DecimalSeconds.secondsMax) else {
        throw UserError(
          "request \(index + 1) of \(requests.count) would arrive after "
            + "\(DecimalSeconds.secondsMax) s", hint: "raise `--request-rate`")
      }
      trace.requests[index].arrival = .zero + SimDuration(rounding: seconds)
    }
    return trace
  }
}
