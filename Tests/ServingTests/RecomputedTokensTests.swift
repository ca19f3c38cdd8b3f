import CostModel
import Fleet
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Tokens that preempted requests computed again, against a count of all that was computed.
@Suite struct RecomputedTokensTests {
  /// Counts the tokens that iterations compute of each request, and notes when they put one out.
  private final class Counter: @unchecked Sendable {
    var tokens: [RequestID: Int] = [:]
    var preemptions: [RequestID: [SimInstant]] = [:]
  }

  private struct CountingExecutor: IterationExecutor {
    let counter: Counter

    func execute(
      _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
    ) -> SimDuration {
      for scheduled in plan.scheduled {
        counter.tokens[scheduled.request, default: 0] += Int(scheduled.tokens)
      }
      for preemption in plan.preempted {
        counter.preemptions[preemption.request, default: []].append(start)
      }
      return SimDuration(nanoseconds: 10)
    }
  }

  /// Of *p* prompt and *o* output tokens *p* + *o* − 1 are computed, and each of the others once more. Prompts share
  /// nothing, so that nobody finds in a cache what it did not compute itself.
  @Test(arguments: [ServingSystem.vllmSOSP23, .vllm02, .vllmV1])
  func whatIsComputedMoreThanOnceIsCounted(system: ServingSystem) throws {
    var preempted = 0
    for seed in 0..<60 as Range<UInt64> {
      let (requests, settings) = draw(seed, for: system)
      let counter = Counter()
      let record = try system.serve(
        requests, settings: settings, executor: CountingExecutor(counter: counter))
      for (id, request) in requests.enumerated() where record.milestones[id].finish != nil {
        let once = Int(request.promptTokens + request.outputTokens) - 1
        let computed = counter.tokens[RequestID(id), default: 0]
        #expect(
          record.recomputedTokens(of: id) == computed - once, "seed \(seed), request \(id)")
        if computed > once { preempted += 1 }
      }
    }
    #expect(preempted > 60)
  }

  /// Twelve requests and room for about three of them.
  private func draw(_ seed: UInt64, for system: ServingSystem) -> ([Request], EngineSettings) {
    var chance = RandomStream(seed: seed, label: "recomputed tokens")
    let requests = (0..<12).map { index in
      Request.at(
        Int64(20 * index), prompt: Int32(1 + chance.below(24)), output: Int32(1 + chance.below(24)))
    }
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: 16 + chance.below(8), maxSequences: 8, maxBatchedTokens: 64,
      maxModelLength: 64)
    settings.stepping = .iteration
    guard system.name == ServingSystem.vllmV1.name else { return (requests, settings) }
    settings.maxBatchedTokens = 8 + chance.below(56)
    settings.v1.prefixCaching = chance.below(2) == 0
    return (requests, settings)
  }

  /// The instants of preemptions are the starts of the iterations that put requests out, as many as are counted; none are
  /// kept unless they are asked for.
  @Test(arguments: [ServingSystem.vllmSOSP23, .vllm02, .vllmV1])
  func everyPreemptionHasItsInstant(system: ServingSystem) throws {
    var preemptions = 0
    for seed in 0..<40 as Range<UInt64> {
      let (requests, settings) = draw(seed, for: system)
      let counter = Counter()
      let executor = CountingExecutor(counter: counter)
      var load = Fleet.Load(requests)
      load.keepsPreemptions = true
      let record = try system.serve(load, settings: settings, executor: executor)
      for (id, milestones) in record.milestones.enumerated() {
        let instants = record.preemptions(of: id)
        #expect(instants == counter.preemptions[RequestID(id), default: []], "seed \(seed)")
        #expect(
          instants.count == milestones.preemptionsRecompute + milestones.preemptionsSwap,
          "seed \(seed), request \(id)")
        preemptions += instants.count
      }
      let plain = try system.serve(requests, settings: settings, executor: executor)
      #expect(requests.indices.allSatisfy { plain.preemptions(of: $0).isEmpty })
    }
    #expect(preemptions > 40)
  }

  /// Lost at 10 tokens, found 4 of them, lost again at 7 before all was made up for: 3 + 6 once more.
  @Test func whatWasNotReachedDoesNotCount() {
    var loss = RecomputeLoss()
    loss.preempted(at: 10)
    loss.ran(behind: 4)
    loss.ran(behind: 8)
    #expect(loss.again == 6)
    loss.preempted(at: 7)
    #expect(loss.again == 3)
    loss.ran(behind: 4)
    #expect(loss.again == 9)
    loss.preempted(at: 20)
    #expect(loss.again == 9)
  }
}
