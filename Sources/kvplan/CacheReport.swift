import Messages
import Planning
import Results
import Statistics
import Workload

/// `plan cache` in words, numbers and a picture.
struct CacheReport: PlanReport {
  let study: CacheStudy
  let answer: CacheStudy.Answer

  var document: Document {
    Document(
      title: title,
      sections: [curve] + (study.prices == nil ? [] : [restoring, tiers]) + [assumptions])
  }

  private var title: String {
    let found = PlanCells.percent(answer.unbounded.lruTokens.mean)
    return
      "\(study.trace.name): \(found) % of the prompt tokens were seen before, in \(answer.distinctBlocks) blocks of "
      + "\(study.blockTokens) tokens"
  }

  // MARK: The curve

  private var others: [BlockReplay.Policy] { study.policies.filter { $0 != .lru } }

  private var blockGiB: Double? {
    study.prices.map { Double($0.tokenBytes * study.blockTokens) / Double(1 << 30) }
  }

  private var curve: Document.Section {
    var table = TextTable(
      [.init("blocks"), .init("tokens")] + (blockGiB == nil ? [] : [.init("GiB")])
        + [.init("found\nblocks %"), .init("found\ntokens %")]
        + others.map { .init("\($0.rawValue)\nblocks %") })
    table.rows = (answer.points + [answer.unbounded]).enumerated().map { index, point in
      let isLast = index == answer.points.count
      let size =
        isLast ? ["no bound", ""] : ["\(point.blocks)", "\(point.blocks * study.blockTokens)"]
      let gibibytes =
        blockGiB.map { [isLast ? "" : Digits.fixed($0 * Double(point.blocks), decimals: 2)] } ?? []
      return size + gibibytes + [Self.percent(point.lruBlocks), Self.percent(point.lruTokens)]
        + others.map { Self.percent(point.others[$0] ?? 0) }
    }
    let sample =
      study.sampleRate < 1
      ? [
        "An estimate from \(plain(study.sampleRate * 100)) % of the blocks, in \(ReuseCurve.sampleCount) samples; ± is half of "
          + "the 95 % interval of their mean."
      ] : []
    return Document.Section(
      "What a cache finds, by size (least recently used is dropped)", paragraphs: sample,
      table: table,
      figures: [figure])
  }

  private static func percent(_ interval: MeanInterval) -> String {
    percent(interval.mean) + (interval.half.map { " ± \(percent($0))" } ?? "")
  }

  /// Two places: sizes that are near each other differ in them.
  private static func percent(_ share: Double) -> String { Digits.fixed(share * 100, decimals: 2) }

  private var figure: Figure {
    func points(_ value: (CacheStudy.Point) -> Double) -> [LineChart.Point] {
      answer.points.map { .init(Double($0.blocks), value($0) * 100) }
    }
    var chart = LineChart(
      title: "found by a cache of so many blocks", xTitle: "blocks of \(study.blockTokens) tokens",
      yTitle: "blocks found, %",
      series: [.init("lru", points { $0.lruBlocks.mean })]
        + others.map { policy in .init(policy.rawValue, points { $0.others[policy] ?? 0 }) })
    chart.xScale = .logarithmic
    chart.level = answer.unbounded.lruBlocks.mean * 100
    return Figure(title: "", charts: [.lines(chart)], columns: 1, chartWidth: 500)
  }

  // MARK: Restoring

  private var restoring: Document.Section {
    var table = TextTable(
      [.init("prompt\ntokens"), .init("KV GB"), .init("compute\ns"), .init("break-even\nGB/s")]
        + study.tiers.map { .init("\($0.name)\ns") })
    table.rows = answer.breakEvens.map { point in
      [
        "\(point.promptTokens)", Digits.fixed(point.bytes / 1e9, decimals: 2),
        Digits.fixed(point.computeSeconds, decimals: 3),
        Digits.fixed(point.bandwidth / 1e9, decimals: 2),
      ] + study.tiers.map { Digits.fixed(point.bytes / $0.bandwidth, decimals: 3) }
    }
    return Document.Section(
      "Restore or compute",
      paragraphs: [
        "A whole prompt by itself: what computing it takes, and the bandwidth to the replica above which restoring it from a "
          + "tier is faster."
      ], table: table)
  }

  // MARK: Tiers

  private var tiers: Document.Section {
    guard let pool = answer.pool, let prices = study.prices else { return Document.Section("") }
    var table = TextTable([
      .init("tier", .left), .init("GiB"), .init("blocks"), .init("finds\ntokens %"),
      .init("restored\n%"), .init("saves\nprefill %"), .init("link\nbusy %"),
      .init("saves $\na month"), .init("costs $\na month"), .init("pays up to\n$/GiB-month"),
      .init("pays", .left),
    ])
    table.rows = ([pool] + answer.tiers).map { row($0, prices) }
    return Document.Section(
      "What each tier is worth",
      paragraphs: [
        "Each finds what the ones above it do not. What loads faster than it is computed is restored; it saves time of "
          + "\(prices.gpus == 1 ? "the GPU" : "\(prices.gpus) GPUs").", moneyNote,
      ].filter { !$0.isEmpty }, table: table)
  }

