import ArgumentParser
import CostModel
import Messages
import Metrics
import Planning
import Results
import Statistics
import Workload

/// Where a plan goes.
struct PlanOutputOptions: ParsableArguments {
  @Option(help: "What to print: `table`, `json` or `csv` (every simulation).")
  var format = OutputFormat.table

  @Option(help: "Folder for plan.html, its figures as SVG, plan.json and simulations.csv.")
  var output: String?
}

/// A plan as people and programs read it.
protocol PlanReport {
  var document: Document { get }
  var json: JSONValue { get }
  /// One row a simulation.
  var simulations: CatalogTable { get }
  /// What its files are called, without their endings: the page and its JSON, and the rows.
  var fileNames: (page: String, rows: String) { get }
}

extension PlanReport {
  var fileNames: (page: String, rows: String) { ("plan", "simulations") }
}

/// Writes a plan: files first, then standard output.
struct PlanOutput {
  private let format: OutputFormat
  private let output: String?
  private let folder: OutputFolder?
  private let interruption: Interruption?

  /// Makes sure that the output folder can be written before anything is simulated.
  init(_ options: PlanOutputOptions) throws {
    try self.init(options.format, output: options.output)
  }

  init(_ format: OutputFormat, output: String?) throws {
    self.format = format
    self.output = output
    folder = try output.map { try OutputFolder($0) }
    interruption = folder.map { Interruption(removing: $0.stagingPath) }
  }

  func finish(_ report: some PlanReport) throws {
    func json() -> String { report.json.recorded.indented + "\n" }
    if let folder {
      let document = report.document
      var files: [(name: String, text: String)] = [
        ("\(report.fileNames.page).html", document.html), ("\(report.fileNames.page).json", json()),
        ("\(report.fileNames.rows).csv", report.simulations.rendered(.csv)),
      ]
      for (index, figure) in document.sections.flatMap(\.figures).enumerated() {
        files.append(("figure-\(index + 1).svg", figure.svg()))
      }
      for (name, text) in files {
        try OutputFile.write(to: folder.staged(name)) { append throws(UserError) in
          try append(Array(text.utf8))
        }
      }
      try folder.commit()
    }
    switch format {
    case .table: Terminal.write(report.document.text(maxWidth: Terminal.width))
    case .json: Terminal.write(json())
    case .csv: Terminal.write(report.simulations.rendered(.csv))
    }
    if let output { Terminal.say("results are in `\(output)`") }
  }
}

/// What every plan shows of a simulation.
enum PlanCells {
  static func rate(_ value: Double) -> String { Digits.fixed(value, decimals: 2) }

  static func milliseconds(_ value: Double?) -> String {
    value.map { Digits.fixed($0, decimals: $0 < 100 ? 1 : 0) } ?? "–"
  }

  /// Milliseconds of a time in seconds; infinite where requests were never answered.
  static func latency(_ seconds: Double?) -> String {
    seconds.map { $0.isFinite ? milliseconds($0 * 1000) : "never" } ?? "–"
  }

  /// A rate with half of its 95 % interval: `7.40 ± 0.30`.
  static func rate(_ interval: MeanInterval) -> String {
    rate(interval.mean) + (interval.half.map { " ± \(rate($0))" } ?? "")
  }

  static func percent(_ share: Double) -> String { Digits.fixed(share * 100, decimals: 1) }

  static func dollars(_ value: Double?) -> String {
    value.map { Digits.fixed($0, decimals: 2) } ?? "–"
  }

  /// Names and values of one simulation, for CSV; what the targets are about stands last.
  static func columns(
    _ serviceLevel: ServiceLevel
  ) -> [(key: String, kind: CatalogTable.Kind)] {
    [
      ("request_rate", .count), ("seed", .count), ("sustained", .name), ("backlog", .count),
      ("attainment", .count), ("goodput", .count), ("mean_ttft_ms", .count),
      ("p95_ttft_ms", .count), ("p99_ttft_ms", .count), ("mean_tpot_ms", .count),
      ("p95_tpot_ms", .count), ("p99_tpot_ms", .count), ("mean_e2el_ms", .count),
      ("p95_e2el_ms", .count), ("p99_e2el_ms", .count), ("request_throughput", .count),
      ("output_throughput", .count), ("mean_batched_requests", .count), ("kv_held", .count),
      ("preemptions", .count),
    ] + ShownLatencies(serviceLevel).names.map { ($0, .count) }
  }

