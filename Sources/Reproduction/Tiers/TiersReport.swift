import CostModel
import Metrics
import Planning
import Results
import Serving
import SimulationKernel
import Statistics
import Workload

/// What papers on tiers of KV memory print, beside ours: CacheFlow, MemServe, Mooncake's trace, CachedAttention.
package enum TiersReport {
  static let figure = "tiers"

  /// - Parameter mooncake: Mooncake's conversation trace with its block hashes; `nil` where it is missing.
  package static func report(seed: UInt64, mooncake: Trace?) throws -> FigureReport {
    let cells = try CacheFlowGrid.cells()
    let claims =
      cacheFlow(cells) + (try memServe(seed: seed)) + (try hitRates(mooncake))
      + (try cachedAttention(seed: seed))
    return FigureReport(
      name: figure, title: "Tiers: what restoring and caching gain", claims: claims,
      data: data(cells), figure: nil, remarks: remarks(mooncake != nil))
  }

  private static func data(_ cells: [CacheFlowGrid.Cell]) -> DataTable {
    var data = DataTable(
      ["model", "device", "gbps", "held_tokens", "batch"]
        + RestoreBatch.Method.allCases.map { "\($0.rawValue.lowercased())_ttft_s" })
    for cell in cells {
      data.rows.append(
        [
          cell.model, cell.device, Claim.text(cell.gigabits), "\(cell.held)", "\(cell.batch)",
        ]
          + RestoreBatch.Method.allCases.map {
            Digits.fixed(cell.seconds[$0] ?? .nan, decimals: 4)
          })
    }
    return data
  }

  // MARK: CacheFlow

  private static func cacheFlow(_ all: [CacheFlowGrid.Cell]) -> [Claim] {
    let cells = all.filter { $0.held != CacheFlowGrid.short }
    func mean(
      _ cells: [CacheFlowGrid.Cell], _ gain: (CacheFlowGrid.Cell) -> Double = { $0.gain }
    ) -> Double { cells.reduce(0) { $0 + gain($1) } / Double(cells.count) }
    func row(
      _ name: String, _ paper: Double, within share: Double = 0.15,
      _ isIn: (CacheFlowGrid.Cell) -> Bool
    ) -> Claim {
      Claim(
        figure, "CacheFlow, \(name), TTFT of the baselines by its own, x",
        Claim.relative(paper, share), ours: mean(cells.filter(isIn)))
    }
    return [
      Claim(
        figure, "CacheFlow, TTFT less than the baselines' mean, %", .span(10...62),
        ours: (1 - 1 / mean(cells)) * 100),
      row("6K tokens", 1.1) { $0.held == 6144 }, row("30K tokens", 1.7) { $0.held == 30_720 },
      row("40 Gbps", 1.7) { $0.gigabits == 40 }, row("80 Gbps", 1.5) { $0.gigabits == 80 },
      row("L40S", 1.6) { $0.device == "l40s" }, row("A100", 1.5) { $0.device == "a100-40gb" },
      row("batch of 2", 1.6, within: 0.2) { $0.batch == 2 },
      row("batch of 8", 2.6, within: 0.2) { $0.batch == 8 },
      Claim(
        figure, "CacheFlow, TTFT of Cake by its own, x", .span(1.1...1.25),
        ours: mean(cells) { $0.gain(over: .firstFirst) },
        note: "on one GPU with prompts of one length nothing tells them apart"),
      Claim(
        figure, "CacheFlow, \(CacheFlowGrid.short) tokens held, TTFT of vLLM by its own, x",
        .span(0.9...1.1),
        ours: mean(all.filter { $0.held == CacheFlowGrid.short }) { $0.gain(over: .recompute) },
        note: "the paper: no gain below 512 tokens; 10 % either way is our reading"),
    ]
  }

  // MARK: MemServe

  /// Prefill instances of Llama-2-13B on two GPUs, without and with what earlier turns left.
  private static func memServe(seed: UInt64) throws -> [Claim] {
    let trace = try chats(.sharegpt, requests: 3000, rate: 1, gap: 30, longest: 4096, seed: seed)
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("llama-2-13b"),
      device: try DeviceCatalogue.find("h800"))
    scenario.tensorParallel = 2
    scenario.prefixCaching = false
    let variants = [false, true].map { caches in
      var variant = scenario
      variant.prefixCaching = caches
      return variant
    }
    let ttft = try Parallel.map(variants) {
      try Simulation.run($0, trace: trace, keepingRequests: false).result.summary.ttft
    }
    func change(_ value: (Distribution) -> Double?) -> Double {
      guard let before = value(ttft[0]), let after = value(ttft[1]) else { return .nan }
      return (after / before - 1) * 100
    }
    return [
      Claim(
        figure, "MemServe, ShareGPT, caching: mean TTFT, %", .value(-58, within: 10),
        ours: change { $0.mean }),
      Claim(
        figure, "MemServe, ShareGPT, caching: p99 TTFT, %", .value(-45, within: 10),
        ours: change { $0.p99 }),
    ]
  }

  /// Conversations of ShareGPT's lengths, whose prompts are all before them.
  private static func chats(
    _ preset: LengthPreset, requests: Int, rate: Double, gap: Double, longest: Int32, seed: UInt64
  ) throws -> Trace {
    var recipe = TraceRecipe(lengths: .preset(preset), count: requests, seed: seed)
    recipe.requestRate = rate
    recipe.turns = .init(
      mean: turnsMean, gapSeconds: gap, added: nil, totalTokensMax: longest)
    return try TraceGenerator.generate(recipe)
  }

  /// 61,243 turns of 17,671 conversations in a part of ShareGPT (`docs/REPRODUCTION.md`).
  private static let turnsMean = 3.47

  // MARK: Mooncake's trace

  private static func hitRates(_ trace: Trace?) throws -> [Claim] {
    guard let trace else { return [] }
    var study = CacheStudy(trace: trace, blockTokens: 512, policies: [.lru])
    study.capacities = [1000, 50_000]
    let answer = try study.run()
    return zip(["1,000 blocks", "50,000 blocks", "no bound"], [4.45, 35.46, 36.64])
      .enumerated().map { index, row in
        let point = index < 2 ? answer.points[index] : answer.unbounded
        return Claim(
          figure, "Mooncake's conversations, LRU of \(row.0), blocks found, %",
          .value(row.1, within: 0.005), ours: point.lruBlocks.mean * 100,
          note: "of the published trace; the paper's 30 and 50 % are of another hour")
      }
  }

  // MARK: CachedAttention

  /// Its directions: the paper's figures are the most that it saw.
  private static func cachedAttention(seed: UInt64) throws -> [Claim] {
    let trace = try chats(.sharegpt, requests: 9000, rate: 1, gap: 60, longest: 4096, seed: seed)
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("llama-2-13b"),
      device: try DeviceCatalogue.find("a100-80gb"))
    scenario.maxModelLength = 4096
    var study = CacheStudy(trace: trace, blockTokens: 16, policies: [.lru])
    study.prices = PrefillPrices(try scenario.resolved())
    study.tiers = [try CacheTier("dram:128:26"), try CacheTier("ssd:10240:5")]
    let answer = try study.run()
    let saved = answer.tiers.reduce(answer.pool?.savedSeconds ?? 0) { $0 + $1.savedSeconds }
    let share = saved / (answer.prefillSeconds ?? .nan)
    return [
      Claim(
        figure, "CachedAttention, prefill time saved, %", .span(1...87), ours: share * 100,
        note: "the direction: the paper's most is 87 % of TTFT"),
      Claim(
        figure, "CachedAttention, prefill throughput, x", .span(1.1...7.8), ours: 1 / (1 - share),
        note: "the direction: the paper's most is 7.8"),
    ]
  }

  private static func remarks(_ hasMooncake: Bool) -> [String] {
    [
      "CacheFlow (arXiv 2604.25080), from summaries. Baselines, and whose mean it is: vLLM computes all again, LMCache loads all "
        + "and then computes the new part, HiCache computes it layer by layer while it loads, Cake computes from the front "
        + "and loads from the end, the first prompt first. Each row is the mean over all other settings: Qwen3-8B and "
        + "Llama-3.1-8B, L40S and A100 of 40 GB, 10, 40 and 80 Gbps, 6,144 and 30,720 tokens held, batches of 2 and 8 that come "
        + "at once; \(CacheFlowGrid.new) new tokens and chunks of 256 are our choice. Its several GPUs (stages that begin "
        + "from stored hidden states) are not here.",
      "MemServe, from a note. Prefill and decode are not apart here: TTFT on one replica with its prefix cache off and on, ShareGPT's "
        + "lengths in conversations of \(Claim.text(turnsMean)) turns at one conversation a second, our choice. H800 has no fitted "
        + "profile: its prices come from its data sheet.",
      hasMooncake
        ? "Mooncake's trace is held against hit rates that plain replays of it gave."
        : "Mooncake's conversation trace is not at hand: its hit rates are left out.",
      "CachedAttention, from summaries: conversations of ShareGPT's lengths on one A100 of 80 GB with 128 GiB of host memory and 10 TiB "
        + "of SSD, least recently used, no look-ahead. Its figures are maxima, so that only directions are compared.",
    ]
  }
}