  private func row(_ worth: TierWorth, _ prices: PrefillPrices) -> [String] {
    let bytes = Double(worth.blocks * study.blockTokens * prices.tokenBytes)
    let gibibytes = worth.tier?.gibibytes ?? bytes / Double(1 << 30)
    let saved = worth.savedPerMonth(prices, spanSeconds: answer.spanSeconds)
    let restored = worth.tokens > 0 ? Double(worth.restoredTokens) / Double(worth.tokens) : 1
    let busy = worth.tier.flatMap { _ in answer.spanSeconds.map { worth.loadSeconds / $0 } }
    let cells = [
      worth.tier?.name ?? "GPUs' own pool", Digits.fixed(gibibytes, decimals: 1), "\(worth.blocks)",
      PlanCells.percent(Double(worth.tokens) / Double(max(1, answer.tokens))),
      worth.tier == nil ? "–" : PlanCells.percent(restored),
      PlanCells.percent(worth.savedSeconds / (answer.prefillSeconds ?? .infinity)),
      busy.map(PlanCells.percent) ?? "–", PlanCells.dollars(saved),
    ]
    guard let tier = worth.tier else { return cells + ["–", "–", "–"] }
    return cells + [
      PlanCells.dollars(tier.dollarsPerMonth), PlanCells.dollars(saved.map { $0 / tier.gibibytes }),
      pays(saved, tier.dollarsPerMonth) ?? "–",
    ]
  }

  private func pays(_ saved: Double?, _ cost: Double?) -> String? {
    guard let saved, let cost else { return nil }
    return saved > cost ? "yes" : "no"
  }

  private var moneyNote: String {
    guard let prices = study.prices else { return "" }
    if prices.dollarsPerGPUHour == nil {
      return "No price of the GPU is known: `--price` gives one, and dollars follow."
    }
    guard let span = answer.spanSeconds else {
      return
        "The trace has no arrivals: `--request-rate` says how much of a month it is, and dollars follow."
    }
    let rate = Double(study.trace.requests.count) / span
    return
      "Dollars: all traffic is like the trace, at \(PlanCells.rate(rate)) req/s to this replica."
  }

  private var assumptions: Document.Section {
    let whole =
      study.prices?.countsWholeContext == true
      ? [
        "Layers that keep less than every token are counted as if they kept all: caches hold more than shown."
      ] : []
    return Document.Section(
      "Assumptions",
      paragraphs: (study.prices.map { PlanCells.prices([$0.profile]) } ?? []) + whole + [
        "Requests come one after the other, each when the one before it has ended; a partial last block is found too. ARC "
          + "and the optimum (Belady's: what is not needed for longest is dropped) are replayed at each size."
      ])
  }

  // MARK: For programs

  var json: JSONValue {
    func point(_ point: CacheStudy.Point, bound: Bool = true) -> JSONValue {
      .object(
        [
          .init("blocks", bound ? .integer(point.blocks) : .null),
          .init("lru_block_hit_ratio", .real(point.lruBlocks.mean)),
          .init("lru_block_hit_ratio_half_interval", JSONValue(point.lruBlocks.half)),
          .init("lru_token_hit_ratio", .real(point.lruTokens.mean)),
          .init("lru_token_hit_ratio_half_interval", JSONValue(point.lruTokens.half)),
        ] + others.map { .init("\($0.rawValue)_block_hit_ratio", JSONValue(point.others[$0])) })
    }
    return .object([
      .init("trace", .text(study.trace.name)), .init("block_size", .integer(study.blockTokens)),
      .init("prompt_blocks", .integer(answer.blocks)),
      .init("prompt_tokens", .integer(answer.tokens)),
      .init("distinct_blocks", .integer(answer.distinctBlocks)),
      .init("sample", .real(study.sampleRate)),
      .init("curve", .array(answer.points.map { point($0) })),
      .init("unbounded", point(answer.unbounded, bound: false)),
      .init(
        "break_even",
        .array(
          answer.breakEvens.map {
            .object([
              .init("prompt_tokens", .integer($0.promptTokens)), .init("kv_bytes", .real($0.bytes)),
              .init("compute_s", .real($0.computeSeconds)),
              .init("bytes_per_second", .real($0.bandwidth)),
            ])
          })),
      .init("prefill_s", JSONValue(answer.prefillSeconds)),
      .init("span_s", JSONValue(answer.spanSeconds)),
      .init("tiers", .array(([answer.pool].compactMap { $0 } + answer.tiers).map(worthJSON))),
    ])
  }

  private func worthJSON(_ worth: TierWorth) -> JSONValue {
    let saved = study.prices.flatMap {
      worth.savedPerMonth($0, spanSeconds: answer.spanSeconds)
    }
    return .object([
      .init("name", worth.tier.map { .text($0.name) } ?? .null),
      .init("blocks", .integer(worth.blocks)), .init("tokens_found", .integer(worth.tokens)),
      .init("tokens_restored", .integer(worth.restoredTokens)),
      .init("saved_s", .real(worth.savedSeconds)), .init("load_s", .real(worth.loadSeconds)),
      .init("saved_dollars_per_month", JSONValue(saved)),
      .init("cost_dollars_per_month", JSONValue(worth.tier?.dollarsPerMonth)),
    ])
  }

  /// One row a size.
  var simulations: CatalogTable {
    CatalogTable(
      columns: [
        ("blocks", .count), ("tokens", .count), ("lru_block_hit_ratio", .count),
        ("lru_token_hit_ratio", .count), ("lru_block_hit_ratio_half_interval", .count),
      ] + others.map { ("\($0.rawValue)_block_hit_ratio", .count) },
      rows: answer.points.map { point in
        [
          "\(point.blocks)", "\(point.blocks * study.blockTokens)", "\(point.lruBlocks.mean)",
          "\(point.lruTokens.mean)", point.lruBlocks.half.map { "\($0)" } ?? "",
        ] + others.map { point.others[$0].map { "\($0)" } ?? "" }
      })
  }
}
