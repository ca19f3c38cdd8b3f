import Messages

/// What a server's counters say of the time between two pages; of the time since it started where there is one.
struct MetricsWindow {
  let before: MetricsPage?
  let after: MetricsPage
  /// Requests that were answered.
  let finished: Double
  /// Tokens of the prompts and answers of those, in the mean.
  let promptTokens: Double
  let outputTokens: Double
  /// Seconds, in the mean; `nil` for what the page does not measure.
  let ttft: Double?
  let tpot: Double?
  let e2e: Double?
  /// Seconds between the pages; `nil` where they do not say when they were read.
  let seconds: Double?

  /// Names behind the engine's prefix; of several the first that the page has counts.
  ///
  /// - Source: vLLM's `vllm/v1/metrics/loggers.py` and `vllm/engine/metrics.py` (before V1), SGLang's
  ///   `docs/references/production_metrics.md`.
  private enum Names {
    static let ttft = ["time_to_first_token_seconds"]
    static let e2e = ["e2e_request_latency_seconds"]
    /// A request's mean, and where there is none the gaps of all requests together.
    static let tpot = [
      "request_time_per_output_token_seconds", "inter_token_latency_seconds",
      "time_per_output_token_seconds",
    ]
    static let prompts = ["request_prompt_tokens"]
    static let outputs = ["request_generation_tokens"]
    static let finished = ["request_success_total", "num_requests_total"]
  }

  /// - Throws: ``UserError`` for pages of two engines or models, counters that go back, and where nothing was answered.
  init(before: MetricsPage?, after: MetricsPage) throws(UserError) {
    self.before = before
    self.after = after
    if let before { try Self.requireOneServer(before, after) }
    func change(_ name: String) throws(UserError) -> Double? {
      guard let end = after[name] else { return nil }
      let start = before?[name] ?? 0
      guard end.isFinite, start.isFinite, end >= start, end < 1e15 else {
        throw Self.goesBack(name, start, end, before, after)
      }
      return end - start
    }
    func mean(_ names: [String]) throws(UserError) -> (mean: Double, count: Double)? {
      for name in names {
        guard let sum = try change("\(name)_sum"), let count = try change("\(name)_count"),
          count > 0
        else { continue }
        return (sum / count, count)
      }
      return nil
    }
    let e2e = try mean(Names.e2e)
    var finished = e2e?.count
    for name in Names.finished where finished == nil { finished = try change(name) }
    guard let finished, finished > 0 else {
      throw UserError("\(Self.place(before, after)): no request was answered")
    }
    func tokens(_ names: [String], _ total: String) throws(UserError) -> Double {
      if let mean = try mean(names) { return mean.mean }
      guard let tokens = try change(total), tokens > 0 else {
        throw UserError(
          "\(after.name): no token counts: neither `\(after.engine.rawValue):\(names[0])` nor "
            + "`\(after.engine.rawValue):\(total)`",
          hint: "nothing can be said of a server without the lengths that it served")
      }
      return tokens / finished
    }
    self.finished = finished
    promptTokens = try tokens(Names.prompts, "prompt_tokens_total")
    outputTokens = try tokens(Names.outputs, "generation_tokens_total")
    self.e2e = e2e?.mean
    ttft = try mean(Names.ttft)?.mean
    tpot = try mean(Names.tpot)?.mean
    seconds = before?.seconds.flatMap { start in after.seconds.map { $0 - start } }
    if let seconds, seconds <= 0 {
      throw UserError(
        "\(Self.place(before, after)): the second page was read \(seconds) s after the first",
        hint: "give the page from before the run first")
    }
  }

  /// The files, for messages.
  var name: String { Self.place(before, after) }

  private static func place(_ before: MetricsPage?, _ after: MetricsPage) -> String {
    before.map { "\($0.name) to \(after.name)" } ?? after.name
  }

  private static func requireOneServer(
    _ before: MetricsPage, _ after: MetricsPage
  ) throws(UserError) {
    guard before.engine == after.engine else {
      throw UserError(
        "`\(before.name)` is a page of \(before.engine.title), `\(after.name)` of \(after.engine.title)",
        hint: "give pages of one server, from before and after a run")
    }
    if let first = before.model, let second = after.model, first != second {
      throw UserError(
        "`\(before.name)` is a page of the model `\(first)`, `\(after.name)` of `\(second)`",
        hint: "give pages of one server, from before and after a run")
    }
  }

  private static func goesBack(
    _ name: String, _ start: Double, _ end: Double, _ before: MetricsPage?, _ after: MetricsPage
  ) -> UserError {
    let metric = "`\(after.engine.rawValue):\(name)`"
    guard let before, start.isFinite, end.isFinite, end < start else {
      return UserError("\(after.name): \(metric) is no count of requests: \(end)")
    }
    return UserError(
      "\(metric) goes back, from \(plain(start)) in `\(before.name)` to \(plain(end)) in `\(after.name)`",
      hint:
        "give the page from before the run first; where the server was started again between them, "
        + "the second alone")
  }
}
