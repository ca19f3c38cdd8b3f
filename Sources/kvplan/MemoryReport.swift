import CostModel
import KVMemory
import Messages
import Planning
import Results
import SimulationKernel
import Workload

/// `compare --memory` in words, numbers and a picture.
struct MemoryReport: PlanReport {
  private let comparison: MemoryComparison
  private let scenario: Scenario

  init(_ comparison: MemoryComparison, _ scenario: Scenario) {
    self.comparison = comparison
    self.scenario = scenario
  }

  let fileNames = (page: "memory", rows: "managers")

  var document: Document {
    Document(title: title, sections: [managers, notes, assumptions])
  }

  private var rows: [MemoryComparison.Row] { comparison.rows }

  private var title: String {
    let gibibytes = Digits.fixed(Double(comparison.model.bytes) / Double(1 << 30), decimals: 2)
    return
      "\(comparison.trace.name): \(comparison.trace.requests.count) requests of `\(scenario.model.name)` through "
      + "\(rows.count) manager\(rows.count == 1 ? "" : "s") of \(gibibytes) GiB"
  }

  // MARK: The table

  private static let classes = ["tokens", "reserved", "internal", "external", "cached", "free"]

  private var managers: Document.Section {
    var table = TextTable(
      [
        .init("manager", .left), .init("batch"), .init("output\ntok/s"), .init("found\n%"),
      ] + Self.classes.map { .init("\($0)\n%") } + [.init("made\nway"), .init("not\nserved")])
    table.rows = rows.map { row in
      let outcome = row.outcome
      return [
        row.manager.name, Digits.fixed(outcome.meanBatch, decimals: 1),
        Digits.fixed(outcome.outputTokensPerSecond, decimals: 0),
        Self.found(outcome).map(PlanCells.percent) ?? "–",
      ] + outcome.shares.values.map(PlanCells.percent)
        + ["\(outcome.preemptions)", "\(outcome.rejected)"]
    }
    return Document.Section(
      "Managers", paragraphs: [layers], table: table, figures: [figure])
  }

  /// Of the prompts, what was cached; `nil` where no manager could know.
  private static func found(_ outcome: MemoryReplay.Outcome) -> Double? {
    guard outcome.promptTokens > 0, outcome.foundTokens > 0 else { return nil }
    return Double(outcome.foundTokens) / Double(outcome.promptTokens)
  }

  private var layers: String {
    let kinds = comparison.model.layers.map { kind in
      "\(kind.layers) \(kind.keeps.name) (\(kind.bytes) bytes \(kind.keeps.isState ? "a sequence" : "a token"))"
    }
    return "Layers: \(kinds.joined(separator: ", "))."
  }

  private var figure: Figure {
    var ledger = BarChart(
      title: "where the bytes of the pool are", yTitle: "KV pool, %", parts: Self.classes,
      bars: rows.map { .init($0.manager.name, $0.outcome.shares.values.map { $0 * 100 }) })
    ledger.yMax = 100
    let batch = BarChart(
      title: "sequences that run", yTitle: "mean batch", parts: ["batch"],
      bars: rows.map { .init($0.manager.name, [$0.outcome.meanBatch]) })
    return Figure(
      title: title, charts: [.bars(ledger), .bars(batch)], columns: 1, chartWidth: 1040)
  }

  // MARK: Words

  private var notes: Document.Section {
    var table = TextTable([
      .init("manager", .left), .init("what it is", .left), .init("here", .left),
    ])
    table.rows = rows.map { row in
      let lossy = row.dropsTokens ? ["drops tokens: other answers"] : []
      return [
        row.manager.name, row.manager.summary,
        (lossy + [row.note].filter { !$0.isEmpty }).joined(separator: "; "),
      ]
    }
    return Document.Section("What each is, and comes down to here", table: table)
  }

  private var assumptions: Document.Section {
    var paragraphs = PlanCells.sample(comparison.trace) + PlanCells.prices([comparison.profile])
    paragraphs.append(
      "One scheduler and one price for all: first come first served, at most \(comparison.model.batchedTokens) tokens an "
        + "iteration; a request starts if its whole prompt has room; the one that started last makes way. Batch and shares "
        + "are means over time until the last request starts; tokens per second are those of the whole run."
    )
    if rows.contains(where: \.manager.isLossy) {
      paragraphs.append(
        "Rules that drop tokens keep \(comparison.model.capTokens) of a sequence; how they choose is not simulated, nor what "
          + "choosing costs.")
    }
    if !comparison.model.isCaching {
      paragraphs.append(
        "The trace does not say what its prompts consist of: nothing is cached, and nothing found.")
    }
    return Document.Section("Assumptions", paragraphs: paragraphs)
  }

  // MARK: For programs

  private static let shareNames = [
    "token_state", "reserved", "internal_fragmentation", "external_fragmentation", "cached", "free",
  ]

  var json: JSONValue {
    .object([
      .init("trace", .text(comparison.trace.name)),
      .init("requests", .integer(comparison.trace.requests.count)),
      .init("model", .text(scenario.model.name)),
      .init("pool_bytes", .integer(comparison.model.bytes)),
      .init("cost_profile", .text(comparison.profile.name)),
      .init("cap_tokens", .integer(comparison.model.capTokens)),
      .init("managers", .array(rows.map(object))),
    ])
  }

  private func object(_ row: MemoryComparison.Row) -> JSONValue {
    let outcome = row.outcome
    return .object(
      [
        .init("name", .text(row.manager.name)), .init("summary", .text(row.manager.summary)),
        .init("note", .text(row.note)), .init("drops_tokens", .boolean(row.dropsTokens)),
        .init("served", .integer(outcome.served)), .init("not_served", .integer(outcome.rejected)),
        .init("iterations", .integer(outcome.iterations)),
        .init("preemptions", .integer(outcome.preemptions)),
        .init("mean_batch", .real(outcome.meanBatch)),
        .init("max_batch", .integer(outcome.batchMax)),
        .init("output_tokens", .integer(outcome.outputTokens)),
        .init("output_throughput", .real(outcome.outputTokensPerSecond)),
        .init("duration_s", .real(outcome.duration.seconds)),
        .init("prefix_hit_ratio", JSONValue(Self.found(outcome))),
      ]
        + zip(Self.shareNames, outcome.shares.values).map { .init("kv_\($0)", .real($1)) })
  }

  /// One row a manager.
  var simulations: CatalogTable {
    CatalogTable(
      columns: [
        ("manager", .name), ("mean_batch", .count), ("output_throughput", .count),
        ("prefix_hit_ratio", .count),
      ] + Self.shareNames.map { ("kv_\($0)", .count) } + [
        ("preemptions", .count), ("served", .count), ("not_served", .count), ("duration_s", .count),
        ("note", .name),
      ],
      rows: rows.map { row in
        let outcome = row.outcome
        return [
          row.manager.name, "\(outcome.meanBatch)", "\(outcome.outputTokensPerSecond)",
          Self.found(outcome).map { "\($0)" } ?? "",
        ] + outcome.shares.values.map { "\($0)" } + [
          "\(outcome.preemptions)", "\(outcome.served)", "\(outcome.rejected)",
          "\(outcome.duration.seconds)", row.note,
        ]
      })
  }
}
