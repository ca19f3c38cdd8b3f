import CostModel
import Fleet
import Messages
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// `--stepping event` and `--stepping iteration` are one simulation: what a run records is equal.
@Suite struct SteppingTests {
  private static let systems: [ServingSystem] = [
    .vllmSOSP23, .vllm02, .orcaOracle, .orcaPow2, .orcaMax, .fasterTransformer,
  ]

  /// Tiny engines, so that blocks, tokens and sequences all run short; one workload in four has samples and
  /// beams, with which nobody cruises.
  private struct Case {
    var settings: EngineSettings
    var requests: [Request] = []
    var window = MeasuringWindow()
    var prices: GrowingPrices

    init(seed: UInt64, for system: ServingSystem) {
      var chance = RandomStream(seed: seed, label: "stepping of \(system.name)")
      let blocks = system.capabilities.isPaged ? 4 + chance.below(40) : 70 + chance.below(60)
      settings = EngineSettings(
        blockSize: 1 + chance.below(6), deviceBlocks: blocks,
        hostBlocks: chance.below(8) == 0 ? 0 : 1000, maxSequences: 1 + chance.below(12),
        maxBatchedTokens: 24 + chance.below(40), maxModelLength: 56)
      settings.preemptionMode =
        system.capabilities.isPaged && chance.below(3) == 0 ? .swap : .automatic
      settings.vllm02 = VLLM02Options(chance.below(2) == 0 ? .v020 : .v027)
      // Pieces of the history are seconds long: some runs see many, some do not see one.
      let unit: Int64 = chance.below(2) == 0 ? 1 : 3_000_000
      prices = GrowingPrices(
        nanosecondsPerToken: unit * Int64(chance.below(3)), base: 10 * unit)
      let isShared = chance.below(4) == 0
      var arrival: Int64 = 0
      for _ in 0..<(1 + chance.below(30)) {
        arrival += chance.below(2) == 0 ? unit * Int64(chance.below(400)) : 0
        var request = Request.at(
          arrival, prompt: Int32(1 + chance.below(24)), output: Int32(1 + chance.below(32)))
        switch isShared ? chance.below(6) : 2 {
        case 0: request.samples = Int32(2 + chance.below(3))
        case 1: request.beamWidth = Int32(1 + chance.below(3))
        default: break
        }
        requests.append(request)
      }
      if chance.below(3) == 0 {
        window = MeasuringWindow(
          from: SimInstant(nanoseconds: unit * Int64(chance.below(3000))),
          to: SimInstant(nanoseconds: unit * (3000 + Int64(chance.below(9000)))))
      }
      if chance.below(3) == 0 { settings.attendedMax = 1 + chance.below(40) }
    }

    /// What is recorded, or why the run could not go on.
    func serve(_ system: ServingSystem, _ stepping: Stepping) -> Result<RunRecord, any Error> {
      var settings = settings
      settings.stepping = stepping
      return Result {
        try system.serve(
          requests, settings: settings, executor: PricedExecutor(prices), window: window)
      }
    }
  }

  @Test(arguments: systems)
  func recordsAreEqual(system: ServingSystem) throws {
    for seed in 0..<200 as Range<UInt64> {
      let random = Case(seed: seed, for: system)
      let stepped = random.serve(system, .iteration)
      switch (random.serve(system, .event), stepped) {
      case (.success(let jumped), .success(let stepped)):
        if let difference = difference(jumped, stepped) {
          Issue.record("seed \(seed), \(system.name): \(difference)")
        }
      case (.failure(let jumped), .failure(let stepped)):
        #expect(
          jumped as? RunFailure == stepped as? RunFailure, "seed \(seed), \(system.name)")
      case (let jumped, let stepped):
        Issue.record("seed \(seed), \(system.name): \(jumped) ≠ \(stepped)")
      }
    }
  }
}

/// The first difference, or `nil`. When a request had its last token is not known while it cruises.
func difference(_ jumped: RunRecord, _ stepped: RunRecord) -> String? {
  for id in stepped.milestones.indices {
    let (a, b) = (jumped.milestones[id], stepped.milestones[id])
    guard
      a.firstScheduled == b.firstScheduled, a.firstToken == b.firstToken, a.finish == b.finish,
      a.isRejected == b.isRejected, a.preemptionsRecompute == b.preemptionsRecompute,
      a.preemptionsSwap == b.preemptionsSwap,
      jumped.recomputedTokens(of: id) == stepped.recomputedTokens(of: id)
    else { return "request \(id): \(a) ≠ \(b)" }
  }
  guard jumped.history == stepped.history else {
    return "\(jumped.history) ≠ \(stepped.history)"
  }
  guard jumped.steps == stepped.steps else { return "\(jumped.steps) ≠ \(stepped.steps)" }
  guard jumped.tokenGaps.gaps == stepped.tokenGaps.gaps else {
    return "gaps \(jumped.tokenGaps.gaps) ≠ \(stepped.tokenGaps.gaps)"
  }
  let counts = [jumped, stepped].map {
    [
      $0.arrivedCount, Int($0.end.nanoseconds), $0.iterations, $0.emittedTokens,
      $0.preemptionsRecompute, $0.preemptionsSwap,
    ]
  }
  return counts[0] == counts[1] ? nil : "counts \(counts[0]) ≠ \(counts[1])"
}

/// An iteration takes longer the more it computes, reads and moves, so that nothing can be mistaken for
/// another; at 0 ns a token all iterations take the same time.
///
/// It looks at shapes only, so that steady iterations run without plans.
private final class GrowingPrices: IterationCostModel {
  let profile = CostProfile(name: "fixed", isCalibrated: false, error: "none")
  let nanosecondsPerToken: Int64
  let base: Int64

  init(nanosecondsPerToken: Int64, base: Int64) {
    self.nanosecondsPerToken = nanosecondsPerToken
    self.base = base
  }

  func duration(of work: IterationWork) -> SimDuration {
    let prompts = work.prefillChunks.reduce(0) { $0 + $1.tokens + $1.contextTokens }
    let decodes = work.decodeSequences + work.decodeContextTokens + 2 * work.decodeSkippedTokens
    let moves = work.copiedBlocks + work.swappedInBlocks + work.swappedOutBlocks
    let tokens = Int64(prompts + decodes + 3 * moves + work.sampledSequences)
    return SimDuration(nanoseconds: base + nanosecondsPerToken * tokens)
  }
}
