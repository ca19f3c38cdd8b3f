import KVMemory
import Testing

@testable import Serving

/// Drafts and outputs that are taken in late, drawn as logs; ``Timeline`` says how to read them.
@Suite struct V1AheadTests {
  /// An engine that drafts so many tokens.
  private func drafting(
    _ tokens: Int, blocks: Int = 20, budget: Int = 64, maxModelLength: Int = 64,
    _ change: (inout Speculation) -> Void = { _ in }
  ) -> EngineSettings {
    var speculation = Speculation(draftTokens: tokens)
    change(&speculation)
    return v1Settings(blocks: blocks, budget: budget, maxModelLength: maxModelLength) {
      $0.speculation = speculation
    }
  }

  private func own(
    _ name: String, at step: Int = 0, prompt: Int, output: Int, accepted: [Int],
    proposed: [Int] = []
  ) -> DrawnRequest {
    var request = DrawnRequest.own(name, at: step, prompt: prompt, output: output)
    request.accepted = accepted
    request.proposed = proposed
    return request
  }

  /// Of 2 drafts 2, none and 1 are accepted; the one token that is still wanted then comes with a draft too many.
  @Test func rejectedDraftsAreTakenBack() {
    let text = v1Log([own("a", prompt: 4, output: 6, accepted: [2, 0, 1])], drafting(2))
    #expect(
      text == """
        0: a 0+4
        1: a 4+3 | draft a2/2
        2: a 7+3 | draft a2/0
        3: a 8+3 | draft a2/1 | done a

        """)
  }

  @Test func draftsAreAsManyAsWereProposed() {
    let text = v1Log(
      [own("a", prompt: 4, output: 6, accepted: [1], proposed: [0, 1])], drafting(2))
    #expect(
      text == """
        0: a 0+4
        1: a 4+1
        2: a 5+2 | draft a1/1
        3: a 7+1
        4: a 8+2 | draft a1/1 | done a

        """)
  }

  /// `b` gets its token, its drafts are lost.
  @Test func theBudgetCutsTheDraftsOfTheLast() {
    let text = v1Log(
      ["a", "b"].map { own($0, prompt: 1, output: 4, accepted: [0]) }, drafting(3, budget: 5))
    #expect(
      text == """
        0: a 0+1 b 0+1
        1: a 1+4 b 1+1 | draft a3/0
        2: a 2+4 b 2+1 | draft a3/0
        3: a 3+4 b 3+1 | draft a3/0 | done a b

        """)
  }

  /// Each sequence takes one token more than it runs: two prompts of one token leave too little of 5 for a third.
  @Test func aDraftingModelTakesASlotOfTheBudget() {
    let text = v1Log(
      [
        own("a", prompt: 1, output: 3, accepted: [1]),
        own("b", prompt: 1, output: 3, accepted: [1]),
        own("c", prompt: 1, output: 1, accepted: []),
      ], drafting(1, budget: 5) { $0.draftSlots = 1 })
    #expect(
      text == """
        0: a 0+1 b 0+1
        1: a 1+2 b 1+1 | draft a1/1 | done a
        2: b 2+2 c 0+1 | draft b1/1 | done b c

        """)
  }

  @Test func draftsEndBeforeTheLongestSequence() {
    let text = v1Log(
      [own("a", prompt: 5, output: 9, accepted: [3])], drafting(3, maxModelLength: 8))
    #expect(
      text == """
        0: a 0+5
        1: a 5+2 | draft a1/1 | done a

        """)
  }

  /// A prompt of 4 tokens takes a second block for the slots behind it.
  @Test func lookaheadSlotsAreTakenWithTheTokens() {
    let drawn = [own("a", prompt: 4, output: 2, accepted: [0])]
    let text = v1Log(drawn, drafting(1, blocks: 6) { $0.lookaheadSlots = 3 }, showingFree: true)
    #expect(
      text == """
        0: a 0+4 | free 3 4 5
        1: a 4+2 | draft a1/0 | done a | free 3 2 4 5 1

        """)
    #expect(
      v1Log(drawn, drafting(1, blocks: 6), steps: 1, showingFree: true)
        == "0: a 0+4 | free 2 3 4 5\n")
  }

  /// `b` has one token to compute and is brought to the size of the others; beside a part of a prompt it is not.
  @Test func aCachedPromptIsPaddedToTheSizeOfOthers() {
    var a = DrawnRequest(name: "a", prompt: [[1, 0, 5]], output: 4)
    var b = DrawnRequest(name: "b", at: 2, prompt: [[1, 0, 5]], output: 2)
    (a.accepted, b.accepted) = ([0], [0])
    let text = v1Log([a, b], drafting(2))
    #expect(
      text == """
        0: a 0+5
        1: a 5+3 | draft a2/0
        2: a 6+3 b 4+3 | draft a2/0 | pad b2/0 | hit b4
        3: a 7+3 b 5+3 | draft a2/0 b2/0 | done a b

        """)
    var settings = drafting(2, budget: 8)
    settings.v1.longPrefillTokenThreshold = 4
    let beside = v1Log(
      [
        DrawnRequest(name: "a", prompt: [[1, 0, 5]], output: 1),
        DrawnRequest.own("long", at: 1, prompt: 20, output: 1),
        DrawnRequest(name: "b", at: 2, prompt: [[1, 0, 5]], output: 1),
      ], settings)
    #expect(
      beside == """
        0: a 0+5 | done a
        1: long 0+8
        2: long 8+4 b 4+1 | hit b4 | done b
        3: long 12+8 | done long

        """)
  }

  /// The key of the second block stands for the token behind it, which is known when the output has come.
  @Test func keysStandForTheTokenBehindTheirBlock() {
    let drawn = [
      DrawnRequest(name: "a", prompt: [[1, 0, 8]], output: 1),
      DrawnRequest(name: "b", at: 1, prompt: [[1, 0, 8], [2, 0, 1]], output: 1),
      DrawnRequest(name: "c", at: 2, prompt: [[1, 0, 8], [1_000_000, 0, 1]], output: 1),
    ]
    let text = v1Log(drawn, drafting(1) { $0.caching.keyLookahead = 1 })
    #expect(
      text == """
        0: a 0+8 | done a
        1: b 4+5 | hit b4 | done b
        2: c 8+2 | pad c1/0 | hit c8 | done c

        """)
    #expect(v1Log(drawn, drafting(1)).contains("hit b8"))
    // In the iteration that computes the block, the token behind it is not known.
    var early = drawn[2]
    early.at = 0
    #expect(
      v1Log([drawn[0], early], drafting(1) { $0.caching.keyLookahead = 1 })
        == "0: a 0+8 c 4+5 | hit c4 | done a c\n")
  }

  @Test func theLastBlockOfAHitIsGivenBack() {
    func log(_ changes: Bool) -> String {
      var settings = drafting(1) { $0.caching.dropsLastHit = changes }
      settings.v1.groups = [BlockGroup(keeps: .all, blockTokens: 4)]
      return v1Log(
        ["a", "b"].enumerated().map {
          DrawnRequest(name: $1, at: 2 * $0, prompt: [[1, 0, 10]], output: 1)
        }, settings)
    }
    #expect(log(true) == "0: a 0+10 | done a\n2: b 4+6 | hit b4 | done b\n")
    #expect(log(false) == "0: a 0+10 | done a\n2: b 8+2 | hit b8 | done b\n")
  }

  // MARK: Asynchronous

  private func asynchronous(blocks: Int = 20, _ change: (inout V1Options) -> Void = { _ in })
    -> EngineSettings
  {
    v1Settings(blocks: blocks) {
      $0.isAsynchronous = true
      change(&$0)
    }
  }

  /// Iteration 1 goes on with the token that iteration 0 will have yielded. Nobody runs once its last token is on its way.
  @Test func anIterationIsDecidedBeforeTheOutputOfTheOneBefore() {
    let text = v1Log(
      [.own("a", prompt: 4, output: 3), .own("b", at: 1, prompt: 2, output: 1)], asynchronous())
    #expect(
      text == """
        0: a 0+4
        1: a 4+1 b 0+2
        2: a 5+1 | done b
        3: done a

        """)
  }

  /// The first token of `b` is in flight when it loses its block; it counts, and `b` comes back with 5 tokens.
  @Test func aTokenInFlightOutlivesAPreemption() {
    let text = v1Log(
      ["a", "b"].map { .own($0, prompt: 4, output: 6) }, asynchronous(blocks: 4))
    #expect(
      text == """
        0: a 0+4 b 0+4
        1: a 4+1 | out b4
        2: a 5+1
        3: a 6+1
        4: a 7+1
        5: a 8+1 | evict 2
        6: done a
        7: b 0+5 | evict 3
        8: b 5+1
        9: b 6+1
        10: b 7+1
        11: b 8+1 | evict 1
        12: done b

        """)
  }

  /// The only token of `a` is in flight when it loses its block.
  @Test func aWaitingRequestMayFinish() {
    let text = v1Log(
      [.own("b", prompt: 4, output: 3), .own("a", prompt: 4, output: 1)], asynchronous(blocks: 3))
    #expect(
      text == """
        0: b 0+4 a 0+4
        1: b 4+1 | out a4 | evict 2 | done a
        2: b 5+1
        3: done b

        """)
  }

  /// The block behind the window goes back once the token that passes it is computed, not once it is scheduled.
  @Test func blocksBehindAWindowGoBackAnIterationLater() {
    func log(_ change: (inout V1Options) -> Void) -> String {
      var settings = asynchronous(blocks: 9) {
        $0.groups = [BlockGroup(keeps: .window(tokens: 3), blockTokens: 4)]
        $0.retention = .dense
      }
      change(&settings.v1)
      return v1Log(
        [.own("a", prompt: 4, output: 5)], settings, steps: 6, showingFree: true)
    }
    #expect(
      log { _ in } == """
        0: a 0+4 | free 2 3 4 5 6 7 8
        1: a 4+1 | free 3 4 5 6 7 8
        2: a 5+1 | free 3 4 5 6 7 8
        3: a 6+1 | free 3 4 5 6 7 8
        4: a 7+1 | free 3 4 5 6 7 8 1
        5: done a | free 3 4 5 6 7 8 1 2

        """)
    #expect(log { $0.countsInFlight = false }.contains("3: a 6+1 | free 3 4 5 6 7 8 1\n"))
  }

  /// A window of 3 tokens and two iterations of 4 in flight take 4 blocks of 4, of which 3 are there.
  @Test func aWindowHoldsWhatIsInFlight() {
    func log(countsInFlight: Bool) -> String {
      var settings = v1Settings(blocks: 4, budget: 4) {
        $0.isAsynchronous = true
        $0.countsInFlight = countsInFlight
        $0.groups = [BlockGroup(keeps: .window(tokens: 3), blockTokens: 4)]
      }
      settings.v1.retention = .dense
      return v1Log([.own("a", prompt: 16, output: 1)], settings, steps: 1)
    }
    #expect(log(countsInFlight: true).isEmpty)
    #expect(log(countsInFlight: false) == "0: a 0+4\n")
  }

  /// Drafts are counted before anybody has drafted them: iteration 3 runs behind two that iteration 2 rejects.
  @Test func draftsOfIterationsAheadArePlaceholders() {
    var settings = drafting(2)
    settings.v1.isAsynchronous = true
    let text = v1Log([own("a", prompt: 4, output: 6, accepted: [2, 0])], settings)
    #expect(
      text == """
        0: a 0+4
        1: a 4+3 | draft a2/2
        2: a 7+3 | draft a2/0
        3: a 10+3 | draft a2/2
        4: done a

        """)
  }
}
