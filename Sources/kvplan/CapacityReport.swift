import CostModel
import Fleet
import Metrics
import Planning
import Results
import Serving
import Statistics
import Workload

/// `plan capacity` in words, numbers and pictures.
struct CapacityReport: PlanReport {
  let study: CapacityStudy
  let answer: CapacityStudy.Answer

  private var capacity: Capacity { answer.capacity }
  var unit: String { study.load.unit }

  var document: Document {
    Document(
      title: title,
      sections: [
        holds, served, asked, whatIf, why, rates, levers, sensitivity, memory, assumptions,
      ])
  }

  private var title: String {
    let deployment = study.deployment
    let model = deployment.groups[0].scenario.model.name
    let rate = PlanCells.rate(MeanInterval(capacity.bySeed))
    return "\(model) on \(deployment.text) sustains \(rate) \(unit)\(qualification)"
  }

  /// What the seeds that did not find the rate have to add to it.
  private var qualification: String {
    guard let advice = answer.advice else { return "" }
    if answer.isAtTheEdge { return ", at the edge" }
    return advice.rate < capacity.rate ? "; plan for \(PlanCells.rate(advice.rate))" : ""
  }

  private var holds: Document.Section {
    var paragraphs =
      ["Targets: \(study.serviceLevel.text)."]
      + PlanCells.sessions(study.load, rate: capacity.rate)
    if let confidence = capacity.confidence {
      let each = capacity.bySeed.map(PlanCells.rate).joined(separator: ", ")
      paragraphs.append(
        "Seeds: \(each) \(unit); the mean is within \(PlanCells.rate(confidence)) at 95 %.")
    }
    if let advice = answer.advice {
      var text =
        "At \(PlanCells.rate(capacity.rate)) \(unit) \(PlanCells.confirmation(advice.ofMean))."
      if answer.isAtTheEdge {
        text +=
          " It is at the edge: no rate a little lower holds with \(Confirmation.heldMin) either."
      } else if advice.rate < capacity.rate {
        text +=
          " At \(PlanCells.rate(advice.rate)) \(unit) they hold in \(advice.confirmation.held): plan for that."
      }
      paragraphs.append(text)
    }
    if let best = capacity.best {
      paragraphs.append(
        PlanMoney.text(study.deployment, best))
    }
    return Document.Section("Does it hold", paragraphs: paragraphs)
  }

  private var served: Document.Section {
    PlanServed.section(
      answer.prepared, answer.servedIntervals, what: unit, rate: capacity.bySeed[0])
  }

  private var why: Document.Section {
    var paragraphs: [String] = []
    if let limiting = capacity.limiting { paragraphs.append(reason(limiting)) }
    if let bound = answer.bound {
      paragraphs.append(
        "No scheduler could exceed \(PlanCells.rate(bound)) \(unit): the work of the \(study.load.countsSessions ? "first turns" : "requests") alone "
          + "takes that long.")
    }
    return Document.Section("What limits it", paragraphs: paragraphs)
  }

