import Foundation
import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

/// Every statistic of the real traces beside a developer's checkout, as `stats.json` there has it.
///
/// A figure of the file with d decimals is met to half a unit of the last.
@Suite(.enabled(if: SharedStatistics.isThere)) struct SharedStatisticsTests {
  private func described(
    _ name: String, blockTokens: Int? = nil, _ change: (inout TraceReadOptions) -> Void = { _ in },
    keeping: (Request) -> Bool = { _ in true }
  ) throws -> (TraceDescription, TraceReading) {
    var options = TraceReadOptions()
    options.keepsZeroOutputs = true
    change(&options)
    var reading = try TraceReader.read(path: SharedStatistics.path(name), options: options)
    if reading.trace.requests.contains(where: { !keeping($0) }) {
      reading.trace.contents = nil
      reading.trace.requests = reading.trace.requests.filter(keeping)
    }
    if blockTokens == nil { reading.trace.contents = nil }
    return (TraceDescription(reading.trace, blockTokens: blockTokens ?? 16), reading)
  }

  /// Compares rows and both sides' lengths with the entry `key`.
  private func checkLengths(
    _ description: TraceDescription, _ key: String, suffix: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let entry = try SharedStatistics.entry(key)
    #expect(description.rows == entry["n"] as? Int, sourceLocation: sourceLocation)
    for (side, summary) in [("prompt", description.prompt), ("output", description.output)] {
      let figures = try #require(entry[side + suffix] as? [String: Any])
      let pairs = [
        ("mean", summary.mean), ("p50", summary.p50), ("p95", summary.p95), ("p99", summary.p99),
        ("max", Double(summary.max)),
      ]
      for (name, value) in pairs {
        let expected = try #require(figures[name] as? Double)
        let slack = name == "mean" ? 0.0051 : 1e-6
        #expect(
          abs(value - expected) < slack, "\(key) \(side) \(name)", sourceLocation: sourceLocation)
      }
    }
  }

  /// Compares the load with the entry `key`.
  private func checkLoad(_ description: TraceDescription, _ key: String) throws {
    let entry = try SharedStatistics.entry(key)
    let figures: [(String, Double?, Double)] = [
      ("span_s", description.spanSeconds, 0.051), ("rate", description.requestRate, 0.000051),
      ("iat_cv", description.interarrivalCV, 0.00051),
      ("zero_iat_frac", description.zeroGapShare, 0.00051),
      ("IDC_1s", description.dispersion[0], 0.0051),
      ("IDC_10s", description.dispersion[1], 0.0051),
      ("IDC_60s", description.dispersion[2], 0.0051),
    ]
    for (name, value, slack) in figures {
      let expected = try #require(entry[name] as? Double)
      #expect(abs(try #require(value) - expected) < slack, "\(key) \(name)")
    }
  }

  @Test func azure() throws {
    for key in ["azure2023_code", "azure2023_conv"] {
      let (description, reading) = try described("\(key).csv.gz")
      try checkLengths(description, key)
      try checkLoad(description, key)
      #expect(reading.facts.zeroOutputs == 0)
    }
  }

  @Test func shareGPTOfThePaper() throws {
    let name = "sharegpt_sosp23_opt_lengths.csv.gz"
    func total(_ request: Request) -> Int { Int(request.promptTokens) + Int(request.outputTokens) }
    let filters: [(String, (Request) -> Bool)] = [
      ("sharegpt_sosp23_all", { _ in true }), ("sharegpt_sosp23_sum<=2048", { total($0) <= 2048 }),
      ("sharegpt_sosp23_sum<2048(code)", { total($0) < 2048 }),
      ("sharegpt_sosp23_vllm_bench_filter", isKeptByVLLM),
    ]
    for (key, keeps) in filters { try checkLengths(described(name, keeping: keeps).0, key) }
    // length_fits.json has the rank correlation of the pairs up to 2048 tokens.
    let (kept, _) = try described(name, keeping: { total($0) <= 2048 })
    #expect(abs(try #require(kept.rankCorrelation) - 0.2142) < 0.000051)
  }

  /// vLLM's benchmark leaves out short, long and very long requests.
  private func isKeptByVLLM(_ request: Request) -> Bool {
    request.promptTokens >= 4 && request.outputTokens >= 4 && request.promptTokens <= 1024
      && request.promptTokens + request.outputTokens <= 2048
  }

  @Test func alpaca() throws {
    let name = "alpaca_first1805_opt_lengths.csv.gz"
    try checkLengths(described(name).0, "alpaca_first1805")
    try checkLengths(described(name, keeping: { $0.outputTokens >= 4 }).0, "alpaca_first1805_ge4")
    let (kept, reading) = try described(name, { $0.keepsZeroOutputs = false })
    #expect(kept.rows == 1_801)
    #expect(reading.facts.zeroOutputs == 4)
    #expect(abs(try #require(kept.rankCorrelation) - -0.3126) < 0.000051)
  }

  @Test func arxiv() throws {
    try checkLengths(described("arxiv_summarization_llama2.csv.gz").0, "arxiv_vidur")
  }

  @Test func shareGPTTurns() throws {
    let name = "sharegpt_v3_part_turns.csv.gz"
    for (suffix, tokenizer, ratio) in [("", "gpt2", 0.8978), ("_llama3", "llama3", 0.893)] {
      let (description, reading) = try described(name, { $0.columnSuffix = suffix })
      try checkLengths(description, "sharegpt_v3_all_turns", suffix: "_\(tokenizer)")
      #expect(description.sessionCount == 17_396)
      let tokens = description.prompt.mean * Double(description.rows)
      #expect(abs(Double(reading.facts.repeatedTokens) / tokens - ratio) < 0.000051)
      let turns = Double(description.rows) / Double(description.sessionCount)
      #expect(abs(turns - 3.52) < 0.0051)
    }
  }

  @Test func mooncake() throws {
    let (description, reading) = try described("mooncake_conversation.csv.gz", blockTokens: 512)
    try checkLengths(description, "mooncake_conversation")
    try checkLoad(description, "mooncake_conversation")
    let cache = try #require(description.prefixCache)
    #expect(cache.blocks == 288_500)
    #expect(cache.uniqueBlocks == 182_790)
    #expect(abs(cache.blockHitRatio - 0.3664) < 0.000051)
    #expect(abs(cache.tokenHitRatio - 0.3736) < 0.000051)
    #expect(abs(cache.meanRequestHitRatio - 0.4094) < 0.000051)
    #expect(abs(cache.requestHitShare - 0.9999) < 0.000051)
    #expect(Set(reading.trace.requests.map(\.arrival)).count == 1_180)
    #expect(cache.points.last?.tokenHitRatio == cache.tokenHitRatio)
  }

  /// The file's figures come from another draw of the same spreading.
  @Test func mooncakeSpread() throws {
    let (description, _) = try described(
      "mooncake_conversation.csv.gz", { $0.spreadSeconds = 3 })
    let entry = try SharedStatistics.entry("mooncake_conv_jitter3s")
    let figures: [(String, Double?, Double)] = [
      ("span_s", description.spanSeconds, 1), ("rate", description.requestRate, 0.002),
      ("iat_cv", description.interarrivalCV, 0.02), ("zero_iat_frac", description.zeroGapShare, 0),
      ("IDC_1s", description.dispersion[0], 0.06), ("IDC_10s", description.dispersion[1], 0.15),
    ]
    for (name, value, slack) in figures {
      let expected = try #require(entry[name] as? Double)
      #expect(abs(try #require(value) - expected) <= slack, "\(name) \(value ?? .nan)")
    }
  }
}

/// The figures of the traces beside a developer's checkout.
enum SharedStatistics {
  static func path(_ name: String) -> String {
    repositoryRoot.deletingLastPathComponent().appending(path: "shared/data/traces/\(name)").path
  }

  static var isThere: Bool { FileManager.default.fileExists(atPath: path("stats.json")) }

  static func entry(_ key: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(filePath: path("stats.json")))
    let all = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(all[key] as? [String: Any])
  }
}
