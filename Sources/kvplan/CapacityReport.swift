import CostModel
import Fleet
import Metrics
import Planning
import Results
import Serving
import Workload

/// `plan capacity` in words, numbers and pictures.
struct CapacityReport: PlanReport {
  let study: CapacityStudy
  let answer: CapacityStudy.Answer

  private var capacity: Capacity { answer.capacity }

  var document: Document {
    Document(title: title, sections: [why, rates, levers, sensitivity, memory, assumptions])
  }

  private var title: String {
    let deployment = study.deployment
    let model = deployment.groups[0].scenario.model.name
    return "\(model) on \(deployment.text) sustains \(rateText) req/s"
  }

  private var rateText: String {
    let interval = capacity.confidence.map { " ± \(PlanCells.rate($0))" } ?? ""
    return PlanCells.rate(capacity.rate) + interval
  }

  private var why: Document.Section {
    var paragraphs = ["Targets: \(study.serviceLevel.text)."]
    if let confidence = capacity.confidence {
      let each = capacity.bySeed.map(PlanCells.rate).joined(separator: ", ")
      paragraphs.append(
        "Seeds: \(each) req/s; the mean is within \(PlanCells.rate(confidence)) at 95 %.")
    }
    if let limiting = capacity.limiting { paragraphs.append(reason(limiting)) }
    if let bound = answer.bound {
      paragraphs.append(
        "No scheduler could exceed \(PlanCells.rate(bound)) req/s: the work of the requests alone "
          + "takes that long.")
    }
    return Document.Section("What limits it", paragraphs: paragraphs)
  }

  private func reason(_ point: RateProbe.Point) -> String {
    var parts = point.assessment.missed.map(PlanCells.text)
    if !point.isSteady {
      parts.append(
        "\(PlanCells.percent(point.backlogShare)) % of the requests still wait at the end")
    }
    let summary = point.summary
    let scenario = answer.prepared.resolved[0]
    if summary.rejected > 0 {
      parts.append(
        "\(summary.rejected) of \(summary.rejected + summary.completed + summary.unfinished) requests can "
          + "never be served (the longest sequence has \(scenario.settings.maxModelLength) tokens, the pool "
          + "\(scenario.kvCapacity.tokens)) and count as never answered"
      )
    }
    let batch = summary.meanBatchedRequests / Double(study.deployment.replicas)
    return
      "At \(PlanCells.rate(point.rate)) req/s: \(parts.joined(separator: "; ")). A replica then "
      + "runs \(Digits.fixed(batch, decimals: 1)) of at most \(scenario.settings.maxSequences) "
      + "sequences; requests hold \(PlanCells.percent(summary.kv.held)) % of the KV pool of "
      + "\(scenario.settings.deviceBlocks) blocks; "
      + "\(summary.preemptionsRecompute + summary.preemptionsSwap) preemptions; "
      + "\(Digits.fixed(summary.meanWaitingRequests, decimals: 1)) requests wait in the mean."
  }

  /// Those of the first seed, by rising rate.
  private var points: [RateProbe.Point] {
    (answer.below + capacity.points.filter { $0.seed == study.seeds[0] })
      .sorted { $0.rate < $1.rate }
  }

  private var rates: Document.Section {
    var table = TextTable([
      .init("req/s"), .init("TTFT\nmean ms"), .init("TTFT\np99 ms"), .init("TPOT\nmean ms"),
      .init("TPOT\np99 ms"), .init("E2E\nmean s"), .init("meet\nall %"), .init("goodput\nreq/s"),
      .init("KV\nheld %"), .init("batched"), .init("preempted"), .init("waiting\nat end %"),
      .init("", .left),
    ])
    table.rows = points.map { point in
      let summary = point.summary
      return [
        PlanCells.rate(point.rate), PlanCells.milliseconds(summary.ttft.mean),
        PlanCells.milliseconds(summary.ttft.p99), PlanCells.milliseconds(summary.tpot.mean),
        PlanCells.milliseconds(summary.tpot.p99),
        summary.e2el.mean.map { Digits.fixed($0 / 1000, decimals: 2) } ?? "–",
        PlanCells.percent(point.assessment.attainment), PlanCells.rate(point.goodput),
        PlanCells.percent(summary.kv.held),
        Digits.fixed(summary.meanBatchedRequests, decimals: 1),
        "\(summary.preemptionsRecompute + summary.preemptionsSwap)",
        PlanCells.percent(point.backlogShare), point.isSustained ? "sustained" : "not sustained",
      ]
    }
    return Document.Section(
      "Rates that were tried (seed \(study.seeds[0]))", table: table,
      figures: RateFigures.figures(points, of: study.deployment.text, study.serviceLevel))
  }

