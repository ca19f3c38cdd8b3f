import Metrics

/// How far served latencies were from simulated ones, as people and programs read it.
package enum ServedErrorText {
  /// What was measured, in a sentence or two.
  package static func sentence(_ error: ServedError) -> String {
    guard case .nearest(let measured) = error else {
      return "Error of served latency: not known, \(error.text)."
    }
    func percent(_ errors: ServedError.Quantiles) -> String {
      "\(Digits.percent(errors.median)) % in the median and \(Digits.percent(errors.p90)) % at p90"
    }
    let fitted =
      measured.isFitted
      ? " The engine's parameters were fitted on these rows: elsewhere errors are larger." : ""
    return
      "Error of served latency, of the nearest deployment that was measured, \(measured.text): TPOT "
      + "\(percent(measured.tpot)), TTFT \(percent(measured.ttft)).\(fitted)"
  }

  /// The errors below a table of runs, with an empty line between: a row for each that differs. `nil` where the runs are of
  /// none.
  ///
  /// - Parameter maxWidth: Columns of the terminal, or `nil` for no limit.
  package static func table(_ summaries: [RunSummary], maxWidth: Int? = nil) -> String? {
    let varied: [(RunSummary) -> String] = [\.model, \.device].filter { name in
      Set(summaries.map(name)).count > 1
    }
    var table = TextTable(
      [
        .init("served error", .left), .init("TTFT\nmedian %"), .init("TTFT\np90 %"),
        .init("TPOT\nmedian %"), .init("TPOT\np90 %"), .init("of", .left),
      ], keyColumns: 1)
    for summary in summaries {
      guard let error = summary.provenance.servedError else { continue }
      let name = ([summary.system] + varied.map { $0(summary) }).joined(separator: ", ")
      let cells =
        switch error {
        case .unknown(let reason):
          Array(repeating: Digits.absent, count: 4) + ["not known: \(reason)"]
        case .nearest(let measured):
          [measured.ttft, measured.tpot].flatMap {
            [Digits.percent($0.median), Digits.percent($0.p90)]
          } + [measured.text]
        }
      if !table.rows.contains([name] + cells) { table.rows.append([name] + cells) }
    }
    return table.rows.isEmpty ? nil : "\n" + table.rendered(maxWidth: maxWidth)
  }

  /// What a server would show for `predicted`: `29.4 to 43.1`.
  static func interval(_ predicted: Double, error: Double) -> String {
    let (low, high) = ServedError.measured(for: predicted, error: error)
    guard let high else { return "\(Digits.significant(low)) or more" }
    return "\(Digits.significant(low)) to \(Digits.significant(high))"
  }

  /// What was measured; `null` where nothing was.
  package static func json(_ error: ServedError) -> JSONValue {
    guard case .nearest(let measured) = error else { return .null }
    return .object(members(measured))
  }

  /// The same, and what the means of a run would be.
  static func json(_ error: ServedError, _ summary: RunSummary) -> JSONValue {
    guard case .nearest(let measured) = error else { return .null }
    func means(_ mean: Double?, _ errors: ServedError.Quantiles) -> JSONValue {
      guard let mean else { return .null }
      return .object(
        ServedError.Level.allCases.map { level in
          let (low, high) = ServedError.measured(for: mean, error: errors[level])
          return .init(
            level.rawValue,
            .object([.init("low", .real(low)), .init("high", JSONValue(high))]))
        })
    }
    return .object(
      members(measured) + [
        .init("mean_ttft_ms", means(summary.ttft.mean, measured.ttft)),
        .init("mean_tpot_ms", means(summary.tpot.mean, measured.tpot)),
      ])
  }

  private static func members(_ measured: ServedError.Nearest) -> [JSONValue.Member] {
    func quantiles(_ errors: ServedError.Quantiles) -> JSONValue {
      .object([.init("median", .real(errors.median)), .init("p90", .real(errors.p90))])
    }
    return [
      .init("model", .text(measured.model)), .init("device", .text(measured.device)),
      .init("engine", .text(measured.engine)), .init("same_model", .boolean(measured.isSameModel)),
      .init("same_device", .boolean(measured.isSameDevice)), .init("rows", .integer(measured.rows)),
      .init("ttft", quantiles(measured.ttft)), .init("tpot", quantiles(measured.tpot)),
      .init("fitted", .boolean(measured.isFitted)), .init("source", .text(measured.source)),
      .init("date", .text(measured.date)),
    ]
  }
}

extension ServedError {
  /// The reason why nothing is known, or what was measured.
  var text: String {
    switch self {
    case .unknown(let reason): reason
    case .nearest(let measured): measured.text
    }
  }
}
