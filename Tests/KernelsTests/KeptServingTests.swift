import CostModel
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Kernels

/// The tokens that come from shared pages are those of each sequence alone, with masks.
@Suite struct KeptServingTests {
  private static let transformer = Transformer(ModelCatalogue.toys[0], seed: 1)
  private static let sampler = TokenSampler(seed: 7, temperature: 1)

  private func requests(_ count: Int, seed: UInt64) -> [Request] {
    var draws = RandomStream(seed: seed, label: "kept")
    return (0..<count).map { _ in
      Request(promptTokens: Int32(5 + draws.below(40)), outputTokens: Int32(1 + draws.below(12)))
    }
  }

  private func kinds(_ turns: [KVGroupKind]) -> [KVGroupKind] {
    (0..<4).map { turns[$0 % turns.count] }
  }

  /// Jenga's pages of one and of two sizes, groups with windows, sinks and a window.
  static let turns: [[KVGroupKind]] = [
    [.all], [.window(tokens: 9)], [.sinks(4, window: 8)], [.all, .window(tokens: 10)],
    [.all, .window(tokens: 6), .all, .all], [.sinks(2, window: 5), .all, .window(tokens: 12)],
  ]

  @Test(arguments: turns, [4, 16]) func tokensAreThoseOfMasks(
    turns: [KVGroupKind], blockTokens: Int
  ) {
    let kinds = kinds(turns)
    let requests = requests(6, seed: UInt64(blockTokens))
    // 128 KiB: room for two of them or so; a token of a layer has 512 bytes.
    var serving = KeptServing(
      Self.transformer, kinds: kinds, blockTokens: blockTokens, bytes: 256 << 10, batchedTokens: 24,
      requests: requests, sampler: Self.sampler)
    let outcome = serving.run()
    #expect(outcome.outputs.count == 6 && outcome.rejected == 0)
    var alone = OneAtATime(Self.transformer, sampler: Self.sampler, kinds: kinds)
    for output in outcome.outputs { #expect(alone.firstDifference(output) == nil) }
  }

  /// Layers that keep all are the plain model; a window is not, and what it gives back saves bytes.
  @Test func masksMatter() {
    let requests = requests(4, seed: 3)
    func run(_ turns: [KVGroupKind]) -> KeptServing.Outcome {
      var serving = KeptServing(
        Self.transformer, kinds: kinds(turns), blockTokens: 4, bytes: 1 << 20, batchedTokens: 64,
        requests: requests, sampler: Self.sampler)
      return serving.run()
    }
    let (all, window) = (run([.all]), run([.window(tokens: 6)]))
    var plain = OneAtATime(Self.transformer, sampler: Self.sampler)
    #expect(all.outputs.allSatisfy { plain.firstDifference($0) == nil })
    #expect(window.outputs.contains { plain.firstDifference($0) != nil })
    #expect(window.usedBytesMax < all.usedBytesMax)
  }

  /// A pool in which one makes way for another.
  @Test func whoMadeWayIsComputedAgain() {
    let requests = [(20, 30), (20, 30)].map {
      Request(promptTokens: Int32($0.0), outputTokens: Int32($0.1))
    }
    let kinds = kinds([.all, .window(tokens: 10)])
    var serving = KeptServing(
      Self.transformer, kinds: kinds, blockTokens: 4, bytes: 96 << 10, batchedTokens: 20,
      requests: requests, sampler: Self.sampler)
    let outcome = serving.run()
    #expect(outcome.preemptions > 0 && outcome.outputs.count == 2)
    var alone = OneAtATime(Self.transformer, sampler: Self.sampler, kinds: kinds)
    for output in outcome.outputs { #expect(alone.firstDifference(output) == nil) }
  }
}
