import Planning
import Results
import Serving
import Workload

/// What papers on prefill and decode apart, and on failures of fleets, print, beside ours: DistServe, Splitwise, Mooncake,
/// EEP.
package enum DisaggregationReport {
  static let figure = "disaggregation"

  /// - Parameter mooncake: Mooncake's conversation trace with its block hashes; `nil` where it is missing.
  /// - Returns: The claims, and what one fleet does over a range of rates.
  package static func reports(seed: UInt64, mooncake: Trace?) throws -> [FigureReport] {
    [try report(seed: seed, mooncake: mooncake), try ShapesByRate.report(seed: seed)]
  }

  private static func report(seed: UInt64, mooncake: Trace?) throws -> FigureReport {
    let clusters = try SplitClusters.measure(seed: seed)
    let claims =
      try distServe(seed: seed) + splitwise(clusters) + mooncakePrefill(mooncake) + handOffs()
      + eep()
    return FigureReport(
      name: figure, title: "Prefill and decode apart, and ranks that fail", claims: claims,
      data: data(clusters), figure: nil, remarks: remarks(mooncake != nil))
  }

  private static func data(_ clusters: SplitClusters) -> DataTable {
    DataTable(
      ["cluster", "splits", "cost_dgx_a100", "watts", "requests_per_second"],
      rows: clusters.found.map { cluster, rate in
        [
          cluster.text, cluster.isSplit ? "yes" : "no", Claim.text(cluster.cost),
          Claim.text(cluster.watts), Claim.text(rate),
        ]
      })
  }

  // MARK: DistServe

  private static func distServe(seed: UInt64) throws -> [Claim] {
    let goodput = try PhaseGoodput.measure(seed: seed)
    func row(_ name: String, _ paper: Double, _ ours: Double, _ note: String = "") -> Claim {
      Claim(figure, "DistServe, \(name)", Claim.relative(paper, 0.25), ours: ours, note: note)
    }
    return [
      row(
        "one GPU does both, req/s", 1.6, goodput.colocated,
        "whose engine that was is not told; ours is vLLM 0.2 on the prices of 2023"),
      row("one GPU prefills only, req/s", 5.6, goodput.prefillOnly),
      row("one GPU decodes only, req/s", 10, goodput.decodeOnly),
      row("2 + 1 GPUs apart, req/s a GPU", 3.3, goodput.apartPerGPU),
      row(
        "2 + 1 GPUs apart by one that does both, x", 2.1,
        goodput.apartPerGPU / goodput.colocated),
      Claim(
        figure, "DistServe, chatbot on OPT-13B, apart by vLLM, x", .span(1.1...7.4),
        ours: try PhaseGoodput.chatbotGain(seed: seed),
        note: "the direction: the paper's most, over all its models, is 7.4"
      ),
    ]
  }

  // MARK: Splitwise

  private static func splitwise(_ clusters: SplitClusters) -> [Claim] {
    let cost = Double(SplitClusters.machines)
    let watts = cost * SplitClusters.Device.a100.watts
    let whole = clusters.best(isSplit: false, cost: cost)
    let cheaper = clusters.best(isSplit: true, cost: 0.8 * cost)
    let equal = clusters.best(isSplit: true, cost: cost, watts: watts)
    let a100 = clusters.found.first { !$0.cluster.isSplit }
    func note(
      _ one: (cluster: SplitClusters.Cluster, rate: Double)?,
      _ other: (cluster: SplitClusters.Cluster, rate: Double)?
    ) -> String {
      "\(one?.cluster.text ?? "none") against \(other?.cluster.text ?? "none")"
    }
    return [
      Claim(
        figure, "Splitwise, throughput at 80 % of the cost, x", Claim.relative(1.4, 0.25),
        ours: (cheaper?.rate ?? .nan) / (whole?.rate ?? .nan), note: note(cheaper, whole)),
      Claim(
        figure, "Splitwise, throughput at the same cost and power, x", Claim.relative(2.35, 0.25),
        ours: (equal?.rate ?? .nan) / (a100?.rate ?? .nan), note: note(equal, a100)),
    ]
  }

  // MARK: Mooncake

  private static func mooncakePrefill(_ trace: Trace?) throws -> [Claim] {
    let whole = try PrefillTimes.prices(chunkTokens: 8192).table(upTo: 131_072)
    let long = Claim(
      figure, "Mooncake, prompt of 128K of which 95 % are cached, prefill time, %",
      .value(-92, within: 5),
      ours: -whole.seconds(131_072 * 95 / 100) / whole.seconds(131_072) * 100)
    guard let trace, let times = try PrefillTimes.measure(trace) else { return [long] }
    let shared = times.sharedCached
    func row(
      _ name: String, _ paper: Double, _ ours: Double, within: Double = 0.15, _ note: String = ""
    ) -> Claim {
      Claim(
        figure, "Mooncake, conversations, \(name)", Claim.relative(paper, within), ours: ours,
        note: note)
    }
    return [
      row("prefill time of vLLM by its own, x", 1.56, times.nothingCached / shared),
      row("with vLLM's prefix caches, x", 1.43, times.poolCached / shared),
      row("with vLLM's chunked prefill, x", 1.90, times.chunked / shared),
      row(
        "tokens found in one cache of all nodes by one of each, x", 2.22,
        Double(times.sharedFound) / Double(times.nodeFound), within: 0.25,
        "ours go to the nodes in turn, the paper's where they are known"),
      row(
        "prefill time of one cache of all nodes by one of each, x", 0.76,
        shared / times.nodeCached, within: 0.25),
      long,
    ]
  }

  /// Published for one client, 20 MB to 4.5 GB of keys and values.
  private static func handOffs() throws -> [Claim] {
    try Parallel.map([(128, 46.09), (4096, 124.42), (32_768, 749.62)]) { tokens, paper in
      Claim(
        figure, "Mooncake, Qwen3-8B, one client, \(tokens) tokens, TTFT, ms",
        Claim.relative(paper, 0.1), ours: try HandOffTTFT.measure(promptTokens: Int32(tokens)),
        note: "data sheet prices; the proxy and the client are not simulated")
    }
  }

  // MARK: EEP

  /// Seconds of its two pauses, and after which 95 % of the throughput is there again.
  private static let recoveryPause = 11.0
  private static let rejoinPause = 8.0
  private static let restored = 52.0

  private static func eep() throws -> [Claim] {
    let healthy = try LostRanks.tokensPerSecond(ranks: LostRanks.ranks)
    let plateaus = try [(1, 6500.0), (2, 6131), (4, 5963), (8, 5876), (16, 3998)].map {
      lost, published in
      Claim(
        figure, "EEP, \(lost) of \(LostRanks.ranks) ranks dead, throughput left, %",
        Claim.relative(published / 7182.7 * 100, 0.1),
        ours: try LostRanks.tokensPerSecond(ranks: LostRanks.ranks - lost) / healthy * 100,
        note: "which experts the others then have is not simulated")
    }
    return plateaus + [
      Claim(
        figure, "EEP, seconds between its pauses if 95 % are there after 52", .nothing,
        ours: restored - recoveryPause - rejoinPause,
        note:
          "at 90.5 % the rank has to rejoin first; when it does follows from its relaunch, which our "
          + "notes do not give, so that 52 s and both pauses tell the relaunch and test nothing"
      )
    ]
  }

  private static func remarks(_ hasMooncake: Bool) -> [String] {
    [
      "DistServe (arXiv 2401.09670), Figure 1: OPT-13B on the A100 of 80 GB with the prices of 2023; one GPU that does both is "
        + "`vllm-0.2`, those apart are `vllm-v1`, the one system with roles, over a free link, as the paper takes it there.",
      "Splitwise (ISCA 2024): clusters that cost as much as \(SplitClusters.machines) DGX-A100 and four fifths of it, Llama-2-70B "
        + "over the eight GPUs of a machine, conversations of Azure's lengths. A DGX-H100 costs 2.16 of the other (38 and 17.6 $ "
        + "an hour) and draws 10.2 for 6.5 kW. Slowdowns of 2, 3, 6 (TTFT) and 1.25, 1.5, 5 (TPOT) are taken at the quantiles 50, "
        + "90 and 99 of the trace served alone, the paper's are of each request. Which cluster is the paper's base is our "
        + "reading: the better one that does not split at the whole cost, and the DGX-A100 at the same cost and power. Machines do "
        + "not change their role. `disaggregation.csv` has all clusters.",
      "Mooncake (FAST 2025): prompts by our prices of eight A800, whose kernels are not measured, in chunks of 8,192 tokens unless "
        + "said otherwise. "
        + (hasMooncake
          ? "Requests go to the \(PrefillTimes.nodes) nodes in turn; a node holds \(PrefillTimes.nodeTokens / 1_000_000) M "
            + "tokens, blocks of \(PrefillTimes.blockTokens) tokens, least recently used."
          : "Its conversation trace is not at hand: what caches find of it is left out."),
      "EEP (arXiv 2605.10670): \(LostRanks.clients) clients on \(LostRanks.ranks) ranks of DeepSeek-V3, H100 by our choice. Clients "
        + "of dead ranks go to the others, and experts are spread over these evenly.",
    ]
  }
}