  /// A run that ended early has no more than its rate, its seed and that this was not sustained.
  static func row(_ trial: RateProbe.Trial, _ serviceLevel: ServiceLevel) -> [String] {
    if let point = trial.point { return row(point) }
    let known = ["\(trial.rate)", "\(trial.seed)", "no"]
    return known + Array(repeating: "", count: columns(serviceLevel).count - known.count)
  }

  static func row(_ point: RateProbe.Point) -> [String] {
    let summary = point.summary
    func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    return [
      text(point.rate), "\(point.seed)", point.isSustained ? "yes" : "no", "\(point.backlog)",
      text(point.assessment.attainment), text(point.goodput), text(summary.ttft.mean),
      text(summary.ttft.p95), text(summary.ttft.p99), text(summary.tpot.mean),
      text(summary.tpot.p95), text(summary.tpot.p99), text(summary.e2el.mean),
      text(summary.e2el.p95), text(summary.e2el.p99), text(summary.requestThroughput),
      text(summary.outputThroughput), text(summary.meanBatchedRequests), text(summary.kv.held),
      "\(summary.preemptionsRecompute + summary.preemptionsSwap)",
    ] + ShownLatencies.values(point.assessment)
  }

  static func json(_ trial: RateProbe.Trial) -> JSONValue {
    if let point = trial.point { return json(point) }
    return .object([
      .init("request_rate", .real(trial.rate)), .init("seed", .unsigned(trial.seed)),
      .init("sustained", .boolean(false)), .init("ended_early", .boolean(true)),
    ])
  }

  static func json(_ point: RateProbe.Point) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("request_rate", .real(point.rate)), .init("seed", .unsigned(point.seed)),
      .init("sustained", .boolean(point.isSustained)), .init("steady", .boolean(point.isSteady)),
      .init("backlog", .integer(point.backlog)),
      .init("attainment", .real(point.assessment.attainment)),
      .init("goodput", .real(point.goodput)),
    ]
    if let watts = point.meanWatts {
      members += [
        .init("mean_watts", .real(watts)),
        .init("joules_per_output_token", JSONValue(point.joulesPerOutputToken)),
      ]
    }
    members.append(
      .init(
        "targets",
        .array(
          point.assessment.verdicts.map { verdict in
            .object([
              .init("target", .text(verdict.text)),
              .init("measured", JSONValue(verdict.measured.flatMap { $0.isFinite ? $0 : nil })),
              .init("bound", .real(verdict.bound)), .init("met", .boolean(verdict.isMet)),
              .init("samples", .integer(verdict.samples)),
              .init("vacuous", .boolean(verdict.isVacuous)),
            ])
          })))
    members.append(
      .init("vacuous_targets", .array(point.assessment.vacuous.map { .text($0) })))
    members.append(.init("summary", SummaryText.object(point.summary)))
    return .object(members)
  }

  /// What is known of the prices, in a sentence or two.
  static func prices(_ profiles: [CostProfile]) -> [String] {
    profiles.map { profile in
      let word = profile.isCalibrated ? "calibrated" : "NOT calibrated"
      return "Prices: \(profile.name), \(word): \(profile.error)."
    }
  }

  /// The mean of a latency, in seconds.
  static func seconds(mean latency: Distribution) -> String {
    latency.mean.map { Digits.fixed($0 / 1000, decimals: 2) } ?? "–"
  }

  /// What the trace was drawn from, in a sentence; none where it is whole.
  static func sample(_ trace: Trace) -> [String] {
    trace.sample.map { ["Requests: \($0.text)."] } ?? []
  }

  static func seconds(_ value: Double) -> String {
    guard value.isFinite else { return "never" }
    return value >= 1
      ? "\(Digits.fixed(value, decimals: 2)) s" : "\(Digits.fixed(value * 1000, decimals: 1)) ms"
  }

  /// One target and how it stands: `ttft.p99<=2s: 1.87 s`.
  static func text(_ verdict: Assessment.Verdict) -> String {
    guard let measured = verdict.measured else { return "\(verdict.text): no samples, vacuous" }
    let value = verdict.name == "attainment" ? "\(percent(measured)) %" : seconds(measured)
    return "\(verdict.text): \(value)"
  }
}

extension KVSummary {
  /// Share of the pool that requests hold.
  var held: Double { tokenState + reserved + internalFragmentation + externalFragmentation }
}
