import Metrics
import Planning
import Results

/// How far a plan can be off, going by served runs that were measured, and what it rests on nothing for.
enum PlanServed {
  /// - Parameters:
  ///   - what: What the intervals are about, for the head of the table.
  ///   - rate: What is sustained as simulated.
  ///   - holds: A sentence for each level about what is recommended, where there is one.
  static func section(
    _ prepared: PreparedDeployment, _ intervals: [ServedInterval], what: String, rate: Double,
    holds: [String] = []
  ) -> Document.Section {
    let errors = prepared.servedErrors
    var paragraphs = errors.map(ServedErrorText.sentence) + holds
    if prepared.deployment.groups[0].scenario.thinkTime != nil {
      paragraphs.append(
        "What a slower server sustains is not said: it is read off rates that were tried by stretching all times, and think "
          + "times do not stretch. The sensitivity to slower kernels is simulated.")
    }
    let caveats = prepared.caveats.map { "Caveat: \($0)." }
    guard !intervals.isEmpty else {
      return Document.Section("Against measured servers", paragraphs: paragraphs + caveats)
    }
    paragraphs.append(
      "Errors were measured of means, and are taken for the targets' statistics too. A server whose iterations take "
        + "longer by the error of TPOT serves a rate that is lower by as much; its TTFT is off by its own error. Ends "
        + "are of rates that were tried with the first seed.")
    var table = TextTable([
      .init("server off by", .left), .init("\(what)\nslower"), .init("req/s\nas simulated"),
      .init("req/s\nfaster"),
    ])
    table.rows = intervals.map { interval in
      [
        level(interval.level), interval.low.map { "≥ \(PlanCells.rate($0))" } ?? "none tried",
        PlanCells.rate(rate), interval.high.map { "< \(PlanCells.rate($0))" } ?? "not reached",
      ]
    }
    return Document.Section(
      "Against measured servers", paragraphs: paragraphs + caveats, table: table)
  }

  static func level(_ level: ServedError.Level) -> String {
    switch level {
    case .median: "the median error"
    case .p90: "the error at p90"
    }
  }

  /// Whether what is recommended meets the targets if the server is slower, in a sentence; none where that is not known.
  static func holds(_ ifSlower: [Bool], _ what: String) -> [String] {
    guard !ifSlower.isEmpty else { return [] }
    let parts = zip(ServedError.Level.allCases, ifSlower).map { level, holds in
      "\(holds ? "met" : "missed") at \(self.level(level))"
    }
    return [
      "If the server is slower, the targets of \(what) are \(parts.joined(separator: " and "))."
    ]
  }

  static func json(
    _ prepared: PreparedDeployment, _ intervals: [ServedInterval], ifSlower: [Bool]? = nil
  ) -> [JSONValue.Member] {
    let rates = intervals.map { interval in
      JSONValue.Member(
        interval.level.rawValue,
        .object([
          .init("low", JSONValue(interval.low)), .init("high", JSONValue(interval.high)),
        ]))
    }
    return [
      .init("served_error", .array(prepared.servedErrors.map(ServedErrorText.json))),
      .init("served_rate", rates.isEmpty ? .null : .object(rates)),
    ] + (ifSlower.map { [.init("holds_if_slower", holdsJSON($0))] } ?? [])
      + [.init("caveats", .array(prepared.caveats.map { .text($0) }))]
  }

  /// Whether the targets hold at each level if the server is slower; `null` where the error is not known.
  static func holdsJSON(_ ifSlower: [Bool]) -> JSONValue {
    guard !ifSlower.isEmpty else { return .null }
    return .object(
      zip(ServedError.Level.allCases, ifSlower).map { .init($0.rawValue, .boolean($1)) })
  }
}
