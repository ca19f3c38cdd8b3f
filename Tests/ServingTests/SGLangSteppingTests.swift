import CostModel
import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// `sglang` advances by events exactly as it does iteration by iteration: requests that cruise are a way to count.
@Suite struct SGLangSteppingTests {
  /// A workload and an engine drawn from one seed: shared beginnings, and pools in which requests are retracted.
  private struct Draw {
    var requests: [Request]
    let contents: PromptContents
    var settings: EngineSettings
    var window = MeasuringWindow()

    init(seed: UInt64) {
      var chance = RandomStream(seed: seed, label: "sglang stepping")
      let load = DrawnLoad(upTo: 40, short: 3, &chance)
      (requests, contents) = (load.requests, load.contents)
      let longest = load.longest
      let page = [1, 1, 1, 2, 5][chance.below(5)]
      let blocks = (longest + page - 1) / page + 8
      settings = sglangSettings(
        pool: (blocks + chance.below(4 * blocks)) * page, page: page,
        chunk: page * (1 + chance.below(40)), running: 1 + chance.below(16), length: longest + 12
      ) { options in
        options.overlap = chance.below(8) > 0
        options.chunkedPrefill = chance.below(3) > 0
        options.maxPrefillTokens = chance.below(3) == 0 ? 20 + chance.below(60) : 16_384
        options.policy = SGLangPolicy.allCases[chance.below(SGLangPolicy.allCases.count)]
        options.conservativeness = [1, 0.3, 0.02][chance.below(3)]
        options.clientMaxTokens = chance.below(8) == 0 ? 60 : nil
        options.receiveInterval = [1, 1, 2, 7][chance.below(4)]
      }
      if chance.below(3) == 0 { settings.attendedMax = 1 + chance.below(60) }
      if chance.below(3) == 0, settings.sglang.policy == .firstComeFirstServed {
        drawPriorities(&chance)
      }
      window = MeasuringWindow(
        from: SimInstant(nanoseconds: Int64(chance.below(20_000))),
        to: chance.below(2) == 0 ? nil : SimInstant(nanoseconds: Int64(chance.below(400_000))))
    }

    private mutating func drawPriorities(_ chance: inout RandomStream) {
      settings.sglang.priorityScheduling = true
      settings.sglang.lowPriorityFirst = chance.below(2) == 0
      settings.sglang.disablePreemption = chance.below(2) == 0
      settings.sglang.preemptionThreshold = chance.below(3)
      settings.sglang.retraction = SGLangRetraction.allCases[chance.below(2)]
      for id in requests.indices { requests[id].priority = Int8(chance.below(5)) }
    }

    /// What is recorded, or why the run could not go on.
    func serve(_ stepping: Stepping) -> Result<RunRecord, any Error> {
      var settings = settings
      settings.stepping = stepping
      return Result {
        try ServingSystem.sglang05.serve(
          requests, settings: settings, executor: PricedExecutor(WorkPrices()), window: window,
          contents: contents)
      }
    }
  }

  /// `y` is complete with the decode during which the prompt of `z` is decided; it stands before `x`, which cruises from
  /// then on, and must not be taken for it.
  @Test func whoIsCompleteBeforeOneThatCruisesIsLeftOut() throws {
    let requests: [DrawnRequest] = [
      .own("y", prompt: 4, output: 2), .own("x", prompt: 4, output: 12),
      .own("z", prompt: 4, output: 3),
    ]
    var served = requests.requests
    served[2].arrival = SimInstant(nanoseconds: 1)
    let records = try [Stepping.event, .iteration].map { stepping in
      var settings = sglangSettings(pool: 64) { $0.overlap = true }
      settings.stepping = stepping
      return try ServingSystem.sglang05.serve(
        served, settings: settings, executor: PricedExecutor(WorkPrices()))
    }
    #expect(difference(records[0], records[1]) == nil)
    #expect(records[0].emittedTokens == 17)
  }

  @Test(arguments: 0..<400 as Range<UInt64>) func recordsAreEqual(seed: UInt64) throws {
    let draw = Draw(seed: seed)
    switch (draw.serve(.event), draw.serve(.iteration)) {
    case (.success(let jumped), .success(let stepped)):
      if let difference = difference(jumped, stepped) {
        Issue.record("seed \(seed): \(difference)")
      }
      #expect(jumped.prefixCache == stepped.prefixCache, "seed \(seed)")
      for id in draw.requests.indices {
        #expect(jumped.cachedTokens(of: id) == stepped.cachedTokens(of: id), "seed \(seed)")
      }
    case (.failure(let jumped), .failure(let stepped)):
      #expect(jumped as? RunFailure == stepped as? RunFailure, "seed \(seed)")
    case (let jumped, let stepped):
      Issue.record("seed \(seed): \(jumped) ≠ \(stepped)")
    }
  }
}
