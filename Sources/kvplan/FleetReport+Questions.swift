import CostModel
import Planning
import Results
import Statistics

extension FleetReport {
  /// What would be recommended otherwise, beside what is.
  var whatIf: Document.Section {
    guard !answer.whatIfs.isEmpty else { return Document.Section("") }
    var table = TextTable(
      [.init("what if", .left), .init("deployment", .left), .init("GPUs"), .init("$/h")]
        + [.init("$ a\nmonth"), .init("other\nseeds", .left)])
    func row(_ change: String, _ best: FleetPoint?, isAtTheEdge: Bool) -> [String] {
      guard let best else {
        return [change, "none within \(request.limits)", "–", "–", "–", "–"]
      }
      let dollars = best.deployment.dollarsPerHour
      return [
        change, request.text(best), "\(best.deployment.gpus)", PlanCells.dollars(dollars),
        PlanMoney.month(dollars), isAtTheEdge ? "at the edge" : "hold",
      ]
    }
    table.rows =
      [row("as asked", plan.best, isAtTheEdge: answer.isAtTheEdge)]
      + answer.whatIfs.map { row($0.change, $0.best, isAtTheEdge: $0.isAtTheEdge) }
    return Document.Section(
      "What if",
      paragraphs: [
        "Searched for and tried again with the same seeds as the plan; a change that moves no simulation moves no answer."
      ], table: table)
  }

  /// The budget and the changes, where any were given.
  var questionsJSON: [JSONValue.Member] {
    let budget = request.budgetPerMonth.map { JSONValue.Member("budget_per_month", .real($0)) }
    let limits = budget.map { [$0] } ?? []
    guard !answer.whatIfs.isEmpty else { return limits }
    let answers = answer.whatIfs.map { alternative in
      JSONValue.object(
        [
          .init("what_if", .text(alternative.change)),
          .init("recommendation", (alternative.best.map(request.text)).map { .text($0) } ?? .null),
          .init("gpus", (alternative.best?.deployment.gpus).map { .integer($0) } ?? .null),
          .init("at_the_edge", .boolean(alternative.isAtTheEdge)),
        ] + (alternative.best.map { PlanMoney.json($0.deployment) } ?? []))
    }
    return limits + [.init("what_if", .array(answers))]
  }
}

extension FleetReport {
  var splitsRuledOut: [String] {
    let count = plan.ruledOut.count { request.splits[$0.candidate] != nil }
    let all = request.splits.count { $0 != nil }
    return count == 0
      ? [] : ["Prefill and decode apart: \(count) of \(all) splits cannot fit or keep up."]
  }

  /// What the shape came to that is not recommended, and why.
  var shapes: Document.Section {
    guard let best = plan.best, let other = plan.otherShape else { return Document.Section("") }
    let lost = best.deployment.handsOff ? "Replicas that do both" : "Prefill and decode apart"
    guard let fleet = other.best else {
      let why = other.nearest.map { point in
        let missed = (point.point?.assessment.missed ?? []).map(PlanCells.text)
          .joined(separator: "; ")
        return ", the nearest is \(request.text(point)): "
          + (missed.isEmpty ? "its queue grows" : missed)
      }
      return Document.Section(
        "Aggregated or apart",
        paragraphs: ["\(lost): none within \(request.limits) sustains \(demand)\(why ?? "")."])
    }
    return Document.Section(
      "Aggregated or apart",
      paragraphs: [
        "\(lost): \(request.text(fleet)) at \(PlanCells.dollars(fleet.deployment.dollarsPerHour)) $/h is the best, for "
          + "\(PlanCells.dollars(best.deployment.dollarsPerHour)) $/h of the recommendation."
      ], table: table([best, fleet]))
  }
}

/// Plans for several rates, side by side and then one after the other.
struct FleetRatesReport: PlanReport {
  /// At least one; all of the same candidates.
  let reports: [FleetReport]

  var document: Document {
    let rates = reports.map { PlanCells.rate($0.request.rate) }.joined(separator: ", ")
    let model = reports[0].request.candidates[0].model.name
    return Document(
      title: "\(model) at \(rates) \(reports[0].unit)",
      sections: [overview]
        + reports.flatMap { report in
          let document = report.document
          let heading = "At \(PlanCells.rate(report.request.rate)) \(report.unit)"
          return [Document.Section(heading, paragraphs: ["\(document.title)."])] + document.sections
        })
  }

  private var overview: Document.Section {
    var table = TextTable(
      [
        .init(reports[0].unit), .init("deployment", .left), .init("GPUs"), .init("$/h"),
        .init("$ a\nmonth"),
      ]
        + [.init("sustains\n\(reports[0].unit)"), .init("headroom\n%"), .init("other\nseeds")])
    table.rows = reports.map { report in
      let rate = report.request.rate
      guard let best = report.plan.best else {
        return [PlanCells.rate(rate), "none within \(report.request.limits)"]
          + Array(repeating: "–", count: 6)
      }
      let dollars = best.deployment.dollarsPerHour
      let capacity = report.answer.capacity
      let confirmation = report.plan.confirmation
      return [
        PlanCells.rate(rate), report.request.text(best), "\(best.deployment.gpus)",
        PlanCells.dollars(dollars), PlanMoney.month(dollars),
        capacity.map { PlanCells.rate(MeanInterval($0.bySeed)) } ?? "–",
        capacity.map { PlanCells.percent($0.rate / rate - 1) } ?? "–",
        confirmation.map { "\($0.held) of \($0.trials.count)" } ?? "–",
      ]
    }
    return Document.Section("Rate by rate", table: table)
  }

  var json: JSONValue {
    .object([
      .init("request_rates", .array(reports.map { .real($0.request.rate) })),
      .init("plans", .array(reports.map(\.json))),
    ])
  }

  var simulations: CatalogTable {
    let tables = reports.map { ($0.request.rate, $0.simulations) }
    return CatalogTable(
      columns: [("plan_request_rate", .count)] + tables[0].1.columns,
      rows: tables.flatMap { rate, table in table.rows.map { ["\(rate)"] + $0 } })
  }
}
