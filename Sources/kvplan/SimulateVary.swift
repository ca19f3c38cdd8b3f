import ArgumentParser
import Messages
import Metrics
import Planning
import Results
import Workload

/// `kvplan simulate --vary`: every combination of the values of some settings, side by side.
struct VariedSimulation {
  /// One setting with its values.
  private struct Axis {
    var name: String
    var values: [(text: String, change: ScenarioSetting.Change)]
  }

  /// Combinations beyond which `kvplan sweep` is the tool.
  private static let runsMax = 10_000

  private let axes: [Axis]

  /// - Parameter texts: As given, `block-size=8,16,32`.
  /// - Throws: ``UserError`` for an unknown setting, a value that is not allowed, and too many combinations.
  init(_ texts: [String]) throws {
    var axes: [Axis] = []
    for text in texts {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[1].isEmpty else {
        throw UserError(
          "`--vary` must be a setting and its values, found `\(text)`",
          hint: "such as `--vary block-size=8,16,32`")
      }
      let setting = try ScenarioSetting.find(String(parts[0]))
      guard !axes.contains(where: { $0.name == setting.name }) else {
        throw UserError("`--vary \(setting.name)` is given twice", hint: "give its values at once")
      }
      let values = try parts[1].split(separator: ",", omittingEmptySubsequences: false).map {
        (text: String($0), change: try setting.change(String($0)))
      }
      if let twice = values.indices.first(where: { index in
        values[..<index].contains { $0.text == values[index].text }
      }) {
        throw UserError(
          "`--vary \(setting.name)` has the value `\(values[twice].text)` twice",
          hint: "give each value once")
      }
      axes.append(Axis(name: setting.name, values: values))
    }
    self.axes = axes
    let count = axes.reduce(1.0) { $0 * Double($1.values.count) }
    guard count <= Double(Self.runsMax) else {
      throw UserError(
        "`--vary` asks for \(Int(count)) runs, more than \(Self.runsMax)",
        hint: "`kvplan sweep` is for large grids")
    }
  }

  var names: [String] { axes.map(\.name) }

  /// - Throws: ``UserError`` for a setting that the command has beside its values: no run would have that one.
  func requireAlone(in command: RunRecipe) throws(UserError) {
    for axis in axes {
      let words = [axis.name, "no-\(axis.name)"]
      guard let typed = command.settings.first(where: { words.contains($0.name) }) else { continue }
      let value = typed.values.map { " " + shellQuoted($0) }.joined()
      let values = axis.values.map(\.text).joined(separator: ",")
      throw UserError(
        "`--vary \(axis.name)=\(values)` beside `--\(typed.name)\(value)`: no run would have that one",
        hint: "leave one of them out")
    }
  }

  /// The first value of the setting of that name; `nil` where it is not varied.
  func first(_ name: String) -> String? { axes.first { $0.name == name }?.values.first?.text }

  /// Every combination; the last `--vary` varies fastest. A setting that only some systems have applies
  /// to those.
  func combinations(of scenario: Scenario) throws -> [(values: [String], scenario: Scenario)] {
    var combinations: [(values: [String], scenario: Scenario)] = [([], scenario)]
    for axis in axes {
      combinations = combinations.flatMap { values, scenario in
        axis.values.map { text, change in
          var changed = scenario
          change(&changed)
          return (values + [text], changed)
        }
      }
    }
    let kept = try combinations.map(\.scenario).keepingFlagsOfTheirSystems()
    return zip(combinations, kept).map { ($0.values, $1) }
  }
}

/// The results of `--vary` as text, as drawings and as a page.
struct VariedResults {
  let names: [String]
  let values: [[String]]
  let summaries: [RunSummary]

  func rendered(_ format: OutputFormat) -> String {
    switch format {
    case .table:
      table.rendered(maxWidth: Terminal.width)
        + (ServedErrorText.table(summaries, maxWidth: Terminal.width) ?? "")
    case .json: SummaryText.json(summaries)
    case .csv: csv
    }
  }

  var table: TextTable {
    func ms(_ value: Double?) -> String { Digits.significant(value.map { $0 / 1e3 }) }
    let measured: [(title: String, cell: (RunSummary) -> String)] = [
      ("batched", { Digits.significant($0.meanBatchedRequests) }),
      ("waiting", { Digits.significant($0.meanWaitingRequests) }),
      ("TTFT\nmean s", { ms($0.ttft.mean) }), ("TTFT\np95 s", { ms($0.ttft.p95) }),
      ("TTFT\np99 s", { ms($0.ttft.p99) }),
      ("TPOT\nmean ms", { Digits.significant($0.tpot.mean) }),
      ("norm. latency\ns/token", { Digits.significant($0.meanNormalizedLatency) }),
      ("out\ntok/s", { Digits.significant($0.outputThroughput) }),
      ("token state\n%", { Digits.significant($0.kv.tokenState * 100) }),
      ("KV blocks", { "\($0.kv.blocks)" }),
      ("preempt.", { "\($0.preemptionsRecompute + $0.preemptionsSwap)" }),
    ]
    var table = TextTable(
      zip(names, columnsAreNumbers).map {
        .init($0.replacing("-", with: "-\n"), $1 ? .right : .left)
      }
        + measured.map { .init($0.title) }, keyColumns: names.count)
    table.rows = zip(values, summaries).map { values, summary in
      values + measured.map { $0.cell(summary) }
    }
    return table
  }

  private var columnsAreNumbers: [Bool] {
    names.indices.map { column in values.allSatisfy { Double($0[column]) != nil } }
  }

  /// The columns of `summary.csv`, after those that vary and are not among them under the flag's name.
  private var csv: String {
    let known = SummaryColumn.all.map(\.key)
    let added = names.indices.filter { !known.contains(names[$0].replacing("-", with: "_")) }
    var lines = SummaryText.csv(summaries).split(
      separator: "\n", omittingEmptySubsequences: true
    ).map(String.init)
    guard !added.isEmpty else { return lines.joined(separator: "\n") + "\n" }
    lines[0] = (added.map { names[$0] } + [lines[0]]).joined(separator: ",")
    for row in values.indices {
      lines[row + 1] = (added.map { values[row][$0] } + [lines[row + 1]]).joined(separator: ",")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What drawings need of the runs.
  func figures(_ results: [RunResult]) -> RunFigures {
    var figures = RunFigures(
      settings: names,
      runs: zip(values, results).map { RunFigures.Run(values: $0, result: $1) })
    figures.origin = RunFigures.origin(summaries)
    return figures
  }

  /// The page of the runs.
  var page: VariedReport {
    var page = VariedReport(title: "\(names.joined(separator: ", ")) varied")
    if let provenance = summaries.first?.provenance {
      let prices = Set(summaries.map(\.provenance.costProfile)).sorted().joined(separator: "; ")
      page.facts = ["kvplan \(provenance.version), seed \(provenance.seed). Prices: \(prices)."]
      var settings = TextTable([.init("setting", .left), .init("value", .left)])
      settings.rows = provenance.scenario.map { field in
        let values = summaries.compactMap { summary in
          summary.provenance.scenario.first { $0.name == field.name }?.value
        }
        var seen: Set<String> = []
        return [field.name, values.filter { seen.insert($0).inserted }.joined(separator: ", ")]
      }
      page.tables = [("Runs", table), ("Settings", settings)]
    }
    return page
  }
}
