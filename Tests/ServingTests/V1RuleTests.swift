import KVMemory
import Testing

@testable import Serving

/// The rules of `vllm-v1` drawn as logs; ``Timeline`` says how to read them.
@Suite struct V1RuleTests {
  @Test func longPromptsGoOnInChunksBehindRunningOnes() {
    let text = v1Log(
      [.own("a", prompt: 12, output: 2), .own("b", prompt: 3, output: 2)],
      v1Settings(blocks: 9, budget: 8))
    #expect(
      text == """
        0: a 0+8
        1: a 8+4 b 0+3
        2: a 12+1 b 3+1 | done a b

        """)
  }

  /// Blocks of 4, a window of 5: the next token sees four before it. What lies behind goes back an iteration late; a
  /// prompt that begins alike needs only the last of its three blocks.
  @Test func blocksBehindAWindowGoBackWhileTheSequenceRuns() {
    let text = v1Log(
      [
        .init(name: "a", prompt: [[1, 0, 12]], output: 3),
        .init(name: "b", at: 5, prompt: [[1, 0, 12], [2, 0, 1]], output: 1),
      ],
      v1Settings(blocks: 5, budget: 8) {
        $0.groups = [BlockGroup(keeps: .window(tokens: 5), blockTokens: 4)]
        $0.retention = .dense
      }, showingFree: true)
    #expect(
      text == """
        0: a 0+8 | free 3 4
        1: a 8+4 | free 4 1
        2: a 12+1 | free 1 2
        3: a 13+1 | done a | free 4 1 2 3
        5: b 12+1 | hit b12 | done b | free 4 1 2 3

        """)
  }

  @Test func withoutChunksAPromptWaitsForAWholeBudget() {
    let text = v1Log(
      [
        .own("a", prompt: 6, output: 2), .own("b", prompt: 6, output: 1),
        .own("c", prompt: 1, output: 1),
      ],
      v1Settings(blocks: 9, budget: 8) { $0.chunkedPrefill = false })
    #expect(
      text == """
        0: a 0+6
        1: a 6+1 b 0+6 c 0+1 | done a b c

        """)
  }

  @Test func theThresholdHoldsOnlyInCompany() {
    let text = v1Log(
      [.own("a", prompt: 10, output: 1), .own("b", at: 1, prompt: 6, output: 1)],
      v1Settings(blocks: 9, budget: 8) { $0.longPrefillTokenThreshold = 3 })
    #expect(
      text == """
        0: a 0+8
        1: a 8+2 b 0+3 | done a
        2: b 3+3 | done b

        """)
  }

  @Test func theLastTokenIsAlwaysComputed() {
    let text = v1Log(
      [
        .init(name: "a", prompt: [[1, 0, 8]], output: 1),
        .init(name: "b", at: 2, prompt: [[1, 0, 8]], output: 1),
        .init(name: "c", at: 4, prompt: [[1, 0, 9]], output: 1),
      ], v1Settings(blocks: 9))
    #expect(
      text == """
        0: a 0+8 | done a
        2: b 4+4 | hit b4 | done b
        4: c 8+1 | hit c8 | done c

        """)
  }

  @Test func blocksAreHitInTheStepThatSchedulesThem() {
    let text = v1Log(
      [
        .init(name: "a", prompt: [[1, 0, 8], [2, 0, 1]], output: 1),
        .init(name: "b", prompt: [[1, 0, 8], [3, 0, 2]], output: 1),
      ], v1Settings(blocks: 9))
    #expect(
      text == """
        0: a 0+9 b 8+2 | hit b8 | done a b

        """)
  }

  @Test func answersAreHitByPromptsThatQuoteThem() {
    let text = v1Log(
      [
        .init(name: "a", prompt: [[1, 0, 5]], output: 8),
        .init(name: "b", at: 10, prompt: [[1, 0, 5], [1_000_000, 0, 8], [1, 5, 2]], output: 1),
      ], v1Settings(blocks: 9))
    #expect(
      text == """
        0: a 0+5
        1: a 5+1
        2: a 6+1
        3: a 7+1
        4: a 8+1
        5: a 9+1
        6: a 10+1
        7: a 11+1 | done a
        10: b 12+3 | hit b12 | done b

        """)
  }

  @Test func theEndOfASequenceIsEvictedBeforeItsBeginning() {
    let text = v1Log(
      [
        .init(name: "a", prompt: [[1, 0, 13]], output: 1),
        .own("b", at: 1, prompt: 12, output: 1),
        .init(name: "c", at: 2, prompt: [[1, 0, 13]], output: 1),
      ], v1Settings(blocks: 6), showingFree: true)
    #expect(
      text == """
        0: a 0+13 | done a | free 4 5 3 2 1
        1: b 0+12 | evict 3 | done b | free 2 1 3 5 4
        2: c 8+5 | hit c8 | evict 3 5 | done c | free 5 4 3 2 1

        """)
  }

  /// Four requests of which only `a` leaves anything that can be hit; `e` begins like it.
  private let shortRequestsBehindALongOne: [DrawnRequest] = [
    .init(name: "a", prompt: [[1, 0, 13]], output: 1), .own("b", at: 1, prompt: 3, output: 1),
    .own("c", at: 2, prompt: 3, output: 1), .own("d", at: 3, prompt: 3, output: 1),
    .init(name: "e", at: 4, prompt: [[1, 0, 13]], output: 1),
  ]

  @Test func unhashedBlocksAreUsedAgainBeforeCachedOnes() {
    let text = v1Log(shortRequestsBehindALongOne, v1Settings(blocks: 6), showingFree: true)
    #expect(
      text == """
        0: a 0+13 | done a | free 4 5 3 2 1
        1: b 0+3 | done b | free 4 5 3 2 1
        2: c 0+3 | done c | free 4 5 3 2 1
        3: d 0+3 | done d | free 4 5 3 2 1
        4: e 12+1 | hit e12 | done e | free 4 5 3 2 1

        """)
  }

  @Test func theOlderQueueRuleUsesAllInTurn() {
    let text = v1Log(
      shortRequestsBehindALongOne, v1Settings(blocks: 6) { $0.freeQueueRule = .allAtTail },
      showingFree: true)
    #expect(
      text == """
        0: a 0+13 | done a | free 5 4 3 2 1
        1: b 0+3 | done b | free 4 3 2 1 5
        2: c 0+3 | done c | free 3 2 1 5 4
        3: d 0+3 | evict 3 | done d | free 2 1 5 4 3
        4: e 8+5 | hit e8 | done e | free 3 4 5 2 1

        """)
  }

  @Test func theWatermarkIsKeptOnlyBesideRunningRequests() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 12, output: 2), .own("b", prompt: 20, output: 1),
    ]
    let with = v1Log(requests, v1Settings(blocks: 9) { $0.watermarkFraction = 0.5 })
    #expect(
      with == """
        0: a 0+12
        1: a 12+1 | done a
        2: b 0+20 | done b

        """)
    let without = v1Log(requests, v1Settings(blocks: 9))
    #expect(
      without == """
        0: a 0+12 b 0+20 | done b
        1: a 12+1 | evict 8 | done a

        """)
  }

  @Test func theWholePromptMustFitOnlyIfReserved() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 8, output: 5), .own("b", prompt: 16, output: 1),
    ]
    let reserved = v1Log(requests, v1Settings(blocks: 6, budget: 12))
    #expect(
      reserved == """
        0: a 0+8
        1: a 8+1
        2: a 9+1
        3: a 10+1
        4: a 11+1 | done a
        5: b 0+12 | evict 3
        6: b 12+4 | evict 2 | done b

        """)
    let unreserved = v1Log(
      requests, v1Settings(blocks: 6, budget: 12) { $0.reserveFullISL = false })
    #expect(
      unreserved == """
        0: a 0+8 b 0+4
        1: a 8+1 | out b4
        2: a 9+1
        3: a 10+1
        4: a 11+1 | done a
        5: b 4+12 | hit b4 | evict 4 2 | done b

        """)
  }

  /// Of the four blocks of `b` two are in the queue; taking them leaves too few for the rest. Its
  /// first chunk would fit, but not all of it.
  @Test func freeHitsCountAgainstTheFreeBlocks() {
    let text = v1Log(
      [
        .init(name: "a", prompt: [[1, 0, 8]], output: 1),
        .own("c", at: 1, prompt: 11, output: 3),
        .init(name: "b", at: 2, prompt: [[1, 0, 16]], output: 1),
      ], v1Settings(blocks: 7) { $0.longPrefillTokenThreshold = 4 })
    #expect(
      text == """
        0: a 0+8 | done a
        1: c 0+11
        2: c 11+1
        3: c 12+1 | done c
        4: b 8+8 | hit b8 | evict 5 | done b

        """)
  }

  /// At step 1 `b` makes way, and `c` would fit at once.
  @Test func nobodyIsAdmittedWhileSomebodyMakesWay() {
    let text = v1Log(
      [
        .own("a", prompt: 8, output: 3), .own("b", prompt: 8, output: 2, priority: 9),
        .own("c", at: 1, prompt: 1, output: 1, priority: 1),
      ], v1Settings(blocks: 6) { $0.policy = .priority })
    #expect(
      text == """
        0: a 0+8 b 0+8
        1: a 8+1 | out b8
        2: a 9+1 c 0+1 | evict 4 | done a c
        3: b 4+5 | hit b4 | done b

        """)
  }

  @Test func theYoungestMakesWayAndFindsItsBlocksAgain() {
    let text = v1Log(
      [.own("a", prompt: 8, output: 4), .own("b", prompt: 8, output: 4)], v1Settings(blocks: 6))
    #expect(
      text == """
        0: a 0+8 b 0+8
        1: a 8+1 | out b8
        2: a 9+1
        3: a 10+1 | done a
        4: b 8+1 | hit b8
        5: b 9+1
        6: b 10+1 | done b

        """)
  }

  @Test func severalVictimsComeBackOldestFirstAndBeforeNewOnes() {
    let text = v1Log(
      [
        .own("a", prompt: 16, output: 1), .own("b", prompt: 4, output: 2),
        .own("c", prompt: 4, output: 2), .own("d", at: 1, prompt: 1, output: 1),
      ],
      v1Settings(blocks: 5) {
        $0.prefixCaching = false
        $0.longPrefillTokenThreshold = 8
      })
    #expect(
      text == """
        0: a 0+8 b 0+4 c 0+4
        1: a 8+8 | out c4 b4 | done a
        2: b 0+5 c 0+5 | done b c
        3: d 0+1 | done d

        """)
  }

  @Test func prioritiesOrderTheQueueAndChooseTheVictim() {
    let text = v1Log(
      [
        .own("a", prompt: 4, output: 3, priority: 2), .own("b", prompt: 4, output: 3, priority: 1),
        .own("c", prompt: 4, output: 3, priority: 1),
      ], v1Settings(blocks: 5) { $0.policy = .priority })
    #expect(
      text == """
        0: b 0+4 c 0+4 a 0+4
        1: b 4+1 c 4+1 | out a4 | evict 3
        2: b 5+1 c 5+1 | done b c
        3: a 0+5
        4: a 5+1 | done a

        """)
  }

  /// `b` and `a` are served alike but for their names: `a` is admitted first, and so makes way first.
  @Test func ofEqualPrioritiesThatArriveTogetherTheNameDecides() {
    func drawn(_ name: String, arrival: Int) -> DrawnRequest {
      var request = DrawnRequest.own(name, prompt: 4, output: 3, priority: 1)
      request.arrival = arrival
      return request
    }
    let text = v1Log(
      [drawn("b", arrival: 0), drawn("a", arrival: 0)],
      v1Settings(blocks: 4) { $0.policy = .priority })
    #expect(
      text == """
        0: a 0+4 b 0+4
        1: b 4+1 | out a4
        2: b 5+1 | done b
        3: a 4+1 | hit a4
        4: a 5+1 | done a

        """)
    let later = v1Log(
      [drawn("b", arrival: 0), drawn("a", arrival: 1)],
      v1Settings(blocks: 4) { $0.policy = .priority })
    #expect(later.hasPrefix("0: b 0+4 a 0+4\n1: b 4+1 | out a4\n"))
  }

  /// One adapter at a time: `b` waits while `a` runs, and `c`, which has none, and `d` with that of `a` pass it. What was
  /// computed with another adapter is not hit.
  @Test func aRequestWaitsForRoomForItsAdapterAndOthersPassIt() {
    func drawn(_ name: String, adapter: Int, output: Int = 1) -> DrawnRequest {
      var request = DrawnRequest(name: name, prompt: [[1, 0, 5]], output: output)
      request.adapter = adapter
      return request
    }
    let text = v1Log(
      [
        drawn("a", adapter: 1, output: 2), drawn("b", adapter: 2), drawn("c", adapter: 0),
        drawn("d", adapter: 1), drawn("e", adapter: 2),
      ], v1Settings(blocks: 20) { $0.adaptersMax = 1 })
    #expect(
      text == """
        0: a 0+5 c 0+5 d 4+1 | hit d4 | done c d
        1: a 5+1 | done a
        2: b 0+5 e 4+1 | hit e4 | done b e

        """)
    let free = v1Log(
      [drawn("a", adapter: 1), drawn("b", adapter: 2), drawn("c", adapter: 2)],
      v1Settings(blocks: 20))
    #expect(free == "0: a 0+5 b 0+5 c 4+1 | hit c4 | done a b c\n")
  }

  /// At step 6 `y` takes the block of `x`, which was to run already; its token goes to `z`.
  @Test func aScheduledVictimGivesItsBudgetBack() {
    let text = v1Log(
      [
        .own("x", prompt: 1, output: 20, priority: 9),
        .own("y", at: 1, prompt: 7, output: 6), .own("z", at: 4, prompt: 4, output: 1),
      ],
      {
        var settings = v1Settings(blocks: 4, budget: 3) { $0.policy = .priority }
        settings.blockSize = 8
        return settings
      }(), steps: 8)
    #expect(
      text == """
        0: x 0+1
        1: x 1+1 y 0+2
        2: x 2+1 y 2+2
        3: x 3+1 y 4+2
        4: x 4+1 y 6+1 z 0+1
        5: x 5+1 y 7+1 z 1+1
        6: y 8+1 z 2+2 | out x6 | done z
        7: y 9+1 x 0+2

        """)
  }

  /// At step 2 `x` finds no block and makes way itself; `y`, behind it, still runs.
  @Test func aPriorityVictimDoesNotEndTheIteration() {
    let text = v1Log(
      [
        .own("x", prompt: 3, output: 3, priority: 9),
        .own("y", at: 1, prompt: 2, output: 3, priority: 1),
      ], v1Settings(blocks: 3) { $0.policy = .priority })
    #expect(
      text == """
        0: x 0+3
        1: x 3+1 y 0+2
        2: y 2+1 | out x4
        3: y 3+1 | done y
        4: x 4+1 | hit x4 | evict 2 | done x

        """)
  }

  @Test func sequencesEndAtTheLongestLength() {
    let text = v1Log(
      [.own("a", prompt: 6, output: 9)], v1Settings(blocks: 9, maxModelLength: 8))
    #expect(
      text == """
        0: a 0+6
        1: a 6+1 | done a

        """)
  }

  @Test func noMoreThanMaxSequencesRun() {
    let text = v1Log(
      [
        .own("a", prompt: 2, output: 2), .own("b", prompt: 2, output: 1),
        .own("c", prompt: 2, output: 1),
      ], v1Settings(blocks: 9, maxSequences: 2))
    #expect(
      text == """
        0: a 0+2 b 0+2 | done b
        1: a 2+1 c 0+2 | done a c

        """)
  }

  @Test func samplesShareThePromptThroughTheCache() {
    var timeline = V1Timeline(
      v1: [.init(name: "a", prompt: [[1, 0, 9]], output: 3, samples: 3)], v1Settings(blocks: 9))
    timeline.run(steps: 5)
    #expect(
      timeline.log == """
        0: a 0+9 a 8+1 a 8+1 | hit a8 a8
        1: a 9+1 a 9+1 a 9+1
        2: a 10+1 a 10+1 a 10+1 | done a

        """)
    #expect(timeline.emitted == [9])
  }
}
