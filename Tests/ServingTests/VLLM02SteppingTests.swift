import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// A cruising scheduler of vLLM 0.2 beside one that looks at every request in every iteration: they decide
/// the same, and each block has the same owner.
@Suite struct VLLM02SteppingTests {
  /// Single sequences on a tiny engine.
  private struct Case {
    var settings: EngineSettings
    var watermark: Int
    var requests: [Request] = []

    init(seed: UInt64) {
      var chance = RandomStream(seed: seed, label: "stepping vllm-0.2")
      let blocks = 4 + chance.below(30)
      settings = EngineSettings(
        blockSize: 1 + chance.below(5), deviceBlocks: blocks,
        hostBlocks: chance.below(3) * blocks, maxSequences: 1 + chance.below(12),
        maxBatchedTokens: 12 + chance.below(50), maxModelLength: 60)
      settings.vllm02 = VLLM02Options(chance.below(2) == 0 ? .v020 : .v027)
      if chance.below(2) == 0, settings.vllm02.promptBudget != .summed {
        settings.vllm02.promptBudget = .padded(maxPaddings: chance.below(20))
      }
      settings.preemptionMode = chance.below(2) == 0 ? .swap : .automatic
      settings.repeatsEngineDefects = chance.below(4) == 0
      watermark = chance.below(3)
      var step = 0
      for _ in 0..<(1 + chance.below(24)) {
        step += chance.below(4)
        let request = Request.at(
          Int64(step), prompt: Int32(1 + chance.below(25)), output: Int32(1 + chance.below(30)))
        let front = PromptOrDecodeScheduler(
          requests: [request], settings: settings, watermarkBlocks: watermark)
        if front.admission(of: request) == .possible { requests.append(request) }
      }
    }

    func timeline(_ stepping: Stepping) -> Timeline<PromptOrDecodeScheduler> {
      var settings = settings
      settings.stepping = stepping
      return Timeline(vllm02: requests, settings, watermark: watermark)
    }
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func decidesTheSame(block: UInt64) {
    for seed in block * 25..<(block + 1) * 25 {
      let random = Case(seed: seed)
      if let problem = problem(random) { Issue.record("seed \(seed): \(problem)") }
    }
  }

  /// Runs a case both ways, to its end, to a full host, or for as long as a repeated live-lock may last.
  private func problem(_ random: Case) -> String? {
    var jumped = random.timeline(.event)
    var stepped = random.timeline(.iteration)
    while !stepped.isDone, stepped.step < 2000 {
      jumped.decide()
      stepped.decide()
      if let difference = difference(jumped.plan, stepped.plan) {
        return "iteration \(stepped.step) \(difference)\n\(stepped.picture)"
      }
      guard stepped.plan.failure == nil else { return nil }
      guard jumped.scheduler.ledger == stepped.scheduler.ledger else {
        return "iteration \(stepped.step): \(jumped.scheduler.ledger)"
      }
      jumped.complete()
      stepped.complete()
      if let difference = difference(jumped, stepped) {
        return "after iteration \(stepped.step - 1) \(difference)\n\(stepped.picture)"
      }
    }
    return nil
  }

  /// Plans differ in who is listed, and in nothing else.
  private func difference(_ jumped: IterationPlan, _ stepped: IterationPlan) -> String? {
    guard jumped.failure == stepped.failure else { return "fails otherwise" }
    guard jumped.preempted == stepped.preempted else { return "preempts \(jumped.preempted)" }
    guard jumped.failure == nil else { return nil }
    guard jumped.swapIns == stepped.swapIns, jumped.swapOuts == stepped.swapOuts else {
      return "moves other blocks"
    }
    guard jumped.ignored == stepped.ignored else { return "ignores \(jumped.ignored)" }
    guard jumped.work == stepped.work else { return "looks like \(jumped.work)" }
    guard jumped.isEmpty == stepped.isEmpty, jumped.advancesCruise == stepped.advancesCruise
    else { return "runs otherwise" }
    guard jumped.scheduled.count + jumped.cruising == stepped.scheduled.count,
      jumped.scheduled.allSatisfy(stepped.scheduled.contains)
    else { return "lists \(jumped.scheduled)" }
    return nil
  }

  /// What the cruise leaves open is settled in a copy before it is compared.
  private func difference(
    _ jumped: Timeline<PromptOrDecodeScheduler>, _ stepped: Timeline<PromptOrDecodeScheduler>
  ) -> String? {
    var (a, b) = (jumped.scheduler, stepped.scheduler)
    guard a.operations == b.operations else { return "frees in the order \(a.operations)" }
    var plan = IterationPlan()
    if a.isCruising { a.leaveCruise(&plan) }
    guard a.running == b.running, a.waiting == b.waiting, a.swapped == b.swapped else {
      return "queues \(a.running) \(a.waiting) \(a.swapped)"
    }
    guard jumped.finished == stepped.finished else { return "finished \(jumped.finished)" }
    guard a.memory.device.freeStack == b.memory.device.freeStack,
      a.memory.host.freeStack == b.memory.host.freeStack
    else { return "free blocks \(a.memory.device.freeStack)" }
    for id in b.running + b.swapped {
      let sequence = b.live.first(of: id)
      guard a.groups[Int(id)].generatedTokens == b.groups[Int(id)].generatedTokens,
        jumped.tables(of: id) == stepped.tables(of: id),
        a.memory.residentTokens(of: sequence) == b.memory.residentTokens(of: sequence)
      else { return "request \(id) holds \(jumped.tables(of: id))" }
    }
    return a.memory.brokenInvariant(swapped: stepped.swappedSequences)
  }

  /// Each request is listed in its first decode. Request 1 is preempted twice: from the cruise, which it has
  /// to be released from, and as a newcomer.
  @Test func listsNewcomersOnly() {
    var settings = EngineSettings.tiny(blocks: 5)
    settings.stepping = .event
    var timeline = Timeline(
      vllm02: [.at(0, prompt: 4, output: 9), .at(2, prompt: 4, output: 9)], settings)
    var lists: [String] = []
    for _ in 0..<9 {
      timeline.decide()
      let listed = timeline.plan.scheduled.map { ($0.isPrefill ? "P" : "d") + "\($0.request)" }
      let released = timeline.plan.released.map { "r\($0)" }
      lists.append((listed + released + ["\(timeline.plan.cruising)"]).joined(separator: " "))
      timeline.complete()
    }
    #expect(lists == ["P0 0", "d0 0", "P1 0", "d1 1", "2", "2", "r1 1", "P1 0", "1"])
  }
}
