import Statistics
import Testing
import TraceFiles
import Workload

/// What real traces are like, as it was counted from them by other means.
@Suite struct RealTraceTests {
  /// Mean, p50, p95, p99 and maximum must print as the reference figures do.
  private func check(
    _ summary: LengthSummary, _ mean: Double, _ p50: Double, _ p95: Double, _ p99: Double,
    _ max: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(abs(summary.mean - mean) < 0.0051, sourceLocation: sourceLocation)
    #expect(summary.p50 == p50, sourceLocation: sourceLocation)
    #expect(abs(summary.p95 - p95) < 1e-6, sourceLocation: sourceLocation)
    #expect(abs(summary.p99 - p99) < 1e-6, sourceLocation: sourceLocation)
    #expect(summary.max == max, sourceLocation: sourceLocation)
  }

  /// Hit rates of least recently used that were counted by other means, and a plain replay at ten sizes.
  @Test(.enabled(if: SharedTrace.mooncake.isThere)) func mooncakeCaches() throws {
    let trace = try TraceReader.read(path: SharedTrace.mooncake.path).trace
    let contents = try #require(trace.contents)
    let curve = ReuseCurve(trace.requests, contents, blockTokens: 512)
    #expect(curve.blocks == 288_500)
    #expect(curve.distinctBlocks == 182_790)
    func percent(_ blocks: Int) -> Double { curve.blockHitRatio(capacity: blocks).mean * 100 }
    #expect(abs(percent(1_000) - 4.45) < 0.005)
    #expect(abs(percent(50_000) - 35.46) < 0.005)
    #expect(abs(percent(.max) - 36.64) < 0.005)
    let replay = BlockReplay(trace.requests, contents, blockTokens: 512)
    for blocks in [10, 100, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000] {
      let found = replay.finds(.lru, capacity: blocks).blocks
      #expect(abs(percent(blocks) - 100 * Double(found) / 288_500) < 1e-9, "\(blocks)")
    }
  }

  @Test(.enabled(if: SharedTrace.azureCode.isThere)) func azureCode() throws {
    let description = TraceDescription(try TraceReader.read(path: SharedTrace.azureCode.path).trace)
    #expect(description.rows == 8_819)
    #expect(abs(try #require(description.spanSeconds) - 3_435.9) < 0.051)
    #expect(abs(try #require(description.requestRate) - 2.5667) < 0.000051)
    #expect(abs(try #require(description.interarrivalCV) - 13.151) < 0.00051)
    check(description.prompt, 2_047.85, 1_469, 7_303.3, 7_436, 7_437)
    check(description.output, 27.88, 13, 90, 251.46, 1_899)
  }

  @Test(.enabled(if: SharedTrace.azureConversation.isThere)) func azureConversation() throws {
    let description = TraceDescription(
      try TraceReader.read(path: SharedTrace.azureConversation.path).trace)
    #expect(description.rows == 19_366)
    #expect(abs(try #require(description.spanSeconds) - 3_501.7) < 0.051)
    #expect(abs(try #require(description.requestRate) - 5.5304) < 0.000051)
    #expect(abs(try #require(description.interarrivalCV) - 1.094) < 0.00051)
    check(description.prompt, 1_154.7, 1_020, 4_083, 4_142, 14_050)
    check(description.output, 211.13, 129, 451, 601, 1_000)
  }

  @Test(.enabled(if: SharedTrace.sharegpt.isThere)) func shareGPT() throws {
    var trace = try TraceReader.read(path: SharedTrace.sharegpt.path).trace
    let all = TraceDescription(trace)
    check(all.prompt, 295.6, 40, 1_538.75, 3_369.75, 162_307)
    check(all.output, 358.02, 275, 973.75, 1_466, 33_344)
    trace.requests.removeAll { $0.promptTokens + $0.outputTokens > 2048 }
    let kept = TraceDescription(trace)
    check(kept.prompt, 161.31, 35, 864, 1_464, 2_028)
    check(kept.output, 337.99, 271, 899, 1_280, 2_009)
    #expect(abs(try #require(kept.rankCorrelation) - 0.2142) < 0.000051)
  }
}
