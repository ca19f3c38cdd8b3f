import CostModel
import Metrics
import Planning
import Results
import Serving

/// Where the KV memory is under every engine, on the protocol of the PagedAttention paper's Figure 2.
package enum LedgerReport {
  /// An engine with one of its policies.
  private struct Row {
    var name: String
    var system: ServingSystem
    var settings: KeyValuePairs<String, String> = [:]

    init(_ name: String, _ system: ServingSystem, _ settings: KeyValuePairs<String, String> = [:]) {
      self.name = name
      self.system = system
      self.settings = settings
    }
  }

  private static let policy = "capacity-scheduler-policy"
  private static let limit = "client-max-tokens"

  /// Oldest idea first. Where clients ask for the longest answer that a sequence has room for, it is 2,048.
  private static let rows = [
    Row("Faster-\nTransformer", .fasterTransformer),
    Row("Orca\n(Max)", .orcaMax), Row("Orca\n(Pow2)", .orcaPow2),
    Row("Orca\n(Oracle)", .orcaOracle),
    Row("TRT-LLM\nstatic\nbatch", .trtllm1, [policy: "static_batch"]),
    Row("TRT-LLM\nno evict\nno limit", .trtllm1, [policy: "guaranteed_no_evict", limit: "2048"]),
    Row("TRT-LLM\nno evict\nlimit known", .trtllm1, [policy: "guaranteed_no_evict"]),
    Row("TRT-LLM\nmax\nutilization", .trtllm1, [policy: "max_utilization"]),
    Row("vLLM\nSOSP'23", .vllmSOSP23), Row("vLLM\n0.2", .vllm02), Row("vLLM\nV1", .vllmV1),
    Row("SGLang\nno limit", .sglang05, [limit: "2048"]),
    Row("SGLang\nlimit known", .sglang05),
  ]

  private static let classes = [
    "token states", "reserved", "internal", "external", "cached", "free",
  ]

  /// Runs the engines one after the other on the same requests and pool.
  ///
  /// - Throws: ``UserError`` for a run that cannot go on.
  package static func report(_ setting: PaperSetting) throws -> FigureReport {
    let budget = try KVBudget(
      model: try ModelCatalogue.find(PaperHardware.opt13B.model),
      device: try DeviceCatalogue.find(PaperHardware.opt13B.device), utilization: 0.95,
      tokenBudget: 2560, blockSize: 16)
    let runs = try rows.map { try run($0, slots: budget.capacity.tokens, setting) }
    let summaries = try setting.summaries(runs)
    var data = DataTable(
      ["engine"] + classes
        + ["requests running", "normalized latency s", "preemptions", "block tokens"])
    var bars: [BarChart.Bar] = []
    for ((row, run), summary) in zip(zip(rows, runs), summaries) {
      let kv = summary.kv
      let shares = [
        kv.tokenState, kv.reserved, kv.internalFragmentation, kv.externalFragmentation, kv.cached,
        kv.free,
      ].map { $0 * 100 }
      bars.append(.init(row.name, shares))
      data.rows.append(
        [row.name.replacing("-\n", with: "").replacing("\n", with: " ")]
          + shares.map(Claim.text)
          + [
            Claim.text(summary.meanBatchedRequests),
            Claim.text(summary.meanNormalizedLatency ?? .nan),
            "\(summary.preemptionsRecompute + summary.preemptionsSwap)", "\(run.blockSize)",
          ])
    }
    var chart = BarChart(
      title: "OPT-13B, ShareGPT, 4 req/s, \(budget.capacity.tokens) KV slots",
      yTitle: "KV pool, %", parts: classes, bars: bars)
    chart.yMax = 100
    return FigureReport(
      name: name, title: "Where the KV memory is, engine by engine", claims: [], data: data,
      figure: Figure(
        title: "Where the KV memory is, engine by engine", charts: [.bars(chart)], columns: 1,
        chartWidth: 1040),
      remarks: [
        "Shares of the pool in per cent, means over time from 300 s to 900 s (Figure 2 counts iterations). All engines have the "
          + "pool, the requests and, but for FasterTransformer, the prices of the paper's vLLM: the picture is of memory, not "
          + "of speed. Engines keep their own blocks (SGLang 16 tokens, which its kernels know too) and "
          + "most tokens of an iteration. Blocks that TensorRT-LLM keeps free for "
          + "those that run count as reserved, or as internal where the answer ends before it needs them; what SGLang expects them to "
          + "need is no promise, and stays cached or free.",
        "*no limit*: clients ask for 2,048 tokens and end by themselves; *limit known*: they ask for the length of their answer.",
      ])
  }

  package static let name = "ledger"

  private static func run(_ row: Row, slots: Int, _ setting: PaperSetting) throws -> PaperRun {
    var run = setting.run(
      row.system, .opt13B, .sharegpt, rate: 4, seconds: 900, window: 300...900)
    let own = row.system.blockTokens(
      of: try ModelCatalogue.find(PaperHardware.opt13B.model),
      on: try DeviceCatalogue.find(PaperHardware.opt13B.device))
    // The attention of 2023 pays for each block, and no kernel of then had SGLang's blocks of one token.
    run.blockSize = max(own, 16)
    run.slots = slots
    run.settings = row.settings
    return run
  }
}
