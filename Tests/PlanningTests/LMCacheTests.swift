import Messages
import Metrics
import Serving
import Testing

@testable import Planning

/// LMCache behind the prefix cache.
extension OffloadingTests {
  /// Of 1,000 tokens three chunks of 256 are whole: 48 blocks, which the iteration of the third prompt waits for. On a link
  /// that is twice as fast it waits half as long.
  @Test func lmcacheLoadsWholeChunksBeforeTheIteration() throws {
    let runs = try [10.0, 20].map { gbps in try run(nil, gbps: gbps, backend: .lmcache) }
    for (run, seconds) in zip(runs, [0.06291456, 0.03145728]) {
      let tier = try #require(run.summary.kv.prefixCache?.tier)
      #expect(tier.hitTokens == 768 && tier.loads == 1)
      #expect(tier.loadedBytes == 48 * Self.blockBytes && tier.storedBytes == 96 * Self.blockBytes)
      #expect(tier.loadSeconds == seconds)
      #expect(run.requests[2].cachedTokens == 768 && run.requests[2].hostTokens == 768)
    }
    let ttft = try runs.map { try #require($0.requests[2].ttft) }
    #expect(abs(ttft[0] - ttft[1] - 0.03145728) < 1e-9)
  }

  /// The store of 48 blocks is waited for by the iteration that gives the second token.
  @Test func lmcacheStoresBeforeTheNextIteration() throws {
    let runs = try [10.0, 20].map { gbps in try run(nil, gbps: gbps, backend: .lmcache) }
    let tpot = try runs.map { try #require($0.requests[0].tpot) }
    #expect(abs(tpot[0] - tpot[1] - 0.03145728) < 1e-9)
    #expect(runs[0].requests[0].ttft == runs[1].requests[0].ttft)
  }

  @Test func lmcacheBesideOthersIsRefused() throws {
    let flag = "`--kv-offloading-backend lmcache`"
    func refuses(_ message: String, _ hint: String, _ change: (inout Scenario) throws -> Void) {
      #expect(throws: UserError(message, hint: hint)) {
        try scenario {
          $0.kvOffloadingBackend = .lmcache
          try change(&$0)
        }.resolved()
      }
    }
    refuses(
      "\(flag) has chunks of 256 tokens, which `--block-size` 24 does not divide",
      "give a block size that does, or leave the backend out"
    ) { $0.blockSize = 24 }
    refuses(
      "\(flag) and `--kv-disk-size` are not simulated together", "leave one of them out"
    ) {
      $0.kvDiskGiB = 9
      $0.kvDiskBandwidth = try DiskBandwidth("7")
    }
    refuses(
      "\(flag) and `--kv-restore` are not simulated together", "leave one of them out"
    ) { $0.kvRestore = .faster }
    refuses(
      "`--kv-offloading-size` 0.1 GiB holds 0 chunks of 209715200 bytes, 16 KV blocks on each GPU",
      "give at least 0.1962890625"
    ) { $0.kvOffloadingGiB = 0.1 }
    refuses(
      "`--kv-offloading-backend` decides nothing without a tier",
      "leave it out, or give `--kv-offloading-size`"
    ) { $0.kvOffloadingGiB = nil }
  }
}
