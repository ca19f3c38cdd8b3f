import Fleet
import KVMemory
import Messages
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// What mapping memory adds to iterations of a fixed length.
@Suite struct VirtualTensorTests {
  /// One request of 4 + 9 tokens over groups of 4; mapping a group takes 10 ns.
  private func end(hidden: Bool) throws -> Int64 {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: 8, maxSequences: 4, maxBatchedTokens: 64, maxModelLength: 64)
    settings.pageGroups = PageGroupSettings(
      mappingTime: SimDuration(nanoseconds: 10), isHidden: hidden)
    let record = try ServingSystem.vattention.serve(
      [Request(promptTokens: 4, outputTokens: 9)], settings: settings,
      executor: PricedExecutor(FixedPrices(nanoseconds: 100)))
    return record.end.nanoseconds
  }

  /// Nine iterations; 12 tokens are written, which are three groups.
  @Test func mappingTakesTimeUnlessItIsHidden() throws {
    #expect(try end(hidden: false) == 9 * 100 + 3 * 10)
    #expect(try end(hidden: true) == 9 * 100 + 1 * 10)
  }

  @Test func severalSequencesAreTurnedAway() {
    let settings = EngineSettings(
      blockSize: 4, deviceBlocks: 8, maxSequences: 4, maxBatchedTokens: 64, maxModelLength: 64)
    #expect(
      throws: RunFailure.oversized(0, .never(.sequences, required: 2, capacity: 1))
    ) {
      _ = try ServingSystem.vattention.serve(
        [Request(promptTokens: 4, outputTokens: 9, samples: 2)], settings: settings,
        executor: PricedExecutor(FixedPrices(nanoseconds: 100)))
    }
  }
}
