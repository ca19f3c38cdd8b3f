import KVMemory
import Testing
import Workload

@testable import Serving

/// Who runs when, as pictures; the letters are explained at ``Timeline``.
@Suite struct PromptOrDecodeTests {
  private func picture(
    _ requests: [Request], _ settings: EngineSettings, watermark: Int = 0, steps: Int = 1000
  ) -> String {
    var timeline = Timeline(vllm02: requests, settings, watermark: watermark)
    return timeline.run(steps: steps)
  }

  /// A prompt lets everyone else stand still, and gives the first token itself.
  @Test func iterationsComputePromptsOrDecode() {
    let requests: [Request] = [.at(0, prompt: 4, output: 3), .at(1, prompt: 4, output: 2)]
    #expect(
      picture(requests, .tiny(blocks: 16)) == """
        P-dd
         Pd
        """)
  }

  /// The second needs three blocks of the two that are free, and the third is not let past it.
  @Test func headOfTheQueueBlocks() {
    let requests: [Request] = [
      .at(0, prompt: 8, output: 2), .at(0, prompt: 12, output: 1), .at(0, prompt: 4, output: 1),
    ]
    #expect(
      picture(requests, .tiny(blocks: 4)) == """
        Pd
        ..P
        ..P
        """)
  }

  /// 12 + 4 tokens take 8 of padding, and 3 more would take 9 more.
  @Test func paddingsStayWithinTheirLimit() {
    let requests: [Request] = [12, 4, 3].map { .at(0, prompt: $0, output: 1) }
    var settings = EngineSettings.tiny(blocks: 16)
    settings.vllm02.promptBudget = .padded(maxPaddings: 8)
    #expect(picture(requests, settings) == "P\nP\n.P")
    settings.vllm02.promptBudget = .padded(maxPaddings: 7)
    #expect(picture(requests, settings) == "P\n.P\n.P")
    settings.vllm02.promptBudget = .summed
    #expect(picture(requests, settings) == "P\nP\nP")
  }

  /// Two prompts of 12 and 4 tokens are 24 with padding and 16 without.
  @Test(arguments: [(VLLM02Release.v027, 24, 23), (.v020, 16, 15)])
  func promptsStayWithinTheTokenBudget(release: VLLM02Release, enough: Int, tooFew: Int) {
    let requests: [Request] = [.at(0, prompt: 12, output: 1), .at(0, prompt: 4, output: 1)]
    #expect(picture(requests, .tiny(blocks: 16, tokens: enough, release)) == "P\nP")
    #expect(picture(requests, .tiny(blocks: 16, tokens: tooFew, release)) == "P\n.P")
  }

  /// Three samples count as three before their prompt is computed, and as those that are left after.
  @Test func sequencesStayWithinTheirLimit() {
    let requests: [Request] = [.at(0, prompt: 4, output: 2, n: 3), .at(0, prompt: 4, output: 1)]
    #expect(picture(requests, .tiny(blocks: 16, sequences: 4)) == "Pd\nP")
    #expect(picture(requests, .tiny(blocks: 16, sequences: 3)) == "Pd\n..P")
    var uneven = Timeline(
      vllm02: requests, .tiny(blocks: 16, sequences: 3), sampleTargets: [0: [1, 2, 2]])
    #expect(uneven.run() == "P-d\n.P")
  }

  /// The watermark holds back an admission; a running request takes the last block, and then the
  /// younger one finds none.
  @Test func watermarkIsForAdmissionsOnly() {
    let requests: [Request] = [.at(0, prompt: 8, output: 6), .at(0, prompt: 4, output: 2)]
    #expect(picture(requests, .tiny(blocks: 4), watermark: 1) == "Pddddd\nPr....P")
    #expect(picture(requests, .tiny(blocks: 4), watermark: 2) == "Pddddd\n......Pd")
  }

  /// The two samples of the first want two blocks, and each victim has one. Victims go to the front
  /// of the queue, before the one that never ran, in order of arrival.
  @Test func recomputedRequestsWaitInFrontInOrder() {
    let requests: [Request] = [
      .at(0, prompt: 8, output: 3, n: 2), .at(0, prompt: 4, output: 4),
      .at(0, prompt: 4, output: 4), .at(1, prompt: 8, output: 1),
    ]
    var timeline = Timeline(vllm02: requests, .tiny(blocks: 4))
    #expect(timeline.run(steps: 2) == "Pd\nPr\nPr\n .")
    #expect(Array(timeline.scheduler.waiting) == [1, 2, 3])
    // An admission leaves no block to grow into, so the younger one is preempted again and again,
    // and gets its tokens from prompts alone.
    #expect(
      timeline.run() == """
        Pdd
        Pr.Pd-d
        Pr.PrPrP
         ......P
        """)
  }
}