  private func reason(_ point: RateProbe.Point) -> String {
    var parts = point.assessment.missed.map(PlanCells.text)
    if !point.isSteady {
      parts.append(
        "\(PlanCells.percent(point.backlogShare)) % of the \(study.load.starters) still wait "
          + (study.load.countsSessions ? "when the last begins" : "at the end"))
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
      "At \(PlanCells.rate(point.rate)) \(unit): \(parts.joined(separator: "; ")). A replica then "
      + "runs \(Digits.fixed(batch, decimals: 1)) of at most \(scenario.settings.maxSequences) "
      + "sequences; requests hold \(PlanCells.percent(summary.kv.held)) % of the KV pool of "
      + "\(scenario.settings.poolBlocks) blocks; "
      + "\(summary.preemptionsRecompute + summary.preemptionsSwap) preemptions; "
      + "\(Digits.fixed(summary.meanWaitingRequests, decimals: 1)) requests wait in the mean."
      + (PlanCells.imbalance(summary).map { " \($0)" } ?? "")
  }

  /// Those of the first seed, by rising rate.
  private var points: [RateProbe.Point] {
    (answer.around + capacity.points).sorted { $0.rate < $1.rate }
  }

  private var rates: Document.Section {
    let shown = ShownLatencies(study.serviceLevel)
    let (ttft, tpot, others) = (
      shown.columns(of: .ttft), shown.columns(of: .tpot), shown.columns(of: nil)
    )
    var table = TextTable(
      [.init(unit), .init("TTFT\nmean ms")] + ttft.map(\.column)
        + [.init("TPOT\nmean ms")] + tpot.map(\.column) + [.init("E2E\nmean s")]
        + others.map(\.column) + [
          .init("meet\nall %"), .init("goodput\nreq/s"), .init("KV\nheld %"), .init("batched"),
          .init("preempted"), .init("waiting\nat end %"), .init("", .left),
        ])
    table.rows = points.map { point in
      let summary = point.summary
      let latencies =
        [PlanCells.milliseconds(summary.ttft.mean)] + ttft.map { $0.cell(point.assessment) }
        + [PlanCells.milliseconds(summary.tpot.mean)] + tpot.map { $0.cell(point.assessment) }
        + [PlanCells.seconds(mean: summary.e2el)] + others.map { $0.cell(point.assessment) }
      return [PlanCells.rate(point.rate)] + latencies + [
        PlanCells.percent(point.assessment.attainment), PlanCells.rate(point.goodput),
        PlanCells.percent(summary.kv.held),
        Digits.fixed(summary.meanBatchedRequests, decimals: 1),
        "\(summary.preemptionsRecompute + summary.preemptionsSwap)",
        PlanCells.percent(point.backlogShare), point.isSustained ? "sustained" : "not sustained",
      ]
    }
    return Document.Section(
      "Rates that were tried (seed \(study.seeds[0]))", table: table,
      figures: RateFigures.figures(
        points, sustained: capacity.bySeed[0], of: study.deployment.text, study.serviceLevel,
        study.load))
  }

  private var levers: Document.Section {
    guard study.explains else { return Document.Section("") }
    let levers = answer.levers
    var paragraphs = levers.setbacks.map { variation, reason in
      "\(variation.change) (`\(variation.flag ?? "")`) would lower it to "
        + "\(PlanCells.rate(variation.rate)) \(unit): \(reason)."
    }
    if !levers.withoutEffect.isEmpty {
      let list = levers.withoutEffect.map { "\($0.change) (±\(PlanCells.half($0)) %)" }
      paragraphs.append("No effect found: \(list.joined(separator: ", ")).")
    }
    if !levers.withoutGain.isEmpty {
      paragraphs.append(
        "No gain with seed \(study.seeds[0]), others not tried: "
          + "\(levers.withoutGain.joined(separator: ", ")).")
    }
    guard !levers.gains.isEmpty else {
      return Document.Section(
        "What would raise it",
        paragraphs: ["None of the settings that were changed: see the sensitivity below."]
          + paragraphs)
    }
    return Document.Section(
      "What would raise it", paragraphs: paragraphs + [interval],
      table: variations(levers.gains, title: "change of one setting"))
  }

  /// What ± means beside a change.
  var interval: String {
    guard study.seeds.count > 1 else {
      return "One seed says nothing of how far a change can be trusted: give more with `--seeds`."
    }
    var text =
      "± is half of the 95 % interval over the seeds, of a change that of the differences between runs with the same "
      + "seed, and no less than the width of the searches' brackets."
    if let count = answer.comparedRequests, count < study.trace.requests.count {
      text += " Changes were simulated with \(count) of the \(study.trace.requests.count) requests."
    }
    return text
  }

  private var sensitivity: Document.Section {
    guard !answer.sensitivity.isEmpty else { return Document.Section("") }
    return Document.Section(
      "How it depends on what is not known exactly", paragraphs: [interval],
      table: variations(answer.sensitivity, title: "change"))
  }

  private func variations(_ list: [Variation], title: String) -> TextTable {
    let hasFlags = list.contains { $0.flag != nil }
    var table = TextTable(
      [.init(title, .left), .init(unit), .init("change %")]
        + (hasFlags ? [.init("flag", .left)] : []))
    table.rows = list.map { variation in
      [variation.change, PlanCells.rate(variation.rate), PlanCells.effect(variation)]
        + (hasFlags ? [variation.flag ?? ""] : [])
    }
    return table
  }

  private var memory: Document.Section { PlanMemory.section(answer.prepared) }

  private var assumptions: Document.Section {
    var paragraphs =
      PlanCells.prices(answer.prepared.profiles) + PlanMoney.sources(study.deployment.devices)
      + (capacity.best?.meanWatts == nil ? [] : PlanMoney.idlePowers(study.deployment.devices))
      + PlanCells.sample(study.trace)
    paragraphs.append(
      PlanCells.arrivals(study.load) + " Router: \(study.deployment.router.name).")
    paragraphs += PlanCells.commands(study.deployment)
    return Document.Section("Assumptions", paragraphs: paragraphs)
  }

  var json: JSONValue {
    func list(_ variations: [Variation]) -> JSONValue {
      .array(
        variations.map {
          .object(
            [
              .init("change", .text($0.change)),
              .init("flag", $0.flag.map { .text($0) } ?? .null),
            ] + Self.members($0))
        })
    }
    let members: [JSONValue.Member] = [
      .init("deployment", .text(study.deployment.text)),
      .init("gpus", .integer(study.deployment.gpus)),
      .init("slo", .text(study.serviceLevel.text)),
      .init("capacity", .real(capacity.rate)),
      .init("capacity_ci95", capacity.confidence.map { .real($0) } ?? .null),
      .init("compared_requests", answer.comparedRequests.map { .integer($0) } ?? .null),
      .init("capacity_by_seed", .array(capacity.bySeed.map { .real($0) })),
      .init("recommended_rate", JSONValue(answer.advice?.rate)),
      .init("at_the_edge", .boolean(answer.isAtTheEdge)),
      .init("confirmation", PlanCells.json(answer.advice?.confirmation)),
      .init("tolerance", .real(study.tolerance)),
      .init("bound", answer.bound.map { .real($0) } ?? .null),
      .init("limiting_replica", PlanCells.fullest(capacity.limiting?.summary)),
      .init("levers", list(answer.levers.gains)),
      .init("setbacks", list(answer.levers.setbacks.map(\.variation))),
      .init("without_effect", list(answer.levers.withoutEffect)),
      .init("without_gain", .array(answer.levers.withoutGain.map { .text($0) })),
      .init("sensitivity", list(answer.sensitivity)),
      .init("calibrated", .boolean(answer.prepared.profiles.allSatisfy(\.isCalibrated))),
      .init("kv_memory", PlanMemory.json(answer.prepared)),
      .init("assumptions", .array(assumptions.paragraphs.map { .text($0) })),
      .init(
        "simulations",
        .array(trials.map { PlanCells.json($0) })),
    ]
    return .object(
      members + PlanCells.json(study.load)
        + PlanServed.json(answer.prepared, answer.servedIntervals)
        + PlanMoney.json(study.deployment) + PlanMoney.json(study.deployment.devices)
        + questionsJSON)
  }

  var simulations: CatalogTable {
    CatalogTable(
      columns: PlanCells.columns(study.serviceLevel),
      rows: trials.map { PlanCells.row($0, study.serviceLevel) })
  }

  /// Every rate that was tried with the whole trace but those of confirmations.
  private var trials: [RateProbe.Trial] {
    answer.around.map(RateProbe.Trial.init) + capacity.trials
      + answer.asked.map { RateProbe.Trial($0.point) }
  }
}
