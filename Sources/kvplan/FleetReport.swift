import CostModel
import Fleet
import Metrics
import Planning
import Results
import Serving
import Statistics
import Workload

/// `plan fleet` in words, numbers and pictures.
struct FleetReport: PlanReport {
  let study: FleetStudy
  let answer: FleetStudy.Answer

  var request: FleetRequest { study.request }
  var plan: FleetPlan { answer.plan }
  var unit: String { study.load.unit }

  var document: Document {
    Document(
      title: title,
      sections: [
        recommendation, shapes, served, front, field, saturation, whatIf, trust, memory, excluded,
        assumptions,
      ])
  }

  var demand: String {
    let headroom = request.headroom > 0 ? " + \(PlanCells.percent(request.headroom)) %" : ""
    return "\(PlanCells.rate(request.rate)) \(unit)\(headroom)"
  }

  private var title: String {
    let model = request.candidates[0].model.name
    guard let best = plan.best else {
      return "No deployment of \(model) within \(request.limits) sustains \(demand)"
    }
    let edge = answer.isAtTheEdge ? ", at the edge" : ""
    return "\(model) at \(demand): \(request.text(best))\(edge)"
  }

  private var recommendation: Document.Section {
    var paragraphs =
      ["Targets: \(request.serviceLevel.text)."]
      + PlanCells.sessions(study.load, rate: request.rate)
    guard let best = plan.best, let point = best.point else {
      return Document.Section("Why not", paragraphs: paragraphs + nearest)
    }
    paragraphs.append(
      "\(point.assessment.verdicts.map(PlanCells.text).joined(separator: "; ")). Requests hold "
        + "\(PlanCells.percent(point.summary.kv.held)) % of the KV pool; "
        + "\(Digits.fixed(point.summary.meanBatchedRequests, decimals: 1)) requests are batched "
        + "in the mean." + (PlanCells.imbalance(point.summary).map { " \($0)" } ?? ""))
    paragraphs.append(
      PlanMoney.text(best.deployment, point))
    if let capacity = answer.capacity {
      let room = capacity.rate / request.rate - 1
      paragraphs.append(
        "It sustains \(PlanCells.rate(MeanInterval(capacity.bySeed))) \(unit) at most: "
          + "\(PlanCells.percent(request.rate / capacity.rate)) % utilized, "
          + "\(PlanCells.percent(room)) % headroom.")
    }
    paragraphs += standing
    if let spare = answer.spare {
      paragraphs.append(
        "N+1, to stand the loss of a replica: \(spare.deployment.text), "
          + "\(PlanCells.dollars(spare.deployment.dollarsPerHour)) $/h "
          + "(\(PlanMoney.month(spare.deployment.dollarsPerHour)) $ a month).")
    }
    paragraphs += isMixed(best) ? mixedCommands(best) : PlanCells.commands(best.deployment)
    return Document.Section("Recommendation", paragraphs: paragraphs)
  }

  /// How the recommendation, and what was better, fared with seeds that did not find them.
  private var standing: [String] {
    guard let confirmation = plan.confirmation else { return [] }
    var paragraphs: [String] = []
    if answer.isAtTheEdge {
      paragraphs.append(
        "It is at the edge: \(PlanCells.confirmation(confirmation)), and no fleet within "
          + "\(request.limits) was found that holds with \(Confirmation.heldMin). Raise it, or ask "
          + "for less.")
    } else if confirmation.held < confirmation.trials.count {
      paragraphs.append(
        "It is close to its limit: \(PlanCells.confirmation(confirmation)). Ask for more "
          + "`--headroom`, or take the next larger.")
    }
    if !answer.isAtTheEdge, !plan.rejected.isEmpty {
      let better = plan.rejected.map { point, confirmation in
        "\(request.text(point)) (\(PlanCells.confirmation(confirmation)))"
      }
      paragraphs.append(
        "Not recommended, since fewer than \(Confirmation.heldMin) seeds agree: "
          + "\(better.joined(separator: ", ")).")
    }
    return paragraphs
  }

