import CostModel
import KVMemory
import Planning
import Results

/// What stands below the waterfall.
extension FitAnswer {
  var sections: [Document.Section] {
    [logSection, sequencesSection, traceSection, leversSection, evidenceSection].compactMap(\.self)
  }

  private var logSection: Document.Section? {
    guard let log else { return nil }
    var table = TextTable([
      .init("of a GPU", .left), .init("unit", .left), .init("log"), .init("ours"),
      .init("ours − log"), .init("%"), .init("line"),
    ])
    table.rows = log.comparison.rows.map { row in
      [
        row.name, row.unit == .bytes ? "GiB" : row.unit.rawValue, row.shown(row.logged),
        row.ours.map(row.shown) ?? "–", row.difference.map(row.shown) ?? "–",
        row.share.map { Digits.fixed(100 * $0, decimals: 1) } ?? "–", "\(row.line)",
      ]
    }
    let ours = fit.budget.capacity.blocks
    let answer =
      fit.isLogged
      ? "Answered by the log's pool: \(fit.capacity.blocks) blocks, where ours would have \(ours)."
      : "The log does not say how large the pool is: answered by ours."
    return Document.Section(
      "`\(log.file)`, a log of \(log.engine):", paragraphs: [answer], table: table)
  }

  private var sequencesSection: Document.Section? {
    guard fit.capacity.blocks > 0 else { return nil }
    var table = TextTable([.init("sequences of"), .init("blocks each"), .init("fit")])
    let counts = contexts.map { fit.capacity.sequences(ofTokens: $0) }
    table.rows = zip(contexts, counts).map { length, count in
      [
        "\(length)", "\(fit.capacity.blocksReserved(forTokens: length))",
        Digits.fixed(count, decimals: 2),
      ]
    }
    let words = zip(contexts, counts).map { length, count in
      count < 1 ? "not one of \(length)" : "\(Int(count)) of \(length)"
    }
    return Document.Section(
      "How many fit: \(fit.tokens) tokens,",
      paragraphs: ["as whole sequences \(words.joined(separator: ", "))."], table: table)
  }

  private var traceSection: Document.Section? {
    guard let trace, fit.capacity.blocks > 0 else { return nil }
    let counted = fit.capacity.cache.countedGroups
    var table = TextTable(
      [.init("a request", .left), .init("tokens"), .init("blocks"), .init("requests that fit")]
        + (groups == nil
          ? [] : counted.map { .init("blocks:\n\($0.count) × \($0.group.keeps.name)") }))
    table.rows = trace.fit.rows.map { row in
      [
        row.name, Digits.fixed(row.tokens, decimals: 1), Digits.fixed(row.blocks, decimals: 1),
        Digits.fixed(row.sequences, decimals: 1),
      ] + (groups == nil ? [] : row.groupBlocks.map { Digits.fixed($0, decimals: 1) })
    }
    func count(_ name: String) -> Int {
      trace.fit.rows.first { $0.name == name }.map { Int($0.sequences) } ?? 0
    }
    return Document.Section(
      "How many at the lengths of `\(trace.name)`, \(trace.fit.requests) requests, prompt and output together:",
      paragraphs: ["\(count("mean")) of its mean, \(count("p90")) of its 90th percentile."],
      table: table)
  }

  private var leversSection: Document.Section? {
    let now = MemoryFit.tokens(fit.budget.capacity, fit.maxModelLength)
    let levers = levers
    guard !levers.isEmpty else { return nil }
    var table = TextTable([
      .init("change", .left), .init("tokens"), .init("more by, %"), .init("", .left),
    ])
    table.rows = levers.map { lever in
      [
        lever.flags, "\(lever.tokens)",
        Digits.fixed(100 * Double(lever.tokens - now) / Double(now), decimals: 1), lever.note,
      ]
    }
    let whose = fit.isLogged ? ", by our figures and not the log's" : ""
    return Document.Section("What fits more than \(now) tokens\(whose):", table: table)
  }

  private var evidenceSection: Document.Section? {
    var table = TextTable([.init("line", .left), .init("rests on", .left), .init("", .left)])
    table.rows = evidence.map { line, rests in [line.name, rests.kind.rawValue, rests.note] }
    return Document.Section("What the lines rest on:", table: table)
  }
}

extension LogComparison.Row {
  /// A figure in the row's unit: GiB to three places, sequences to two.
  fileprivate func shown(_ value: Double) -> String {
    switch unit {
    case .bytes: FitAnswer.gibibytes(value)
    case .blocks, .tokens: "\(Int(value))"
    case .sequences: Digits.fixed(value, decimals: 2)
    }
  }
}
