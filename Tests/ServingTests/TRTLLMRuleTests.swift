import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// The rules of TensorRT-LLM's scheduler, each as a picture or a log that was worked out by hand; blocks of 4 tokens.
@Suite struct TRTLLMRuleTests {
  // MARK: Guaranteed no evict

  /// Prompt and answer of `a` are 12 tokens, 3 blocks, and of `b` as many: in a pool of 5 `b` waits for `a`, although 4
  /// blocks would do for both prompts.
  private let two: [DrawnRequest] = [
    .own("a", prompt: 8, output: 4), .own("b", prompt: 8, output: 4),
  ]

  @Test func whatMayBeNeededIsKept() {
    #expect(trtllmPicture(two, trtllmSettings(blocks: 5)) == "Pddd\n....Pddd")
    #expect(trtllmPicture(two, trtllmSettings(blocks: 6)) == "Pddd\nPddd")
  }

  /// 8 + 5 tokens are 4 blocks, of which the last is never written: 12 tokens get a slot, and the 13th has none.
  @Test func theLastTokenCountsToo() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 8, output: 5), .own("b", prompt: 8, output: 4),
    ]
    #expect(trtllmPicture(requests, trtllmSettings(blocks: 6)) == "Pdddd\n.....Pddd")
    #expect(trtllmPicture(requests, trtllmSettings(blocks: 7)) == "Pdddd\nPddd")
  }

  /// Clients that ask for 12 tokens keep 5 blocks each until they end.
  @Test func theLongestAnswerIsKept() {
    let settings = trtllmSettings(blocks: 9) { $0.clientMaxTokens = 12 }
    #expect(trtllmPicture(two, settings) == "Pddd\n....Pddd")
    #expect(
      trtllmPicture(two, trtllmSettings(blocks: 10) { $0.clientMaxTokens = 12 }) == "Pddd\nPddd")
  }

  /// `big` needs 7 blocks where 6 are left; `small` behind it would fit, and waits.
  @Test func theFirstThatDoesNotFitEndsIt() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 8, output: 4), .own("big", prompt: 24, output: 4),
      .own("small", prompt: 4, output: 2),
    ]
    #expect(trtllmPicture(requests, trtllmSettings(blocks: 9)) == "Pddd\n....Pddd\n....Pd")
  }

  /// `a` holds 2 blocks and is kept a third, of which it will fill 3 slots: its last token gets none. Where it asks for 12
  /// tokens, 3 blocks are kept, and 9 of their slots in vain.
  @Test func whatIsKeptIsReserved() {
    var timeline = Timeline(
      trtllm: [.own("a", prompt: 8, output: 4)], trtllmSettings(blocks: 8))
    timeline.decide()
    var ledger = timeline.ledger
    #expect(ledger.tokenState == 8 && ledger.reserved == 3)
    // The slot of the last token, and the block that is the engine's own.
    #expect(ledger.internalFragmentation == 1 + 4)
    #expect(ledger.free == 5 * 4 && ledger.total == 9 * 4)
    timeline = Timeline(
      trtllm: [.own("a", prompt: 8, output: 4)],
      trtllmSettings(blocks: 8) { $0.clientMaxTokens = 12 })
    timeline.decide()
    ledger = timeline.ledger
    #expect(ledger.reserved == 3 && ledger.internalFragmentation == 9 + 4)
    #expect(ledger.free == 3 * 4 && ledger.total == 9 * 4)
  }

  // MARK: Static batch

  /// `c` fits beside `a` and `b` and waits for the end of both.
  @Test func aBatchRunsToItsEnd() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 4, output: 4), .own("b", prompt: 4, output: 2),
      .own("c", at: 1, prompt: 4, output: 2),
    ]
    #expect(
      trtllmPicture(requests, trtllmSettings(blocks: 9) { $0.policy = .staticBatch })
        == "Pddd\nPd\n ...Pd")
    #expect(trtllmPicture(requests, trtllmSettings(blocks: 9)) == "Pddd\nPd\n Pd")
  }

  // MARK: Max utilization

  private func most(
    _ blocks: Int, tokens: Int = 64, _ change: (inout TRTLLMOptions) -> Void = { _ in }
  ) -> EngineSettings {
    trtllmSettings(blocks: blocks, tokens: tokens) {
      $0.policy = .maxUtilization
      change(&$0)
    }
  }

  /// Both prompts take the 4 blocks of the pool; for its 9th token `a` needs a fifth, and `b`, which began last, is paused.
  /// What was computed of `b` is taken by `a`, but for its first block: 4 of 9 tokens are found when it comes back.
  @Test func theLastThatBeganIsPaused() {
    #expect(
      trtllmLog(two, most(4)) == """
        0: a 0+8 b 0+8
        1: a 8+1 | out b8 | evict 4
        2: a 9+1
        3: a 10+1 | done a
        4: b 4+5 | hit b4 | evict 2
        5: b 9+1
        6: b 10+1 | done b

        """)
    #expect(trtllmPicture(two, most(4)) == "Pddd\nPr..Pdd")
  }

  /// At iteration 3 all three need a block where one is left. The last that began, `c`, makes way, and its blocks are enough.
  @Test func onlyAsManyArePausedAsMustBe() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 6, output: 4), .own("b", prompt: 6, output: 4),
      .own("c", prompt: 6, output: 4),
    ]
    #expect(trtllmPicture(requests, most(7)) == "Pddd\nPddd\nPddrP")
  }

  // MARK: The micro-batch

  /// 10 tokens an iteration: the prompts of `a` and `b` are 12, so `b` waits, and `c` behind it too.
  @Test func whatExceedsTheTokensEndsTheBatch() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 6, output: 3), .own("b", prompt: 6, output: 2),
      .own("c", prompt: 2, output: 2),
    ]
    #expect(trtllmPicture(requests, trtllmSettings(blocks: 20, tokens: 10)) == "Pdd\n.Pd\n.Pd")
  }

  /// Chunks are whole blocks but for the last: 10 tokens are 8 of the first prompt, and 2 that are too few for `b`. Decodes
  /// go first, so that 9 are left in iteration 2.
  @Test func chunksAreWholeBlocks() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 14, output: 3), .own("b", prompt: 14, output: 1),
    ]
    let settings = trtllmSettings(blocks: 20, tokens: 10) { $0.chunkedContext = true }
    #expect(
      trtllmLog(requests, settings) == """
        0: a 0+8
        1: a 8+6 b 0+4
        2: b 4+8 a 14+1
        3: b 12+2 a 15+1 | done b a

        """)
  }

  /// The blocks of the whole prompt are taken with the first chunk.
  @Test func theWholePromptIsTakenAtOnce() {
    var timeline = Timeline(
      trtllm: [.own("a", prompt: 14, output: 3)],
      trtllmSettings(blocks: 20, tokens: 10) {
        $0.policy = .maxUtilization
        $0.chunkedContext = true
      })
    timeline.decide()
    #expect(timeline.scheduler.blocks.physical == 4)
    #expect(timeline.ledger.tokenState == 8 && timeline.ledger.reserved == 8)
  }

  /// Two run at most, and `c` is not even looked at.
  @Test func theBatchHasAMost() {
    let requests = ["a", "b", "c"].map { DrawnRequest.own($0, prompt: 4, output: 2) }
    #expect(trtllmPicture(requests, trtllmSettings(blocks: 20, batch: 2)) == "Pd\nPd\n..Pd")
  }

  // MARK: Reuse

  private let alike = [
    DrawnRequest(name: "a", prompt: [[1, 0, 8], [2, 0, 2]], output: 3),
    DrawnRequest(name: "b", prompt: [[1, 0, 8], [3, 0, 2]], output: 2),
    DrawnRequest(name: "c", prompt: [[4, 0, 4]], output: 1),
  ]

  /// `b` begins as `a` does and waits for its blocks; `c` passes it. It then finds 8 tokens.
  @Test func whatIsBeingMadeIsWaitedFor() {
    #expect(
      trtllmLog(alike, trtllmSettings(blocks: 20)) == """
        0: a 0+10 c 0+4 | done c
        1: b 8+2 a 10+1 | hit b8
        2: a 11+1 b 10+1 | done a b

        """)
    #expect(
      trtllmPicture(alike, trtllmSettings(blocks: 20) { $0.blockReuse = false })
        == "Pdd\nPd\nP")
  }

  /// Blocks of others that run cost nothing: `b` needs 1 block beside those 2 of `a`, and 4 are enough for both.
  @Test func sharedBlocksAreCountedOnce() {
    let requests = [
      DrawnRequest(name: "a", prompt: [[1, 0, 8]], output: 4),
      DrawnRequest(name: "b", at: 1, prompt: [[1, 0, 8], [3, 0, 2]], output: 2),
    ]
    #expect(trtllmPicture(requests, trtllmSettings(blocks: 4)) == "Pddd\n Pd")
    #expect(
      trtllmPicture(requests, trtllmSettings(blocks: 5) { $0.blockReuse = false })
        == "Pddd\n ...Pd")
  }

  // MARK: The second manager

  /// A prompt takes the blocks of its chunk, so that `b` begins beside `a` with the one that is left; when `a` needs that,
  /// `b` makes way and does not come back in the same iteration.
  @Test func theSecondManagerTakesChunks() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 12, output: 2), .own("b", prompt: 7, output: 2),
    ]
    let settings = most(4, tokens: 8) {
      $0.chunkedContext = true
      $0.managerV2 = true
    }
    #expect(
      trtllmLog(requests, settings) == """
        0: a 0+8
        1: a 8+4 b 0+4
        2: a 12+1 | out b4 | evict 4 | done a
        3: b 0+7 | evict 3
        4: b 7+1 | done b

        """)
  }

  /// Of the 2 blocks that `b` gives back in iteration 5 `a` takes one. The other would do for a chunk of `b`, which comes back
  /// only in the next iteration.
  @Test func whoWasPausedComesBackLater() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 4, output: 7), .own("b", prompt: 12, output: 1),
    ]
    let settings = most(4, tokens: 8) {
      $0.chunkedContext = true
      $0.managerV2 = true
      $0.blockReuse = false
    }
    #expect(
      trtllmLog(requests, settings) == """
        0: a 0+4 b 0+4
        1: b 4+4 a 4+1
        2: a 5+1
        3: a 6+1
        4: a 7+1
        5: a 8+1 | out b8
        6: b 0+4 a 9+1 | done a
        7: b 4+8 | done b

        """)
  }
}
