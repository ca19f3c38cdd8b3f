import CostModel
import Fleet
import Foundation
import Metrics
import Planning
import Results
import Serving
import Workload

/// Served requests with prompts and decodes side by side: POD-Attention's online rows, and Bullet beside SGLang.
enum ServedOverlap {
  private static func scenario(
    _ system: ServingSystem, model: String, chunk: Int, rate: Double, seed: UInt64
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find("a100-80gb"))
    scenario.maxBatchedTokens = chunk
    scenario.maxModelLength = 16_384
    scenario.prefixCaching = false
    scenario.requestRate = rate
    scenario.seed = seed
    return scenario
  }

  // MARK: POD-Attention, online

  private static let podChunk = 1536
  private static let podGPUs = 2

  /// Serves requests as Sarathi-Serve does, at the prices of its published fit: what a POD kernel changes is its attention.
  private static func sarathi(
    _ trace: Trace, sideBySide: Bool, rate: Double, seed: UInt64
  ) throws -> RunSummary {
    var scenario = try scenario(
      .vllmV1, model: "llama-3.1-8b", chunk: podChunk, rate: rate, seed: seed)
    scenario.tensorParallel = podGPUs
    var warnings: [String] = []
    let arriving = try scenario.prepared(trace, warnings: &warnings)
    let resolved = try scenario.resolved()
    let prices = QoServePredictor(gpus: podGPUs, sideBySide: sideBySide)
    let record: RunRecord
    do {
      record = try scenario.system.serve(
        arriving.requests, settings: resolved.settings, executor: PricedExecutor(prices))
    } catch let failure as RunFailure {
      throw failure.userError(trace: trace.name, scenario: scenario)
    }
    return record.summary(
      RunLabels(
        system: scenario.system.name, model: scenario.model.name, device: scenario.device.name,
        requestRate: rate, blocks: resolved.settings.deviceBlocks,
        blockSize: resolved.settings.blockSize,
        provenance: Provenance(
          seed: seed, version: toolVersion, scenario: resolved.fields,
          costProfile: "\(prices.profile.name) (\(prices.profile.error))")))
  }

  /// The published medians at 1.1 requests a second, Sarathi and POD: milliseconds between tokens, seconds to the first and
  /// to the last.
  private static let published: [(name: String, gap: Double, first: Double, last: Double)] = [
    ("Sarathi", 100, 2.2, 26.8), ("POD", 100, 1.9, 24.7),
  ]

  private static let priced =
    "at the published fit of Sarathi-Serve on one A100 (QoServe's), halved but for its constants: the two GPUs are ours"

  static func podClaims(seed: UInt64) throws -> [Claim] {
    let request = Request(promptTokens: 10_169, outputTokens: 331)
    let trace = Trace(
      name: "10.5K and 331 tokens", requests: Array(repeating: request, count: 1000),
      hasArrivals: false)
    let runs = try Parallel.map([false, true]) {
      try sarathi(trace, sideBySide: $0, rate: 1.1, seed: seed)
    }
    let rows = zip(published, runs).flatMap { row, run in
      let name = "online at 1.1 req/s, \(row.name)"
      return [
        Claim(
          OverlapReport.figure, "\(name): median gap between tokens, ms",
          Claim.relative(row.gap, 0.25), ours: run.itl.median ?? 0, note: priced),
        Claim(
          OverlapReport.figure, "\(name): median time to the last token, s",
          Claim.relative(row.last, 0.25), ours: (run.e2el.median ?? 0) / 1e3, note: priced),
        Claim(
          OverlapReport.figure, "\(name): median time to the first token, s", .nothing,
          ours: (run.ttft.median ?? 0) / 1e3,
          note:
            "published \(Claim.text(row.first)); near saturation queues follow from the spread of lengths, of which the means "
            + "alone are known"),
      ]
    }
    return rows + [
      Claim(
        OverlapReport.figure,
        "online at 1.1 req/s, POD by Sarathi: median time to the last token, x",
        Claim.relative(24.7 / 26.8, 0.25),
        ours: (runs[1].e2el.median ?? 0) / (runs[0].e2el.median ?? 1), note: priced)
    ]
  }

  // MARK: Bullet

  private static let bulletChunk = 1024

  /// Serves a trace by Bullet, or by SGLang.
  private static func served(
    _ trace: Trace, overlap: OverlapRule?, rate: Double, seed: UInt64
  ) throws -> RunSummary {
    var scenario = try scenario(
      overlap == nil ? .sglang05 : .vllmV1, model: "llama-3.1-8b", chunk: bulletChunk, rate: rate,
      seed: seed)
    scenario.overlap = overlap
    return try Simulation.run(scenario, trace: trace, keepingRequests: false).result.summary
  }

  /// Log-normal through the medians and 90th percentiles of ShareGPT in QoServe's evaluation; prompts cut to what 8K tokens
  /// leave.
  static func chats(_ count: Int, seed: UInt64) throws -> Trace {
    let recipe = TraceRecipe(
      lengths: .sides(
        prompt: .through(median: 1730, p90: 5696), output: .through(median: 415, p90: 834)),
      count: count, seed: seed)
    var trace = try TraceGenerator.generate(recipe)
    for index in trace.requests.indices {
      trace.requests[index].outputTokens = min(trace.requests[index].outputTokens, 4096)
      trace.requests[index].promptTokens = min(
        trace.requests[index].promptTokens, 8192 - trace.requests[index].outputTokens)
    }
    return trace
  }

  static func bulletClaims(seed: UInt64) throws -> [Claim] {
    let trace = try chats(1000, seed: seed)
    func runs(rate: Double) throws -> (sglang: RunSummary, bullet: RunSummary) {
      let runs = try Parallel.map([nil, OverlapRule.bullet]) {
        try served(trace, overlap: $0, rate: rate, seed: seed)
      }
      return (runs[0], runs[1])
    }
    let full = try runs(rate: .infinity)
    // Below what SGLang sustains, so that its queues are short.
    let rate = 0.8 * full.sglang.requestThroughput
    let busy = try runs(rate: rate)
    func gain(_ of: (RunSummary) -> Double?) -> Double {
      (of(busy.sglang) ?? 0) / (of(busy.bullet) ?? 1)
    }
    let unknown =
      "the rates that the paper's mean is over are not in the summary; ours is at \(Claim.text(rate)) req/s, 80 % of what "
      + "SGLang sustains here"
    let means: [(what: String, published: String, gain: Double)] = [
      ("time to the first token", "13.5", gain { $0.ttft.mean }),
      ("time between tokens", "0.94", gain { $0.tpot.mean }),
      ("time to the last token", "1.86", gain { $0.e2el.mean }),
    ]
    return [
      Claim(
        OverlapReport.figure, "Bullet by SGLang with chunks of 1K, all at once: output tokens/s, x",
        .span(1...1.2), ours: full.bullet.outputThroughput / full.sglang.outputThroughput,
        note:
          "published 1.09 in the mean and at most 1.20; 1,000 requests of ShareGPT's lengths on llama-3.1-8b and an A100"
      )
    ]
      + means.map { row in
        Claim(
          OverlapReport.figure, "SGLang by Bullet: mean \(row.what), x", .nothing, ours: row.gain,
          note: "published \(row.published); \(unknown)")
      }
  }
}

extension SideLaw {
  /// Log-normal through a median and a 90th percentile.
  static func through(median: Double, p90: Double) -> SideLaw {
    .lognormal(median: median, sigma: log(p90 / median) / 1.2816)
  }
}