  /// The simulated deployments that came nearest.
  private var nearest: [String] {
    let nearest = plan.simulated.compactMap { fleet in fleet.point.map { (fleet, $0) } }
      .sorted { misses($0.1) < misses($1.1) }.prefix(3)
    guard !nearest.isEmpty else {
      return ["Nothing was simulated: every candidate is ruled out below."]
    }
    return ["Nearest:"]
      + nearest.map { fleet, point in
        var parts = point.assessment.missed.map(PlanCells.text)
        if !point.isSteady {
          parts.append("\(PlanCells.percent(point.backlogShare)) % still wait at the end")
        }
        if point.summary.rejected > 0 {
          parts.append("\(point.summary.rejected) requests can never be served")
        }
        return "\(request.text(fleet)): \(parts.joined(separator: "; "))"
      }
  }

  private func misses(_ point: RateProbe.Point) -> Double {
    (point.assessment.missed.first?.excess ?? 1) + point.backlogShare
  }

  private var front: Document.Section {
    guard !plan.front.isEmpty else { return Document.Section("") }
    return Document.Section(
      "Cost against latency: the front among \(plan.simulated.count) simulations",
      table: table(shownFront), figures: figures)
  }

  /// The front, each deployment with the first of settings that make no difference to it.
  private var shownFront: [FleetPoint] {
    plan.front.reduce(into: []) { shown, point in
      let isAlike = shown.contains {
        $0.deployment.text == point.deployment.text && $0.cost == point.cost
          && $0.meanLatency == point.meanLatency
      }
      if !isAlike { shown.append(point) }
    }
  }

  /// The smallest fleet of each size of a replica that sustains the rate, with the best of the settings that are varied.
  private var field: Document.Section {
    let feasible = plan.simulated.filter(\.isFeasible)
    let best = Dictionary(grouping: feasible) { point in
      isMixed(point)
        ? point.deployment.groups.map { Deployment($0.scenario).text }.joined(separator: " + ")
        : Deployment(point.deployment.groups[0].scenario).text
          + (point.deployment.handsOff ? ", apart" : "")
    }
    .values.compactMap { points in
      points.min {
        ($0.cost, $0.meanLatency, $0.candidate) < ($1.cost, $1.meanLatency, $1.candidate)
      }
    }.sorted { ($0.cost, $0.candidate) < ($1.cost, $1.candidate) }
    guard best.count > 1 else { return Document.Section("") }
    let varied = request.labels.allSatisfy(\.isEmpty) ? "" : ", at its best settings"
    return Document.Section("The smallest of each kind\(varied)", table: table(best))
  }

  private var figures: [Figure] {
    let unit = request.objective == .cost ? "$/h" : request.objective == .energy ? "W" : "GPUs"
    func series(_ name: String, _ points: [FleetPoint]) -> LineChart.Series {
      .init(
        name,
        points.compactMap { p in p.point?.summary.e2el.mean.map { .init(p.cost, $0 / 1000) } })
    }
    let chart = LineChart(
      title: "Mean end-to-end latency of what sustains the rate", xTitle: unit, yTitle: "s",
      series: [series("front", plan.front)]
        + kinds.map { kind in series(kind.name, kind.points) })
    return [Figure(title: "", charts: [.lines(chart)], columns: 1, chartWidth: 500)]
  }

  /// The sustaining fleets of each kind, by rising size.
  private var kinds: [(name: String, points: [FleetPoint])] {
    let feasible = plan.simulated.filter(\.isFeasible)
    let whole = feasible.filter { !$0.deployment.handsOff && !isMixed($0) }
    return Set(whole.map(\.candidate)).sorted().map { candidate in
      let points = feasible.filter { $0.candidate == candidate }.sorted { $0.cost < $1.cost }
      let scenario = request.candidates[candidate]
      let label = request.labels[candidate]
      let name = "\(scenario.gpus) × \(scenario.device.name)"
      return (label.isEmpty ? name : "\(name), \(label)", points)
    }
  }

