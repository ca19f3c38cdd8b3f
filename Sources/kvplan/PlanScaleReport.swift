import CostModel
import Fleet
import Metrics
import Planning
import Results
import Serving
import SimulationKernel
import Workload

/// `plan scale` in words, numbers and pictures.
struct ScalingReport: PlanReport {
  let study: ScalingStudy
  let answer: ScalingStudy.Answer

  var document: Document {
    Document(title: title, sections: [operations, served, windows, assumptions])
  }

  private var most: Int? {
    answer.windows.contains { $0.needed == nil } ? nil : answer.windows.compactMap(\.needed).max()
  }

  private var title: String {
    let model = study.deployment.groups[0].scenario.model.name
    let fewest = answer.windows.compactMap(\.needed).min() ?? 0
    let span = most.map { "\(fewest) to \($0)" } ?? "more than \(study.maxReplicas)"
    let edge = answer.isAtTheEdge ? ", at the edge" : ""
    return "\(model) on \(answer.prepared.deployment.text): \(span) replicas over the trace\(edge)"
  }

  private var operations: Document.Section {
    let shown = ShownLatencies(study.serviceLevel)
    let latencies =
      shown.columns(of: .ttft, hasMean: false) + shown.columns(of: .tpot, hasMean: false)
      + shown.columns(of: nil, hasMean: false)
    var table = TextTable(
      [
        .init("operation", .left), .init("replicas"), .init("GPU\nhours"), .init("$"),
        .init("$ a\nmonth"),
        .init("meet\nall %"),
      ]
        + latencies.map(\.column) + [.init("other\norders"), .init("targets", .left)])
    func row(_ name: String, _ replicas: String, _ operation: ScalingStudy.Operation) -> [String] {
      let confirmation = operation.confirmation
      let missed = operation.assessment.missed.map(PlanCells.text)
      return [
        name, replicas, Digits.fixed(operation.gpuHours, decimals: 1),
        PlanCells.dollars(dollars(operation)), PlanMoney.month(dollarsPerHour(operation)),
        PlanCells.percent(operation.assessment.attainment),
      ] + latencies.map { $0.cell(operation.assessment) } + [
        "\(confirmation.held) of \(confirmation.trials.count)",
        missed.isEmpty ? "met" : missed.joined(separator: "; "),
      ]
    }
    if let fixed = answer.fixed {
      table.rows.append(
        row(
          fixed.replicas > most ?? 0 ? "more than the most" : "always the most",
          "\(fixed.replicas)", fixed.operation))
    }
    let launched = answer.scaling.map(\.launched)
    table.rows.append(
      row(
        "autoscaler", "\(launched.min() ?? 0) to \(launched.max() ?? 0)", answer.autoscaled))
    let ideal =
      answer.idealGPUHours.map {
        " With just what each window needs, and no start-up, \(Digits.fixed($0, decimals: 1)) GPU hours "
          + "would do."
      } ?? ""
    return Document.Section(
      "How to run it",
      paragraphs: [
        "Targets: \(study.serviceLevel.text). One replica sustains "
          + "\(PlanCells.rate(answer.replicaRate)) req/s.\(ideal)",
        "Other orders: on how many of \(Confirmation.seedCount) days the targets hold that have the same "
          + "requests, as many in each window and as far apart, with the gaps in another order.",
        "The autoscaler decides every \(plain(study.intervalSeconds)) s by \(seen), "
          + "waits \(plain(study.startUpSeconds)) s for a new one, and "
          + (study.rule == .patient
            ? "lets one go when \(ScalingStudy.patience + 1) decisions in a row ask for fewer."
            : "\(study.rule.summary) (`\(study.rule.name)`)."),
      ] + killed + lost + saving, table: table, figures: figures)
  }

  /// What the autoscaler decides by, and what it gives a replica.
  private var seen: String {
    let read = study.rule.reads == .arrivals ? "the requests since then" : "what replicas report"
    switch study.rule.target {
    case .rate:
      return
        "\(read), gives a replica \(PlanCells.percent(study.targetUtilization)) % of what one sustains"
    case .requests(let own):
      return "\(read), gives a replica \(plain(study.targetRequests ?? own)) requests at a time"
    case .own: return read
    }
  }

