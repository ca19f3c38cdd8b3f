import SimulationKernel
import Testing

@testable import Serving

/// Where computing and loading meet, against every split point.
@Suite struct RestoreRuleTests {
  /// A second a token in the first chunk of 10, two in the second, three in the third; loading takes two.
  private let prices = RestorePrices(
    compute: PrefillTable(chunkTokens: 10, upTo: 30) { Double($0 + 10) }, loadSeconds: 2)

  @Test func chunksAddUp() {
    #expect(prices.compute.ends == [0, 10, 30, 60])
    #expect(prices.compute.seconds(0) == 0 && prices.compute.seconds(15) == 20)
    // Behind the last chunk as within it.
    #expect(prices.compute.seconds(40) == 90)
  }

  /// Of 30 tokens: all computed 60 s, all loaded 60 s; 20 computed 30 s beside 10 loaded 20 s; 15 beside 15 are 20 and 30.
  @Test func theBeginningIsComputedWhileTheEndIsLoaded() {
    func tokens(_ rule: RestoreRule, wait: Double = 0) -> Int {
      prices.computedTokens(rule, from: 0, to: 30, chunk: 5, linkWait: wait)
    }
    #expect(tokens(.load) == 0 && tokens(.recompute) == 30)
    #expect(tokens(.faster) == 0, "equal, and loading leaves the GPU to others")
    #expect(tokens(.faster, wait: 1) == 30)
    #expect(tokens(.twoPointers) == 15)
    #expect(prices.seconds(computing: 15, from: 0, to: 30, linkWait: 0) == 30)
    // The link is free after 45 s: by then 25 tokens are computed, and 5 take 10 more on the link, 15 on the GPU.
    #expect(tokens(.twoPointers, wait: 45) == 25)
    #expect(tokens(.twoPointers, wait: 100) == 30)
  }

  @Test(arguments: 0..<200) func noSplitIsFaster(seed: Int) {
    var draws = RandomStream(seed: UInt64(seed), label: "restore")
    let chunk = 1 + draws.below(40)
    let growth = draws.uniform()
    let compute = PrefillTable(chunkTokens: 1 + draws.below(300), upTo: 2000) {
      1 + growth * Double($0) / 100
    }
    let prices = RestorePrices(compute: compute, loadSeconds: 0.001 + draws.uniform() / 50)
    let held = draws.below(900)
    let end = held + 1 + draws.below(1000)
    let wait = draws.below(2) == 0 ? 0 : 5 * draws.uniform()
    func seconds(_ split: Int) -> Double {
      prices.seconds(computing: split - held, from: held, to: end, linkWait: wait)
    }
    let splits = (held...end).filter { $0 == held || $0 == end || $0 % chunk == 0 }
    let best = splits.map(seconds).min()
    let computed = prices.computedTokens(
      .twoPointers, from: held, to: end, chunk: chunk, linkWait: wait)
    #expect(seconds(held + computed) == best)
    #expect(splits.contains(held + computed))
    let faster = prices.computedTokens(.faster, from: held, to: end, chunk: chunk, linkWait: wait)
    #expect(seconds(held + faster) == min(seconds(held), seconds(end)))
  }
}
