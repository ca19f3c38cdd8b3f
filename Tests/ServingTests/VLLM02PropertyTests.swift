import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Random workloads on tiny engines: whatever is admitted is served once, and no block is lost.
@Suite struct VLLM02PropertyTests {
  private struct Case {
    var settings: EngineSettings
    var watermark: Int
    var requests: [Request]
    var sampleTargets: [RequestID: [Int32]]

    /// Small enough for everything to run short: blocks, swap space, tokens and sequences.
    init(seed: UInt64) {
      var random = RandomStream(seed: seed, label: "vllm-0.2")
      func draw(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + random.below(range.count)
      }
      let blocks = draw(4...40)
      settings = EngineSettings(
        blockSize: draw(1...5), deviceBlocks: blocks, hostBlocks: draw(0...3) * blocks,
        maxSequences: draw(1...12), maxBatchedTokens: draw(8...60), maxModelLength: 60)
      settings.vllm02 = VLLM02Options(draw(0...1) == 0 ? .v020 : .v027)
      if draw(0...1) == 0, settings.vllm02.promptBudget != .summed {
        settings.vllm02.promptBudget = .padded(maxPaddings: draw(0...20))
      }
      settings.preemptionMode = draw(0...3) == 0 ? .swap : .automatic
      settings.beams = .synthetic(seed: seed, redrawsPerMille: 500)
      watermark = draw(0...2)
      requests = []
      sampleTargets = [:]
      var step = 0
      for _ in 0..<draw(1...20) {
        step += draw(0...3)
        let width = draw(0...2) == 0 ? draw(1...4) : 1
        let isBeam = width > 1 && draw(0...1) == 0
        let targets = (0..<width).map { _ in Int32(draw(1...25)) }
        let request = Request.at(
          Int64(step), prompt: Int32(draw(1...25)), output: targets.max()!,
          n: isBeam ? 1 : Int32(width), beam: isBeam ? Int32(width) : 0)
        let front = PromptOrDecodeScheduler(
          requests: [request], settings: settings, watermarkBlocks: watermark)
        guard front.admission(of: request) == .possible else { continue }
        if !isBeam { sampleTargets[RequestID(requests.count)] = targets }
        requests.append(request)
      }
    }

    /// Output tokens that all sequences of a request ask for.
    func wanted(_ id: Int) -> Int {
      let request = requests[id]
      return sampleTargets[RequestID(id)].map { Int($0.reduce(0, +)) }
        ?? Int(request.sequenceCount * request.outputTokens)
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func everyRequestIsServedOnce(block: UInt64) {
    for seed in block * 25..<(block + 1) * 25 {
      let random = Case(seed: seed)
      if let problem = problem(random) { Issue.record("seed \(seed): \(problem)") }
    }
  }

  /// Runs a case and returns the first thing that is wrong with it.
  private func problem(_ random: Case) -> String? {
    var timeline = Timeline(
      vllm02: random.requests, random.settings, watermark: random.watermark,
      sampleTargets: random.sampleTargets)
    let tokens = random.requests.indices.reduce(0) { $0 + random.wanted($1) }
    var idle = 0
    while !timeline.isDone {
      timeline.decide()
      if case .swapSpaceExhausted(let failure) = timeline.plan.failure {
        return failure.blocksNeeded > failure.blocksFree ? nil : "failed with room: \(failure)"
      }
      if let broken = invariant(timeline) { return "decided iteration \(timeline.step): \(broken)" }
      if timeline.plan.scheduled.isEmpty { idle += 1 }
      timeline.complete()
      if let broken = invariant(timeline) { return "iteration \(timeline.step): \(broken)" }
      let waits = Int(timeline.step) - idle
      guard waits <= tokens, idle <= 100 else { return "no end:\n\(timeline.picture)" }
    }
    guard timeline.scheduler.memory.device.heldCount == 0 else { return "blocks are lost" }
    guard timeline.finished.sorted() == random.requests.indices.map({ RequestID($0) }) else {
      return "finished \(timeline.finished)"
    }
    for id in random.requests.indices where timeline.emitted[id] != random.wanted(id) {
      return "request \(id) got \(timeline.emitted[id]) of \(random.wanted(id)) tokens"
    }
    return nil
  }

  /// Conservation of blocks and references, and each request in one queue at most.
  private func invariant(_ timeline: Timeline<PromptOrDecodeScheduler>) -> String? {
    let scheduler = timeline.scheduler
    let queued =
      scheduler.running + Array(scheduler.waiting) + Array(scheduler.swapped)
    guard Set(queued).count == queued.count else { return "queued twice: \(queued)" }
    let sequences = scheduler.running.reduce(0) { $0 + scheduler.live.count(of: $1) }
    guard sequences <= scheduler.maxSequences else { return "\(sequences) sequences run" }
    return scheduler.memory.brokenInvariant(swapped: timeline.swappedSequences)
  }
}