  private var levers: Document.Section {
    guard study.explains else { return Document.Section("") }
    let setbacks = answer.setbacks.map { variation, reason in
      "\(variation.change) (`\(variation.flag ?? "")`) would lower it to "
        + "\(PlanCells.rate(variation.rate)) req/s: \(reason)."
    }
    guard !answer.levers.isEmpty else {
      return Document.Section(
        "What would raise it",
        paragraphs: ["None of the settings that were changed: see the sensitivity below."]
          + setbacks)
    }
    return Document.Section(
      "What would raise it", paragraphs: setbacks,
      table: variations(answer.levers, title: "change of one setting"))
  }

  private var sensitivity: Document.Section {
    guard !answer.sensitivity.isEmpty else { return Document.Section("") }
    return Document.Section(
      "How it depends on what is not known exactly",
      table: variations(answer.sensitivity, title: "change"))
  }

  private func variations(_ list: [CapacityStudy.Variation], title: String) -> TextTable {
    let hasFlags = list.contains { $0.flag != nil }
    var table = TextTable(
      [.init(title, .left), .init("req/s"), .init("change %")]
        + (hasFlags ? [.init("flag", .left)] : []))
    let base = capacity.bySeed[0]
    table.rows = list.map { variation in
      let change =
        base > 0 ? Digits.fixed((variation.rate / base - 1) * 100, decimals: 1) : "–"
      return [variation.change, PlanCells.rate(variation.rate), change]
        + (hasFlags ? [variation.flag ?? ""] : [])
    }
    return table
  }

  private var memory: Document.Section { PlanMemory.section(answer.prepared) }

  private var assumptions: Document.Section {
    var paragraphs = PlanCells.prices(answer.prepared.profiles)
    paragraphs.append(
      "Arrivals: Poisson; \(study.trace.requests.count) requests of `\(study.trace.name)` a run, "
        + "all of them measured. Router: \(study.deployment.router.name).")
    if let command = study.deployment.vllmCommand { paragraphs.append("One replica: \(command)") }
    return Document.Section("Assumptions", paragraphs: paragraphs)
  }

  var json: JSONValue {
    func list(_ variations: [CapacityStudy.Variation]) -> JSONValue {
      .array(
        variations.map {
          .object([
            .init("change", .text($0.change)), .init("flag", $0.flag.map { .text($0) } ?? .null),
            .init("request_rate", .real($0.rate)),
          ])
        })
    }
    return .object([
      .init("deployment", .text(study.deployment.text)),
      .init("gpus", .integer(study.deployment.gpus)),
      .init("slo", .text(study.serviceLevel.text)),
      .init("capacity", .real(capacity.rate)),
      .init("capacity_ci95", capacity.confidence.map { .real($0) } ?? .null),
      .init("capacity_by_seed", .array(capacity.bySeed.map { .real($0) })),
      .init("tolerance", .real(study.tolerance)),
      .init("bound", answer.bound.map { .real($0) } ?? .null),
      .init("levers", list(answer.levers)),
      .init("setbacks", list(answer.setbacks.map(\.variation))),
      .init("sensitivity", list(answer.sensitivity)),
      .init("calibrated", .boolean(answer.prepared.profiles.allSatisfy(\.isCalibrated))),
      .init("kv_memory", PlanMemory.json(answer.prepared)),
      .init("assumptions", .array(assumptions.paragraphs.map { .text($0) })),
      .init("simulations", .array((answer.below + capacity.points).map(PlanCells.json))),
    ])
  }

  var simulations: CatalogTable {
    CatalogTable(
      columns: PlanCells.columns, rows: (answer.below + capacity.points).map(PlanCells.row))
  }
}
