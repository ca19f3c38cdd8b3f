import Planning
import Results

/// Prefix caches of hybrid models: Marconi, a tree with the least recent leaf evicted, and blocks with a state each.
package enum MarconiReport {
  package static let figure = "marconi"
  /// Bytes of the cache, GB, for each family: some tens of requests.
  package static let cacheGB = [10.0, 20.0, 40.0]

  /// Every cache on every family.
  package static func report(seed: UInt64, cacheGB: [Double]) throws -> FigureReport {
    let model = MarconiModel()
    let cases = MarconiWorkload.allCases.flatMap { family in cacheGB.map { (family, $0) } }
    let outcomes = try Parallel.map(cases) { family, gigabytes in
      let texts = family.texts(seed: seed)
      let bytes = Int(gigabytes * 1e9)
      let blocks = MarconiReplay.blocks(texts, model, bytes: bytes)
      return (
        blocks: blocks.outcome, cache: blocks.cache,
        leastRecent: MarconiReplay.leastRecent(texts, model, bytes: bytes),
        tuned: MarconiReplay.tuned(texts, model, bytes: bytes)
      )
    }
    var data = DataTable([
      "family", "cache_gb", "vllm_plus_hit_percent", "sglang_plus_hit_percent",
      "marconi_hit_percent", "alpha", "blocks_reused_percent", "states_reused_percent",
    ])
    var claims: [Claim] = []
    for ((family, gigabytes), outcome) in zip(cases, outcomes) {
      let written = Double(max(1, outcome.cache.written))
      data.rows.append(
        [family.rawValue, Claim.text(gigabytes)]
          + [outcome.blocks, outcome.leastRecent, outcome.tuned].map {
            Claim.text($0.hitRatio * 100)
          } + [
            Claim.text(outcome.tuned.alpha ?? 0),
            Claim.text(Double(outcome.cache.foundBlocks) / written * 100),
            Claim.text(Double(outcome.cache.foundStates) / written * 100),
          ])
      let name = "\(family.rawValue), \(Claim.text(gigabytes)) GB"
      claims += Self.claims(
        name, blocks: outcome.blocks, leastRecent: outcome.leastRecent, tuned: outcome.tuned)
    }
    return FigureReport(
      name: figure, title: "Marconi: prefix caches of hybrid models", claims: claims, data: data,
      figure: drawing(cases, outcomes.map { [$0.blocks, $0.leastRecent, $0.tuned] }),
      remarks: remarks)
  }

  private static func claims(
    _ name: String, blocks: MarconiReplay.Outcome, leastRecent: MarconiReplay.Outcome,
    tuned: MarconiReplay.Outcome
  ) -> [Claim] {
    func ratio(_ a: MarconiReplay.Outcome, _ b: MarconiReplay.Outcome) -> Double {
      a.hitRatio / max(b.hitRatio, 1e-9)
    }
    return [
      Claim(
        figure, "\(name): hit rate of Marconi by vLLM+'s", .span(1...1000),
        ours: min(1000, ratio(tuned, blocks)), note: "a direction; the paper has 4.5, 7.3 and 34.4"),
      Claim(
        figure, "\(name): hit rate of Marconi by SGLang+'s", .span(1...1000),
        ours: min(1000, ratio(tuned, leastRecent)), note: "a direction"),
      Claim(
        figure, "\(name): operations saved by Marconi, by SGLang+", .span(1...1000),
        ours: min(1000, tuned.savedOperations / max(leastRecent.savedOperations, 1)),
        note: "a direction"),
    ]
  }

  private static func drawing(
    _ cases: [(MarconiWorkload, Double)], _ outcomes: [[MarconiReplay.Outcome]]
  ) -> Figure {
    var chart = BarChart(
      title: "prompt tokens found, by family and GB of cache", yTitle: "hit rate, %",
      parts: ["vLLM+", "SGLang+", "Marconi"],
      bars: zip(cases, outcomes).map { one, outcomes in
        BarChart.Bar(
          "\(one.0.rawValue)\n\(Claim.text(one.1))", outcomes.map { $0.hitRatio * 100 })
      })
    chart.isGrouped = true
    return Figure(
      title: "Prefix caches of a hybrid model", charts: [.bars(chart)], columns: 1, chartWidth: 760)
  }

  private static let remarks = [
    "The paper's traces are not at hand: conversations of three kinds are made up, and only directions are held against it.",
    "Blocks have 32 tokens and a state each; SGLang+ keeps states as Marconi does, where requests part and at their ends, and "
      + "evicts the least recent leaf. Requests come one after the other.",
    "The public code's saving of MLPs subtracts the parent's attention, and its evicted bytes are those of another node: here "
      + "each is what it says.",
  ]
}
