import Metrics
import Planning
import Results
import Statistics

extension CapacityReport {
  /// Whether the deployment holds at the rates that were asked about, and with how much to spare.
  var asked: Document.Section {
    guard !answer.asked.isEmpty else { return Document.Section("") }
    let shown = ShownLatencies(study.serviceLevel)
    let latencies =
      shown.columns(of: .ttft, hasMean: false) + shown.columns(of: .tpot, hasMean: false)
      + shown.columns(of: nil, hasMean: false)
    var table = TextTable(
      [.init(unit), .init("holds", .left), .init("other\nseeds"), .init("headroom\n%")]
        + latencies.map(\.column) + [.init("meet\nall %"), .init("KV\nheld %")])
    table.rows = answer.asked.map { asked in
      let (point, confirmation) = (asked.point, asked.confirmation)
      return [
        PlanCells.rate(point.rate), asked.verdict.rawValue,
        "\(confirmation.held) of \(confirmation.trials.count)",
        PlanCells.percent(headroom(over: point.rate)),
      ] + latencies.map { $0.cell(point.assessment) } + [
        PlanCells.percent(point.assessment.attainment), PlanCells.percent(point.summary.kv.held),
      ]
    }
    return Document.Section(
      "At the rates asked about",
      paragraphs: [
        "Headroom is what is sustained in the mean over the rate; latencies are those of seed \(study.seeds[0])."
      ], table: table)
  }

  private func headroom(over rate: Double) -> Double { answer.capacity.rate / rate - 1 }

  /// The answer as asked, and beside it with each change.
  var whatIf: Document.Section {
    guard !answer.whatIfs.isEmpty else { return Document.Section("") }
    let hasRates = !answer.asked.isEmpty
    func holds(_ asked: [CapacityStudy.Asked]) -> [String] {
      guard hasRates else { return [] }
      return [
        asked.map { "\(PlanCells.rate($0.point.rate)) \($0.verdict.rawValue)" }
          .joined(separator: ", ")
      ]
    }
    var table = TextTable(
      [.init("what if", .left), .init(unit), .init("change %")]
        + (hasRates ? [.init("holds at", .left)] : []))
    let rate = PlanCells.rate(MeanInterval(answer.capacity.bySeed))
    table.rows = [["as asked", rate, ""] + holds(answer.asked)]
    for answer in answer.whatIfs {
      let cells: [String]
      if let variation = answer.variation {
        cells = [PlanCells.rate(variation.rate), PlanCells.effect(variation)]
      } else {
        cells = answer.whatIf.changesRateOnly ? [rate, ""] : ["no highest rate", ""]
      }
      table.rows.append([answer.whatIf.text] + cells + holds(answer.asked))
    }
    return Document.Section("What if", paragraphs: [interval], table: table)
  }

  /// Nothing where nothing was asked.
  var questionsJSON: [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    if !answer.asked.isEmpty { members.append(.init("asked", Self.json(answer.asked))) }
    if !answer.whatIfs.isEmpty {
      members.append(
        .init(
          "what_if",
          .array(
            answer.whatIfs.map { answer in
              .object(
                [.init("what_if", .text(answer.whatIf.text))]
                  + (answer.variation.map(Self.members) ?? [])
                  + [.init("asked", Self.json(answer.asked))])
            })))
    }
    return members
  }

  private static func json(_ asked: [CapacityStudy.Asked]) -> JSONValue {
    .array(
      asked.map { asked in
        .object([
          .init("request_rate", .real(asked.point.rate)),
          .init("holds", .text(asked.verdict.rawValue)),
          .init("confirmation", PlanCells.json(asked.confirmation)),
          .init("result", PlanCells.json(asked.point)),
        ])
      })
  }

  /// The numbers of a change.
  static func members(_ variation: Variation) -> [JSONValue.Member] {
    [
      .init("request_rate", .real(variation.rate.mean)),
      .init("request_rate_ci95", JSONValue(variation.rate.half)),
      .init("effect", JSONValue(variation.effect?.mean)),
      .init("effect_ci95", JSONValue(variation.effect?.half)),
      .init("effect_found", variation.isEffect.map { .boolean($0) } ?? .null),
    ]
  }
}
