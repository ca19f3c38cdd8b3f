import Foundation
import Messages
import Testing

@testable import KVMemory
@testable import Reproduction

/// The AVMP study: counts of the published runs, and rules by hand.
@Suite struct AVMPTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/data/papers/avmp").path

  @Test func everyPublishedNumberComesOut() throws {
    var setting = AVMPSetting()
    setting.batches = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    let report = try AVMPReport.report(setting)
    let compared = report.claims.filter { $0.expectation != .nothing }
    #expect(compared.count == 4 * 12 + 3 + 9 + 2)
    for claim in compared { #expect(claim.verdict == .inside, "\(claim)") }
    #expect(report.data.rows.count == 12 * 3 * (3 + 9))
  }

  @Test func seedsAreShown() throws {
    var setting = AVMPSetting()
    setting.batches = [128]
    let claims = try AVMPReport.report(setting).claims
    let padded = try #require(
      claims.first { $0.quantity == "padded_unified, mixed_long, 4 GiB, jamba_1_5_mini" })
    #expect(padded.note == "seeds 2 3 4: 102 91 104")
    let dynamic = try #require(
      claims.first { $0.quantity == "avmp_dynamic r0.5 b128, agentic_burst, 4 GiB, mamba2_1b3" })
    #expect(dynamic.note == "seeds 3 4 5: 38 41 32")
  }

  /// The given files hold what the generator draws.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: folder)))
  func drawsTheGivenRequests() throws {
    for workload in AVMPWorkload.allCases {
      for seed in workload.publishedSeeds {
        let given = try workload.requests(seed: seed, folder: Self.folder)
        #expect(given == workload.requests(seed: seed), "\(workload), seed \(seed)")
      }
    }
  }

  ///     pages of 2 tokens: prompt of 3 at tick 0 takes 2, decode begins at 3, the token of tick 5 begins page 3
  ///     tick    0          3    5          7
  ///             |── prompt |────▲──────────| gone; a fourth page at tick 7 comes too late
  @Test func growsWhereAPageIsFull() {
    var pool = Recorder()
    let request = AVMPRequest(id: 0, arrivalTick: 0, promptTokens: 3, generatedTokens: 4)
    let outcome = AVMPReplay.run([request], blockTokens: 2, pool: &pool)
    #expect(pool.calls == Array(repeating: 2, count: 4) + Array(repeating: 1, count: 28 + 4))
    #expect(pool.freed == 4 * 2 + 28 + 4)
    #expect(outcome == AVMPOutcome(outOfMemory: 0, completed: 1, migratedBytes: 0))
  }

  @Test func saysWhatIsWrong() throws {
    var setting = AVMPSetting()
    setting.stateShares = [0.001]
    #expect(
      throws: UserError(
        "a share of 0.001 leaves 1073741 bytes for states of 2097152 and 1072668083 for pages of 65536",
        hint:
          "both need room for one at least: give `--state-share` between 0 and 1, or fewer `--block-tokens`"
      )
    ) { try AVMPReport.report(setting) }
    setting = AVMPSetting()
    setting.folder = "nowhere"
    #expect(
      throws: UserError(
        "cannot read `nowhere/uniform_short_seed1.csv`",
        hint: "without `--traces` the requests are drawn as the study's own generator draws them")
    ) { try AVMPReport.report(setting) }
  }
}

/// Gives whatever is asked for, and writes it down.
private struct Recorder: HybridPool {
  var calls: [Int] = []
  var freed = 0
  var migratedBytes: Int { 0 }
  var brokenInvariant: String? { nil }

  mutating func allocate(
    _ count: Int, of kind: HybridUnit, for request: Int32
  ) -> [HybridHandle]? {
    calls.append(count)
    return (0..<count).map { HybridHandle(kind: kind, unit: Int32($0), serial: calls.count) }
  }

  mutating func free(_ handles: [HybridHandle]) { freed += handles.count }
}
