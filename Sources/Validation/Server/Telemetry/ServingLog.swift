import Messages
import Statistics

/// What an engine's log says of a run, over the lines in which requests run.
struct ServingLog {
  let name: String
  let engine: ServerEngine
  /// Lines in which requests run.
  let lineCount: Int
  /// Requests that run, in the mean over those lines and at most in one, and the most that wait.
  let running: Double
  let runningMost: Double
  let waitingMost: Double?
  /// Share of the KV cache that requests hold, in the mean over those lines.
  let kvUse: Double?
  /// Output tokens a second, in the mean over those lines and at most in one.
  let outputRate: Double
  let outputRateMost: Double
  /// Output tokens in all, and the share by which that may be off; `nil` where lines do not say for how long they stand.
  let tokens: (count: Double, slack: Double)?

  /// Whether a text has lines of an engine that serves.
  static func isLog(_ text: String) -> Bool {
    ["Avg generation throughput: ", "Decode batch", "num_scheduled_requests"]
      .contains { text.utf8.firstRange(of: $0.utf8) != nil }
  }

  /// - Throws: ``UserError`` with file and line for a line without its numbers, two engines in a log, a clock that goes
  ///   back, and where nothing runs.
  init(_ text: String, name: String) throws(UserError) {
    self.name = name
    var ranks: [(rank: String, lines: [ServingLogLine])] = []
    var last: (line: ServingLogLine, number: Int)?
    for (index, text) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let number = index + 1
      guard let line = try Self.line(text, number, name) else { continue }
      if let last { try Self.require(line, number, after: last, name) }
      last = (line, number)
      if let rank = ranks.firstIndex(where: { $0.rank == line.rank }) {
        ranks[rank].lines.append(line)
      } else {
        ranks.append((line.rank, [line]))
      }
    }
    let busy = ranks.compactMap { RankSums($0.lines) }
    guard let engine = last?.line.engine, !busy.isEmpty else {
      throw UserError("\(name): no request runs in any line of the log")
    }
    self.engine = engine
    lineCount = busy.reduce(0) { $0 + $1.count }
    running = busy.reduce(0) { $0 + $1.running }
    runningMost = busy.map(\.runningMost).max() ?? 0
    waitingMost = busy.compactMap(\.waitingMost).max()
    let shares = busy.compactMap(\.kvUse)
    kvUse = shares.count == busy.count ? shares.reduce(0, +) / Double(shares.count) : nil
    outputRate = busy.reduce(0) { $0 + $1.rate }
    outputRateMost = busy.reduce(0) { $0 + $1.rateMost }
    let counts = busy.compactMap(\.tokens)
    tokens =
      counts.count == busy.count
      ? (counts.reduce(0) { $0 + $1.count }, counts.map(\.slack).max() ?? 0) : nil
  }

  private static func line(
    _ text: Substring, _ number: Int, _ name: String
  ) throws(UserError) -> ServingLogLine? {
    do {
      return try ServingLogLine.read(text)
    } catch {
      throw UserError(
        "\(name):\(number): \(error.message)",
        hint: "cut the log to whole lines of one start of the engine")
    }
  }

  /// One engine writes a log, and its clock goes on; at a new year the month begins anew, without a date a day.
  private static func require(
    _ line: ServingLogLine, _ number: Int, after last: (line: ServingLogLine, number: Int),
    _ name: String
  ) throws(UserError) {
    guard line.engine == last.line.engine else {
      throw UserError(
        "\(name):\(number): a line of \(line.engine.title), in line \(last.number) of \(last.line.engine.title)",
        hint: "give the log of one server")
    }
    guard let day = line.day, let before = last.line.day else { return }
    let isNewYear = before / 100 == 12 && day / 100 == 1
    // Ranks write at one moment, a second earlier or later.
    guard day > before || isNewYear || (day == before && line.clock >= last.line.clock - 1) else {
      throw UserError(
        "\(name):\(number): the time goes back from that of line \(last.number)",
        hint: "cut the log to one run of one server")
    }
  }

  /// The log in a sentence.
  var summary: String {
    func fixed(_ value: Double) -> String { plain((value * 10).rounded() / 10) }
    var parts = ["\(fixed(running)) requests run in the mean, \(fixed(runningMost)) at most"]
    if let waitingMost { parts.append("\(fixed(waitingMost)) wait at most") }
    if let kvUse { parts.append("\(fixed(kvUse * 100)) % of the KV cache is held") }
    parts.append("\(fixed(outputRate)) output tokens/s")
    return "\(name): \(lineCount) lines of \(engine.title): \(parts.joined(separator: ", "))"
  }
}

/// The lines of a rank in which requests run.
private struct RankSums {
  var count: Int
  var running: Double
  var runningMost: Double
  var waitingMost: Double?
  var kvUse: Double?
  var rate: Double
  var rateMost: Double
  var tokens: (count: Double, slack: Double)?

  /// How much of the run each line stands for: vLLM's for the time between lines, TensorRT-LLM's for its iteration,
  /// SGLang's for a number of iterations that is not told, so that its means are over iterations.
  init?(_ lines: [ServingLogLine]) {
    let busy = lines.filter { $0.running > 0 && $0.rate > 0 }
    guard let first = busy.first else { return nil }
    let interval = first.engine == .vllm ? Self.interval(lines) : nil
    let weights = busy.map { $0.stepSeconds ?? 1 }
    let sum = weights.reduce(0, +)
    func mean(_ value: (ServingLogLine) -> Double) -> Double {
      zip(busy, weights).reduce(0) { $0 + value($1.0) * $1.1 } / sum
    }
    count = busy.count
    running = mean(\.running)
    runningMost = busy.map(\.running).max() ?? 0
    waitingMost = busy.compactMap(\.waiting).max()
    let shares = busy.compactMap(\.kvUse)
    kvUse = shares.count == busy.count ? mean { $0.kvUse ?? 0 } : nil
    rateMost = busy.map(\.rate).max() ?? 0
    if first.engine == .sglang {
      // Each line stands for as many iterations: for tokens as requests run, for a time as those over the rate.
      rate = running / mean { $0.running / $0.rate }
    } else {
      rate = mean(\.rate)
    }
    if first.stepSeconds != nil {
      // A request's first token comes from its prompt's iteration, which is not counted.
      tokens = (rate * sum, 0)
    } else if let interval {
      // The clock counts whole seconds.
      tokens = (rate * interval * Double(count), 1 / interval)
    }
  }

  /// The seconds between lines: the median, as nothing is written while nothing runs.
  private static func interval(_ lines: [ServingLogLine]) -> Double? {
    let gaps = zip(lines, lines.dropFirst()).map { first, second in
      let gap = second.clock - first.clock
      return gap < 0 ? gap + 86_400 : gap
    }.filter { $0 > 0 }.sorted()
    return gaps.isEmpty ? nil : Quantile.median(ofSorted: gaps)
  }
}