  /// What replicas that the autoscaler let go took with them, in a sentence.
  private var killed: [String] {
    guard kills else { return [] }
    let count = answer.scaling.reduce(0) { $0 + $1.restarted }
    return [
      "A replica that it lets go ends at once: \(count) \(count == 1 ? "request" : "requests") "
        + "began again elsewhere."
    ]
  }

  private var kills: Bool { (study.removal ?? study.rule.removal) == .kill }

  /// Dollars of a GPU and hour.
  private var price: Double? { study.deployment.groups[0].scenario.device.price?.dollarsPerHour }

  /// What the GPUs cost over the trace: hours of GPUs times their price.
  private func dollars(_ operation: ScalingStudy.Operation) -> Double? {
    price.map { operation.gpuHours * $0 }
  }

  /// The same as a mean over the time that the trace takes to serve.
  private func dollarsPerHour(_ operation: ScalingStudy.Operation) -> Double? {
    dollars(operation).map { $0 / (operation.result.summary.duration / 3600) }
  }

  /// How replicas failed under the autoscaler, in a sentence.
  private var lost: [String] {
    guard case .drawn(let meanUp, let meanDown)? = study.deployment.failures else { return [] }
    let failures = answer.autoscaled.result.summary.failures
    let count = failures.reduce(0) { $0 + $1.failures }
    let retried = failures.reduce(0) { $0 + $1.retriedRequests }
    return [
      "A replica runs \(plain(meanUp)) s in the mean until it fails, and is down for \(plain(meanDown)) s: under "
        + "the autoscaler \(count) \(count == 1 ? "failure" : "failures"), after which \(retried) "
        + "\(retried == 1 ? "request" : "requests") began again. What each window needs is without failures."
    ]
  }

  /// What the autoscaler costs against as many replicas all the time, in a sentence.
  private var saving: [String] {
    guard let fixed = answer.fixed, let always = dollarsPerHour(fixed.operation),
      let scaled = dollarsPerHour(answer.autoscaled), always > 0
    else { return [] }
    let share = 1 - scaled / always
    return [
      "The autoscaler costs \(PlanMoney.month(scaled)) $ a month against \(PlanMoney.month(always)) $ of "
        + "\(fixed.replicas) replicas all the time, \(PlanCells.percent(abs(share))) % "
        + "\(share < 0 ? "more" : "less"), if all traffic is like the trace."
    ]
  }

  private var served: Document.Section {
    let fixed = answer.fixed.map { fixed in
      PlanServed.holds(fixed.operation.ifSlower, "\(fixed.replicas) replicas all the time")
    }
    return PlanServed.section(
      answer.prepared, answer.servedIntervals, what: "req/s a replica", rate: answer.replicaRate,
      holds: (fixed ?? []) + PlanServed.holds(answer.autoscaled.ifSlower, "the autoscaler"))
  }

  private var windows: Document.Section {
    let hasVacuous = answer.windows.contains { !$0.vacuous.isEmpty }
    var table = TextTable(
      [.init("from s"), .init("requests"), .init("req/s"), .init("needed"), .init("autoscaler")]
        + (hasVacuous ? [.init("no samples of", .left)] : []))
    table.rows = answer.windows.map { window in
      let end = window.start + study.windowSeconds
      let steps = answer.scaling.filter {
        $0.time.seconds >= window.start && $0.time.seconds < end
      }.map(\.ready)
      let ready =
        steps.isEmpty
        ? "–"
        : steps.min() == steps.max()
          ? "\(steps[0])" : "\(steps.min() ?? 0) to \(steps.max() ?? 0)"
      return [
        plain(window.start), "\(window.requests)", PlanCells.rate(window.rate),
        window.needed.map { "\($0)" } ?? "> \(study.maxReplicas)", ready,
      ] + (hasVacuous ? [window.vacuous.joined(separator: ", ")] : [])
    }
    let note =
      "A target that no request of a window is a sample of is vacuous there: it is met, and adds no replica."
    return Document.Section(
      "Window by window", paragraphs: hasVacuous ? [note] : [], table: table)
  }