  /// The rates that were tried with the recommended deployment, on the way to its capacity.
  private var saturation: Document.Section {
    guard let best = plan.best, let capacity = answer.capacity else { return Document.Section("") }
    let points = answer.around + capacity.points
    return Document.Section(
      "Where it saturates",
      paragraphs: [
        "Up to \(PlanCells.rate(capacity.bySeed[0])) \(unit) the targets hold with seed \(request.seed): "
          + "\(points.count) rates were tried."
      ],
      figures: RateFigures.figures(
        points, sustained: capacity.bySeed[0], of: request.text(best), request.serviceLevel,
        study.load))
  }

  private var trust: Document.Section {
    guard plan.best != nil else { return Document.Section("") }
    var paragraphs = plan.confirmation.map { ["Tried again: \(PlanCells.confirmation($0))."] } ?? []
    for alternative in answer.alternatives {
      let best = alternative.best.map(request.text) ?? "nothing sustains the rate"
      let edge = alternative.isAtTheEdge ? ", at the edge" : ""
      paragraphs.append("\(alternative.change): \(best)\(edge).")
    }
    if answer.dependsOnPrices {
      paragraphs.append(
        "The recommendation changes inside 10 % of kernel time, which may be less than the error of "
          + "the prices: measure before you buy, or take the larger one.")
    }
    return Document.Section("How far to trust it", paragraphs: paragraphs)
  }

  private var served: Document.Section {
    guard let recommended else { return Document.Section("") }
    return PlanServed.section(
      recommended, answer.servedIntervals, what: unit, rate: answer.capacity?.bySeed[0] ?? 0,
      holds: PlanServed.holds(holdsIfSlower, "this fleet at \(demand)"))
  }

  /// Whether the rate lies below what a slower server sustains for certain, at each level; empty where that is not known.
  private var holdsIfSlower: [Bool] {
    answer.servedIntervals.map { $0.low.map { $0 >= request.requiredRate } ?? false }
  }

  /// For the recommendation; nothing where there is none.
  private var servedJSON: [JSONValue.Member] {
    guard let recommended else { return [] }
    return PlanServed.json(recommended, answer.servedIntervals, ifSlower: holdsIfSlower)
  }

  private var memory: Document.Section {
    recommended.map(PlanMemory.section) ?? Document.Section("")
  }

  private var recommended: PreparedDeployment? {
    plan.best.flatMap { try? PreparedDeployment($0.deployment) }
  }

  private var excluded: Document.Section {
    guard !plan.ruledOut.isEmpty else { return Document.Section("") }
    return Document.Section(
      "Ruled out without a simulation",
      paragraphs: plan.ruledOut.filter { request.splits[$0.candidate] == nil }.map { ruled in
        let label = request.labels[ruled.candidate]
        let name = Deployment(ruled.scenario).text + (label.isEmpty ? "" : ", \(label)")
        return "\(name): \(ruled.reason)."
      } + splitsRuledOut)
  }

  private var assumptions: Document.Section {
    var profiles: [CostProfile] = []
    var seen: Set<Int> = []
    for point in plan.simulated where seen.insert(point.candidate).inserted {
      let one = point.deployment.with(counts: point.deployment.groups.map { _ in 1 })
      guard let prepared = try? PreparedDeployment(one) else {
        continue
      }
      for profile in prepared.profiles where !profiles.contains(profile) {
        profiles.append(profile)
      }
    }
    let arrivals =
      PlanCells.arrivals(study.load)
      + " Router: \(request.router.name). More replicas of a kind are taken to "
      + "serve no worse than fewer, and less work no worse than more. \(answer.searched) simulations found the "
      + "recommendation, \(plan.simulated.count - answer.searched) are for comparison."
    return Document.Section(
      "Assumptions",
      paragraphs: PlanCells.prices(profiles) + PlanMoney.sources(devices)
        + PlanMoney.idlePowers(devices) + comparedEnergy + PlanCells.sample(study.trace)
        + [arrivals])
  }

