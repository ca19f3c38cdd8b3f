import CostModel
import KVMemory
import Testing
import Workload

@testable import Serving

/// Requests with several sequences: sharing, swapping, and what we do better than the engine.
@Suite struct VLLM02SwapTests {
  /// Six tokens leave half a block that three samples share: two copy it, the last writes in place.
  @Test func allSharersButTheLastCopy() {
    var timeline = Timeline(vllm02: [.at(0, prompt: 6, output: 3, n: 3)], .tiny(blocks: 8))
    timeline.run(steps: 1)
    #expect(timeline.tables(of: 0) == [[7, 6], [7, 6], [7, 6]])
    timeline.decide()
    #expect(
      timeline.plan.copies == [.init(source: 6, destination: 5), .init(source: 6, destination: 4)])
    #expect(timeline.tables(of: 0) == [[7, 5], [7, 4], [7, 6]])
    #expect(timeline.plan.work.copiedBlocks == 2)
  }

  /// Two samples go out and come back together. Until they are back no prompt is admitted, though the
  /// last request would fit, and the watermark of one block holds for them too.
  @Test func swappedRequestsBarAdmissions() {
    let requests: [Request] = [
      .at(0, prompt: 8, output: 9), .at(0, prompt: 4, output: 4, n: 2),
      .at(2, prompt: 4, output: 1),
    ]
    var timeline = Timeline(vllm02: requests, .tiny(blocks: 4, host: 4), watermark: 1)
    #expect(
      timeline.run() == """
        Pdddddddd
        Ps~~~~~~~idd
          ..........P
        """)
  }

  /// What was shared before the swap is shared after it, and nothing else.
  @Test func swappingPreservesSharing() {
    let requests: [Request] = [
      .at(0, prompt: 4, output: 6), .at(0, prompt: 6, output: 12, n: 2),
    ]
    var timeline = Timeline(vllm02: requests, .tiny(blocks: 6, host: 6))
    var before: [[BlockID]] = []
    while timeline.plan.preempted.isEmpty {
      before = timeline.tables(of: 1)
      timeline.decide()
      timeline.complete()
    }
    #expect(before.map(\.count) == [2, 2] && before[0][0] == before[1][0])
    #expect(timeline.plan.preempted == [.init(request: 1, mode: .swap, blocks: 3)])
    while timeline.plan.swappedIn.isEmpty {
      timeline.decide()
      timeline.complete()
    }
    let after = timeline.tables(of: 1)
    #expect(after[0][0] == after[1][0] && after[0][1] != after[1][1])
    #expect(timeline.plan.swappedIn == [.init(request: 1, blocks: 3)])
    #expect(timeline.scheduler.memory.host.heldCount == 0)
  }

  /// A swapped request comes back only if each of its sequences could take one more block.
  @Test func swapInKeepsABlockForEachSequence() {
    let requests: [Request] = [
      .at(0, prompt: 8, output: 6), .at(0, prompt: 4, output: 3, n: 2),
    ]
    // One block is free beside the first's three; one to come back and two to go on are three.
    var tight = Timeline(vllm02: requests, .tiny(blocks: 4, host: 4))
    #expect(tight.run() == "Pddddd\nPs~~~~id")
    // Three are free and would do for three blocks that have room, but two more have to be free.
    var roomy = Timeline(vllm02: requests, .tiny(blocks: 6, host: 4))
    #expect(roomy.run() == "Pddddd\nPds~~~i")
  }

  @Test func exhaustedSwapSpaceStopsTheRun() {
    let requests: [Request] = [.at(0, prompt: 8, output: 9), .at(0, prompt: 8, output: 9, n: 2)]
    var timeline = Timeline(vllm02: requests, .tiny(blocks: 5, host: 1))
    timeline.run()
    #expect(
      timeline.plan.failure
        == .swapSpaceExhausted(.init(request: 1, blocksNeeded: 2, blocksFree: 1)))
  }

  // MARK: Where we differ from the engine

  /// The second is recomputed after one of its samples ended. The engine then references its blocks twice
  /// and loses them; we do not.
  @Test func recomputedRequestsLoseNoBlocks() {
    let requests: [Request] = [
      .at(0, prompt: 6, output: 18), .at(0, prompt: 7, output: 16, n: 2),
      .at(7, prompt: 5, output: 6),
    ]
    func leaked(repeatsDefects: Bool) -> Int {
      var settings = EngineSettings.tiny(blocks: 9, host: 14)
      settings.repeatsEngineDefects = repeatsDefects
      var timeline = Timeline(vllm02: requests, settings, sampleTargets: [1: [2, 16]])
      timeline.run()
      #expect(timeline.finished.count == 3)
      return timeline.scheduler.memory.device.heldCount
    }
    #expect(leaked(repeatsDefects: true) == 5)
    #expect(leaked(repeatsDefects: false) == 0)
  }

  /// Eight tokens fill both blocks; the engine wants a third for the next token, which is never written.
  @Test func aloneTheExactNeedIsEnough() {
    let requests: [Request] = [.at(0, prompt: 4, output: 5)]
    var settings = EngineSettings.tiny(blocks: 2)
    var timeline = Timeline(vllm02: requests, settings)
    #expect(timeline.run() == "Pdddd")
    settings.repeatsEngineDefects = true
    var defective = Timeline(vllm02: requests, settings)
    #expect(defective.run(steps: 8) == "PdrPrPrP")
  }

  /// Alone, the watermark protects nobody; the engine would wait for ever.
  @Test func aloneTheWatermarkIsWaived() {
    let requests: [Request] = [.at(0, prompt: 8, output: 1)]
    var settings = EngineSettings.tiny(blocks: 2, .v020)
    var timeline = Timeline(vllm02: requests, settings, watermark: 1)
    #expect(timeline.run() == "P")
    settings.repeatsEngineDefects = true
    var waiting = Timeline(vllm02: requests, settings, watermark: 1)
    #expect(waiting.run(steps: 3) == "...")
    settings.vllm02 = VLLM02Options(.v027)
    var dropping = Timeline(vllm02: requests, settings, watermark: 1)
    #expect(dropping.run() == "x")
    #expect(dropping.plan.isEmpty)
  }

  /// Preempted with more tokens than an iteration may compute: the engine drops it half-way.
  @Test func recomputedRequestsAreNotDropped() {
    let requests: [Request] = [.at(0, prompt: 8, output: 9), .at(0, prompt: 8, output: 9)]
    var settings = EngineSettings.tiny(blocks: 6, tokens: 8)
    var timeline = Timeline(vllm02: requests, settings)
    #expect(
      timeline.run() == """
        P-dd-d-d-dddd
        .PdrPrPrPr...Pddd
        """)
    settings.repeatsEngineDefects = true
    var dropping = Timeline(vllm02: requests, settings)
    #expect(
      dropping.run() == """
        P-dd-dddddd
        .Pdrx
        """)
  }

  // MARK: The front door

  @Test func turnsAwayWhatCanNeverRun() {
    func admission(_ request: Request, _ settings: EngineSettings) -> Admission {
      PromptOrDecodeScheduler(requests: [request], settings: settings).admission(of: request)
    }
    let settings = EngineSettings.tiny(blocks: 8, sequences: 2, tokens: 16, length: 32)
    #expect(admission(.at(0, prompt: 16, output: 16), settings) == .possible)
    #expect(
      admission(.at(0, prompt: 16, output: 17), settings)
        == .never(.tokens, required: 33, capacity: 32))
    #expect(
      admission(.at(0, prompt: 17, output: 1), settings)
        == .never(.prompt, required: 17, capacity: 16))
    #expect(
      admission(.at(0, prompt: 4, output: 1, n: 3), settings)
        == .never(.sequences, required: 3, capacity: 2))
    #expect(
      admission(.at(0, prompt: 16, output: 16, n: 2), settings)
        == .never(.blocks, required: 12, capacity: 8))
    // A pool of 200 blocks keeps two free: the releases part over a prompt that needs 199.
    for (release, wanted) in [
      (VLLM02Release.v027, Admission.never(.blocks, required: 199, capacity: 198)),
      (.v020, .possible),
    ] {
      let settings = EngineSettings.tiny(blocks: 200, tokens: 800, length: 800, release)
      #expect(admission(.at(0, prompt: 796, output: 4), settings) == wanted)
    }
  }
}