  private var figures: [Figure] {
    let needed = answer.windows.map { window in
      LineChart.Point(window.start / 3600, Double(window.needed ?? study.maxReplicas))
    }
    let ready = answer.scaling.map {
      LineChart.Point($0.time.seconds / 3600, Double($0.ready))
    }
    let rate = answer.windows.map { LineChart.Point($0.start / 3600, $0.rate) }
    let charts = [
      LineChart(
        title: "Requests", xTitle: "hour", yTitle: "req/s", series: [.init("offered", rate)]),
      LineChart(
        title: "Replicas", xTitle: "hour", yTitle: "replicas",
        series: [.init("needed", needed), .init("autoscaler", ready)]),
    ]
    return charts.map { Figure(title: "", charts: [.lines($0)], columns: 1, chartWidth: 500) }
  }

  private var assumptions: Document.Section {
    Document.Section(
      "Assumptions",
      paragraphs: PlanCells.prices(answer.prepared.profiles)
        + PlanMoney.sources(study.deployment.devices) + [
          "Arrivals: those of `\(study.trace.name)`. Each window starts on an empty system. Router: "
            + "\(study.deployment.router.name)."
        ])
  }

  private func plain(_ seconds: Double) -> String {
    seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
  }

  var json: JSONValue {
    func object(_ operation: ScalingStudy.Operation) -> [JSONValue.Member] {
      [
        .init("gpu_hours", .real(operation.gpuHours)),
        .init("dollars", JSONValue(dollars(operation))),
        .init(
          "dollars_per_month",
          JSONValue(dollarsPerHour(operation).map { $0 * Deployment.hoursPerMonth })),
        .init("attainment", .real(operation.assessment.attainment)),
        .init("met", .boolean(operation.assessment.isMet)),
        .init("at_the_edge", .boolean(operation.isAtTheEdge)),
        .init("holds_if_slower", PlanServed.holdsJSON(operation.ifSlower)),
        .init("confirmation", PlanCells.json(operation.confirmation)),
        .init("summary", SummaryText.object(operation.result.summary)),
      ]
    }
    let members: [JSONValue.Member] = [
      .init("slo", .text(study.serviceLevel.text)),
      .init("at_the_edge", .boolean(answer.isAtTheEdge)),
      .init("replica_rate", .real(answer.replicaRate)),
      .init("ideal_gpu_hours", JSONValue(answer.idealGPUHours)),
      .init(
        "fixed",
        answer.fixed.map {
          .object([.init("replicas", .integer($0.replicas))] + object($0.operation))
        } ?? .null),
      .init("autoscaled", .object(object(answer.autoscaled))),
      .init(
        "windows",
        .array(
          answer.windows.map {
            .object([
              .init("start_s", .real($0.start)), .init("requests", .integer($0.requests)),
              .init("request_rate", .real($0.rate)),
              .init("needed", $0.needed.map { .integer($0) } ?? .null),
              .init("vacuous_targets", .array($0.vacuous.map { .text($0) })),
            ])
          })),
      .init("scaling", .array(answer.scaling.map(json(of:)))),
    ]
    return .object(
      members + PlanServed.json(answer.prepared, answer.servedIntervals)
        + PlanMoney.json(study.deployment.devices))
  }

  private func json(of step: ScalingStep) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("time_s", .real(step.time.seconds)), .init("arrived", .integer(step.arrived)),
      .init("launched", .integer(step.launched)), .init("ready", .integer(step.ready)),
    ]
    if kills { members.append(.init("restarted", .integer(step.restarted))) }
    return .object(members)
  }

  var simulations: CatalogTable {
    CatalogTable(
      columns: [
        ("start_s", .count), ("requests", .count), ("request_rate", .count), ("needed", .count),
      ],
      rows: answer.windows.map {
        ["\($0.start)", "\($0.requests)", "\($0.rate)", $0.needed.map { "\($0)" } ?? ""]
      })
  }
}
