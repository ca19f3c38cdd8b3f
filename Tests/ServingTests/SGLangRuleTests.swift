import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// The main rules of SGLang's scheduler, each as a picture or a log that was worked out by hand.
@Suite struct SGLangRuleTests {
  // MARK: The loop

  private let two: [DrawnRequest] = [
    .own("a", prompt: 4, output: 4), .own("b", at: 2, prompt: 4, output: 2),
  ]

  /// A prompt that may be computed goes before every decode.
  @Test func promptsGoFirst() {
    #expect(sglangPicture(two, sglangSettings(pool: 64)) == "Pd-dd\n  Pd")
  }

  /// `b` comes ahead of the first of three decodes, behind which is the next look at new requests.
  @Test func newRequestsAreSeenEverySoManyDecodes() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 4, output: 10), .own("b", at: 2, prompt: 4, output: 2),
    ]
    #expect(
      sglangPicture(requests, sglangSettings(pool: 64) { $0.receiveInterval = 3 })
        == "Pddd-dddddd\n  ..Pd")
  }

  /// The batch that runs when `b` comes was decided already, and so was the one behind it.
  @Test func withOverlapARequestWaitsForOneBatchMore() {
    let settings = sglangSettings(pool: 64) { $0.overlap = true }
    #expect(sglangPicture(two, settings) == "Pdd-d\n  .Pd")
  }

  /// `a` ends with the token that says so, which the overlap loop does not foresee: it is launched once more, and that
  /// token is dropped.
  @Test func withOverlapAnEndIsSeenLate() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 4, output: 2), .own("b", prompt: 4, output: 3),
    ]
    let asks = [
      SGLangAsk(maxNewTokens: 9, ignoresEOS: false), SGLangAsk(maxNewTokens: 3, ignoresEOS: true),
    ]
    let settings = sglangSettings(pool: 64) { $0.overlap = true }
    var timeline = Timeline(sglang: requests, settings, asks: asks)
    timeline.run()
    #expect(
      timeline.log == """
        0: a 0+4 b 0+4
        1: a 4+1 b 4+1 | done a
        2: a 5+1 b 5+1 | done b

        """)
    #expect(timeline.emitted == [2, 3])
    // The last token of `a` has keys and values now, which a later request can find: 4 + 2, and 4 + 2 of `b`.
    #expect(timeline.scheduler.memory.tree.size == 12)
  }

  // MARK: Chunks

  /// Chunks of 4 tokens: the prompt that goes on comes first, and what it leaves is the next one's.
  @Test func chunksGoOnFirst() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 10, output: 3), .own("b", at: 1, prompt: 3, output: 2),
    ]
    #expect(
      sglangLog(requests, sglangSettings(pool: 64, chunk: 4)) == """
        0: a 0+4
        1: a 4+4
        2: a 8+2 b 0+2
        3: b 2+1
        4: a 10+1 b 3+1 | done b
        5: a 11+1 | done a

        """)
  }

  /// With mixed chunks `a` decodes beside the prompt of `b`, which then stands before it.
  @Test func mixedChunksPutPromptsFirst() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 4, output: 4), .own("b", at: 1, prompt: 3, output: 2),
    ]
    #expect(
      sglangLog(requests, sglangSettings(pool: 64, chunk: 16) { $0.mixedChunk = true }) == """
        0: a 0+4
        1: b 0+3 a 4+1
        2: b 3+1 a 5+1 | done b
        3: a 6+1 | done a

        """)
  }

  // MARK: Admission and retraction

  /// `big` needs 20 + 2 + 1 slots beside `r` and waits; `small` behind it waits too, although it would fit.
  @Test func theHeadOfTheQueueBlocksTheRest() {
    let requests: [DrawnRequest] = [
      .own("r", prompt: 10, output: 8), .own("big", at: 1, prompt: 20, output: 2),
      .own("small", at: 1, prompt: 2, output: 2),
    ]
    #expect(
      sglangPicture(requests, sglangSettings(pool: 30)) == """
        Pddddddd
         .......Pd
         .......Pd
        """)
  }

  /// A pool of 24: 6 + 10 + 1 slots are needed to begin, so `b` begins when `a` holds 6; at step 8 both hold 12 and
  /// neither grows. `b`, the later of two equals, is retracted. Room for 20 tokens of `a` is made where there is any, so
  /// that the prompt of `b` goes too: when `a` is done, all 13 tokens are computed again.
  @Test func theLeastGeneratedIsRetracted() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 6, output: 10), .own("b", prompt: 6, output: 10),
    ]
    let ask = SGLangAsk(maxNewTokens: 10, ignoresEOS: false)
    let settings = sglangSettings(pool: 24) { $0.conservativeness = 0.1 }
    var timeline = Timeline(sglang: requests, settings, asks: [ask, ask])
    var ratios: [Double] = []
    timeline.run { ratios.append($0.scheduler.newTokenRatio) }
    #expect(
      timeline.picture == """
        P-ddddddddd
        .Pddddddr..Pdd
        """)
    #expect(timeline.log.contains("8: a 12+1 | out b12\n"))
    #expect(timeline.log.contains("11: b 0+13\n"))
    // 0.7 · 0.1 and a share of 1/600 of it less after each decode; (7 + 20) / (10 + 1) is more than 1.
    var ratio = 0.7 * 0.1
    let decay = (ratio - ratio * 0.14) / 600
    for _ in 2...7 { ratio -= decay }
    #expect(ratios[7] == ratio)
    #expect(ratios[8] == 1 && ratios[9] == 1 - decay)
  }

  /// With a ratio of 1 `b` waits until `a` can no longer be in want.
  @Test func theRatioKeepsSlotsFree() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 6, output: 10), .own("b", prompt: 6, output: 10),
    ]
    #expect(
      sglangPicture(requests, sglangSettings(pool: 24)) == """
        Pddddddddd
        ..........Pddddddddd
        """)
  }

  // MARK: The prefix tree

  /// What `a` has computed is found by `b` while `a` runs. For the 12 slots of `c`, where 10 are free, the answer of `b`
  /// goes and then its own part of the prompt, 7 tokens, but not what `a` locks: `d` finds that, and no more.
  @Test func whatIsLockedStays() {
    let requests = [
      DrawnRequest(name: "a", prompt: [[1, 0, 8]], output: 3),
      DrawnRequest(name: "b", at: 1, prompt: [[1, 0, 8], [2, 0, 6]], output: 2),
      DrawnRequest(name: "c", at: 3, prompt: [[3, 0, 12]], output: 1),
      DrawnRequest(name: "d", at: 4, prompt: [[1, 0, 8], [2, 0, 2]], output: 1),
    ]
    #expect(
      sglangLog(requests, sglangSettings(pool: 26)) == """
        0: a 0+8
        1: b 8+6 | hit b8
        2: a 8+1 b 14+1 | done b
        3: c 0+12 | done c
        4: d 8+2 | hit d8 | done d
        5: a 9+1 | done a

        """)
  }

  /// One request at a time: with `lpm` the one that finds 8 tokens goes before one that came earlier.
  @Test func theLongestPrefixGoesFirst() {
    let requests = [
      DrawnRequest(name: "a", prompt: [[1, 0, 8]], output: 2),
      DrawnRequest(name: "x", at: 1, prompt: [[3, 0, 4]], output: 1),
      DrawnRequest(name: "y", at: 1, prompt: [[1, 0, 8], [4, 0, 1]], output: 1),
    ]
    #expect(
      sglangLog(requests, sglangSettings(pool: 64, running: 1) { $0.policy = .longestPrefix })
        == """
        0: a 0+8
        1: a 8+1 | done a
        2: y 8+1 | hit y8 | done y
        3: x 0+4 | done x

        """)
    #expect(
      sglangPicture(requests, sglangSettings(pool: 64, running: 1)) == "Pd\n .P\n ..P", "fcfs")
  }

  /// One request at a time. When `b` is done, 19 prompt tokens were computed, 9 of them since the others came: `d` has
  /// waited for 9 ⁄ 1 of its prompt, `c`, which came before it, for 9 ⁄ 8. `b` came with `a` and has waited for 10 ⁄ 9.
  @Test func theHighestResponseRatioGoesFirst() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 10, output: 2), .own("b", prompt: 9, output: 1),
      .own("c", at: 1, prompt: 8, output: 1), .own("d", at: 1, prompt: 1, output: 1),
    ]
    let hrrn = sglangSettings(pool: 64, running: 1) { $0.policy = .highestResponseRatio }
    #expect(sglangPicture(requests, hrrn) == "Pd\n..P\n ...P\n ..P")
    #expect(sglangPicture(requests, sglangSettings(pool: 64, running: 1)) == "Pd\n..P\n ..P\n ...P")
  }

  /// One request at a time: each of the 120 orders of five is drawn by some seed, and the same seed draws the same.
  @Test func randomOrdersAreDrawnFromTheSeed() {
    let requests = (0..<5).map { DrawnRequest.own("\($0)", prompt: 4, output: 1) }
    func order(_ seed: UInt64) -> String {
      var settings = sglangSettings(pool: 64, running: 1) { $0.policy = .random }
      settings.beams = .synthetic(seed: seed, redrawsPerMille: 0)
      return sglangPicture(requests, settings)
    }
    let drawn = Set((0..<2000).map { order($0) })
    #expect(drawn.count == 120)
    #expect(order(7) == order(7))
  }

  // MARK: Priorities

  private func asks(_ priorities: Int?...) -> [SGLangAsk] {
    priorities.map { SGLangAsk(maxNewTokens: 4, ignoresEOS: true, priority: $0) }
  }

  private let three: [DrawnRequest] = [
    .own("a", prompt: 4, output: 4), .own("b", prompt: 4, output: 4),
    .own("c", at: 1, prompt: 4, output: 4),
  ]

  /// Two may run. `c` is better than `b` by 9, which has no slot for it unless the threshold is lower.
  @Test func aBetterRequestTakesThePlaceOfTheWorst() {
    var settings = sglangSettings(pool: 64, running: 2) {
      $0.priorityScheduling = true
      $0.preemptionThreshold = 5
    }
    #expect(
      sglangPicture(three, settings, asks: asks(5, 1, 10)) == """
        P-ddd
        Pr...Pdd
         Pddd
        """)
    settings.sglang.preemptionThreshold = 9
    #expect(sglangPicture(three, settings, asks: asks(5, 1, 10)) == "Pddd\nPddd\n ...Pddd")
    settings.sglang.preemptionThreshold = 5
    settings.sglang.disablePreemption = true
    #expect(sglangPicture(three, settings, asks: asks(5, 1, 10)) == "Pddd\nPddd\n ...Pddd")
  }

  /// What clients ask for has the priority of the trace.
  @Test func requestsBringTheirPriority() {
    let settings = sglangSettings(pool: 64, running: 1) { $0.priorityScheduling = true }
    let requests: [DrawnRequest] = [
      .own("a", prompt: 4, output: 2, priority: 1), .own("b", prompt: 4, output: 2, priority: 3),
    ]
    #expect(sglangPicture(requests, settings) == "..Pd\nPd")
    #expect(sglangPicture(requests, sglangSettings(pool: 64, running: 1)) == "Pd\n..Pd")
  }

  /// Smaller values first, and none at all last.
  @Test func priorityMayRunTheOtherWay() {
    let settings = sglangSettings(pool: 64, running: 1) {
      $0.priorityScheduling = true
      $0.lowPriorityFirst = true
      $0.disablePreemption = true
    }
    let requests = ["a", "b", "c"].map { DrawnRequest.own($0, prompt: 4, output: 4) }
    #expect(
      sglangPicture(requests, settings, asks: asks(nil, 7, 3)) == """
        ........Pddd
        ....Pddd
        Pddd
        """)
  }

  /// No more than so many requests begin in a pass.
  @Test func aPrefillHasAMostOfRequests() {
    let requests = ["a", "b", "c"].map { DrawnRequest.own($0, prompt: 4, output: 2) }
    #expect(
      sglangPicture(requests, sglangSettings(pool: 64) { $0.prefillMaxRequests = 2 })
        == "P-d\nP-d\n.Pd")
  }
}