  /// Of all candidates, each once.
  var devices: [DeviceSpec] {
    Deployment(groups: request.candidates.map { .init($0) }).devices
  }

  var json: JSONValue {
    func object(_ point: FleetPoint) -> JSONValue {
      let deployment = point.deployment
      let members: [JSONValue.Member] =
        [
          .init("deployment", .text(request.text(point))), .init("gpus", .integer(deployment.gpus)),
          .init("replicas", .integer(deployment.replicas)),
        ]
        + (deployment.handsOff
          ? zip(["prefill_replicas", "decode_replicas"], deployment.groups).map {
            JSONValue.Member($0, .integer($1.count))
          } : []) + [
          .init("device", .text(deployment.groups[0].scenario.device.name)),
          .init(
            "tensor_parallel_size", .integer(deployment.groups[0].scenario.tensorParallel)),
        ]
        + (deployment.handsOff
          ? [
            .init(
              "decode_tensor_parallel_size",
              .integer(deployment.groups[1].scenario.tensorParallel))
          ] : [])
        + (isMixed(point) ? [mixedJSON(point)] : [])
      return .object(
        members + PlanMoney.json(deployment) + [
          .init("watts", .real(deployment.watts)), .init("result", PlanCells.json(point.trial)),
        ])
    }
    let members: [JSONValue.Member] = [
      .init("slo", .text(request.serviceLevel.text)), .init("request_rate", .real(request.rate)),
      .init("headroom", .real(request.headroom)),
      .init("objective", .text(request.objective.rawValue)),
      .init("recommendation", plan.best.map(object) ?? .null),
      .init("at_the_edge", .boolean(answer.isAtTheEdge)),
      .init("confirmation", PlanCells.json(plan.confirmation)),
      .init(
        "not_confirmed",
        .array(
          plan.rejected.map {
            .object([
              .init("deployment", .text(request.text($0.point))),
              .init("confirmation", PlanCells.json($0.confirmation)),
            ])
          })),
      .init("command", PlanCells.command(plan.best?.deployment)),
      .init("capacity", JSONValue(answer.capacity?.rate)),
      .init("capacity_ci95", JSONValue(answer.capacity?.confidence)),
      .init("fullest_replica", PlanCells.fullest(plan.best?.point?.summary)),
      .init("front", .array(plan.front.map(object))),
      .init(
        "ruled_out",
        .array(
          plan.ruledOut.map {
            .object([
              .init("replica", .text(Deployment($0.scenario).text)),
              .init("reason", .text($0.reason)),
            ])
          })),
      .init("depends_on_prices", .boolean(answer.dependsOnPrices)),
      .init(
        "alternatives",
        .array(
          answer.alternatives.map { alternative in
            .object([
              .init("change", .text(alternative.change)),
              .init(
                "recommendation", (alternative.best.map(request.text)).map { .text($0) } ?? .null),
              .init("at_the_edge", .boolean(alternative.isAtTheEdge)),
            ])
          })),
      .init("kv_memory", recommended.map(PlanMemory.json) ?? .null),
      .init("assumptions", .array(assumptions.paragraphs.map { .text($0) })),
      .init("simulations", .array(plan.simulated.map(object))),
    ]
    return .object(
      members + PlanCells.json(study.load) + servedJSON + PlanMoney.json(devices) + questionsJSON)
  }

  var simulations: CatalogTable {
    CatalogTable(
      columns: [
        ("deployment", .name), ("gpus", .count), ("dollars_per_hour", .count),
        ("dollars_per_month", .count),
      ]
        + PlanCells.columns(request.serviceLevel),
      rows: plan.simulated.map { point in
        [
          request.text(point), "\(point.deployment.gpus)",
          point.deployment.dollarsPerHour.map { "\($0)" } ?? "",
          point.deployment.dollarsPerHour.map { "\($0 * Deployment.hoursPerMonth)" } ?? "",
        ] + PlanCells.row(point.trial, request.serviceLevel)
      })
  }
}
