import Messages
import Planning
import Results

/// What `kvplan reproduce sparse-prefix-caching` runs.
package struct SparsePrefixSetting: Equatable, Sendable {
  package var seed: UInt64 = 42
  /// Checkpoints of a prompt.
  package var budget = 16
  /// Tokens at multiples of which checkpoints are.
  package var kernelTokens = 16

  package init() {}
}

/// The simulation of *Sparse Prefix Caching* (arXiv 2605.05219): states of recurrent layers at a few places of a prompt.
package enum SparsePrefixReport {
  static let figure = "sparse-prefix-caching"

  /// Every scheme on every family.
  package static func report(_ setting: SparsePrefixSetting) throws -> FigureReport {
    let schemes = schemes(setting)
    let outcomes = try Parallel.map(SparsePrefixFamily.allCases) { family in
      let prompts = family.prompts(seed: setting.seed)
      return schemes.map {
        SparsePrefixReplay.run(prompts, $0, kernelTokens: setting.kernelTokens)
      }
    }
    let isPublished = setting == SparsePrefixSetting()
    var data = DataTable(["family", "scheme", "hit_share", "recomputed_tokens", "cost"])
    var claims: [Claim] = []
    for (family, mine) in zip(SparsePrefixFamily.allCases, outcomes) {
      for (scheme, outcome) in zip(schemes, mine) {
        data.rows.append(
          [family.rawValue, scheme.name]
            + [outcome.hitShare, outcome.recomputedTokens, outcome.cost].map {
              Digits.fixed($0, decimals: 4)
            })
        let printed = isPublished ? SparsePrefixPublished.row(family, scheme) : nil
        claims += Self.claims("\(family.rawValue), \(scheme.name)", outcome, printed)
      }
    }
    return FigureReport(
      name: figure, title: "Sparse prefix caching: checkpoints of recurrent states", claims: claims,
      data: data, figure: drawing(schemes, outcomes), remarks: remarks)
  }

  private static func schemes(_ setting: SparsePrefixSetting) -> [CheckpointScheme] {
    [
      .none, .block(32), .balanced(setting.budget), .sqrt, .dyadic, .branchPoint,
      .offline(setting.budget), .online(setting.budget, every: 8, decay: 1),
      .online(setting.budget, every: 8, decay: 0.95),
    ]
  }

  private static func claims(
    _ name: String, _ outcome: SparsePrefixReplay.Outcome, _ printed: SparsePrefixPublished.Row?
  ) -> [Claim] {
    func claim(_ what: String, _ printed: Printed?, _ ours: Double) -> Claim {
      Claim(
        figure, "\(name), \(what)",
        printed.map { .value($0.value, within: $0.tolerance) } ?? .nothing, ours: ours)
    }
    return [
      claim("hit share, %", printed?.hitPercent, outcome.hitShare * 100),
      claim("recomputed tokens a request", printed?.recomputed, outcome.recomputedTokens),
      claim("cost a request", printed?.cost, outcome.cost),
    ]
  }

  private static func drawing(
    _ schemes: [CheckpointScheme], _ outcomes: [[SparsePrefixReplay.Outcome]]
  ) -> Figure {
    let shown = schemes.indices.filter { schemes[$0] != .none }
    let charts = zip(SparsePrefixFamily.allCases, outcomes).map { family, mine in
      Chart.bars(
        BarChart(
          title: family.rawValue, yTitle: "recomputed tokens a request", parts: ["recomputed"],
          bars: shown.map {
            BarChart.Bar(
              schemes[$0].name.replacing(" ", with: "\n"), [mine[$0].recomputedTokens])
          }))
    }
    return Figure(
      title: "Tokens computed again, by scheme", charts: charts, columns: 2, chartWidth: 460)
  }

  private static let remarks = [
    "Prompts are drawn as the public simulator draws them, number by number, and printed numbers must agree in every "
      + "printed digit. (Some were rounded twice: 24.7455 to 24.75 and then to 24.8.) What was printed is what the "
      + "simulator gives for seed 42; the paper's runs on a GPU are not repeated.",
    "`sqrt` is a scheme of the paper's serving code; the public simulator has no row for it. Costs are the simulator's "
      + "units, not seconds.",
  ]
}
