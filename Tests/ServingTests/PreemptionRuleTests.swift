import KVMemory
import Testing
import Workload

@testable import Serving

/// Who makes way and when they come back, in pictures that a scheduler with one rule changed cannot draw.
///
/// Each change was tried; `docs/CONFORMANCE.md` lists them.
@Suite struct PreemptionRuleTests {
  private func picture(_ requests: [Request], _ settings: EngineSettings) -> String {
    var run = Timeline(
      MixedIterationScheduler(paged: requests, settings), requests: requests)
    run.run(limit: 100)
    return run.picture
  }

  private func together(_ lengths: [(prompt: Int32, output: Int32)]) -> [Request] {
    requests(lengths, arrivalSteps: lengths.map { _ in 0 })
  }

  /// One block is free and all three need one: the last makes way for the second.
  @Test func theVictimIsTheYoungest() {
    #expect(
      picture(together([(4, 2), (4, 2), (4, 3)]), .small(blocks: 4)) == """
        Pd
        Pd
        PrPd
        """)
  }

  /// The victim comes back behind request 2, which arrived at the same time and has waited since.
  @Test func aRecomputedRequestWaitsBehindEqualArrivals() {
    #expect(
      picture(together([(8, 3), (8, 3), (12, 1)]), .small(blocks: 5)) == """
        Pdd
        Pr..Pd
        ...P
        """)
  }

  /// One free block would do, since of two samples that share a block only one copies it; the rule asks for
  /// one a sequence.
  @Test func appendingNeedsABlockForEachSequence() {
    let pair = [
      Request(promptTokens: 6, outputTokens: 3),
      Request(promptTokens: 6, outputTokens: 3, samples: 2),
    ]
    #expect(
      picture(pair, .small(blocks: 5, host: 4)) == """
        Pdd
        Ps~id
        """)
  }

  /// Two blocks are free at step 2 and request 1 holds two, with room in the second; the rule asks for one
  /// to spare.
  @Test func swapInNeedsABlockToSpare() {
    var settings = EngineSettings.small(blocks: 5, host: 4)
    settings.preemptionMode = .swap
    #expect(
      picture(together([(8, 3), (6, 3)]), settings) == """
        Pdd
        Ps~id
        """)
  }

  /// From step 3 on request 2 would fit with a block to spare, and leave none for the watermark of one.
  @Test func swapInKeepsTheWatermark() {
    var settings = EngineSettings.small(blocks: 100, host: 4)
    settings.maxModelLength = 400
    settings.preemptionMode = .swap
    #expect(
      picture(together([(2, 3), (388, 5), (2, 3)]), settings) == """
        Pdd
        Pdddd
        Ps~~~id
        """)
  }
}
