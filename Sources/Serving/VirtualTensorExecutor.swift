import CostModel
import KVMemory
import SimulationKernel
import Workload

/// How `vattention` maps physical memory.
package struct PageGroupSettings: Equatable, Sendable {
  /// Time to map one group: a page-group in K and V of every layer.
  package var mappingTime: SimDuration
  /// Groups are mapped ahead, behind the computation; else when they are needed, before it.
  package var isHidden: Bool
  /// A finished request's groups stay mapped until others run short; else one is unmapped an iteration.
  package var isReclamationDeferred: Bool

  package init(
    mappingTime: SimDuration, isHidden: Bool = true, isReclamationDeferred: Bool = true
  ) {
    self.mappingTime = mappingTime
    self.isHidden = isHidden
    self.isReclamationDeferred = isReclamationDeferred
  }
}

/// Adds to each iteration the time in which the driver maps memory for it (vAttention).
///
/// The scheduler of `vllm-0.2` decides as ever, over blocks as large as a page-group; this executor follows
/// its plans, request by request, and keeps the physical memory.
///
///     prompt    mapped at once, before the iteration      unless a finished request left enough
///     decode    ahead, behind the iteration                what is missing at once, before it
///
/// - Source: vAttention (Prabhu et al., ASPLOS 2025) and `vattention.cu`; what is mapped ahead: ``PageGroups/workBehind()``.
struct VirtualTensorExecutor: IterationExecutor {
  private var base: any IterationExecutor
  private let requests: [Request]
  private let settings: PageGroupSettings
  private var memory: PageGroups
  private var slots: [RequestID: Int] = [:]
  /// When the driver is done with what it maps ahead, counted from the end of the last iteration.
  private var backlog = SimDuration.zero

  init(_ base: any IterationExecutor, requests: [Request], engine: EngineSettings) {
    self.base = base
    self.requests = requests
    settings = engine.pageGroups
    memory = PageGroups(
      groupTokens: engine.blockSize, capacity: engine.deviceBlocks,
      isReclamationDeferred: settings.isReclamationDeferred)
  }

  mutating func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    for preemption in plan.preempted { release(preemption.request) }
    var urgent = 0
    for scheduled in plan.scheduled {
      let tokens = Int(scheduled.contextTokens + scheduled.tokens)
      let slot = slots[scheduled.request] ?? memory.takeSlot(tokens: tokens)
      slots[scheduled.request] = slot
      urgent += memory.grow(slot, tokens: tokens)
    }
    let computing = base.execute(plan, at: start, placement: placement)
    // Behind the computation, so that requests which end with it still count.
    let ahead = settings.isHidden ? memory.workBehind() : 0
    for scheduled in plan.scheduled where isLast(scheduled) { release(scheduled.request) }
    // The driver first ends what it maps ahead, then serves what the iteration waits for.
    let waiting = time(groups: urgent) + backlog
    let hidden = time(groups: ahead).nanoseconds - computing.nanoseconds
    backlog = SimDuration(nanoseconds: max(0, hidden))
    return waiting + computing
  }

  mutating func completed(_ plan: IterationPlan, placement: some SequencePlacement) {
    base.completed(plan, placement: placement)
  }

  private func time(groups: Int) -> SimDuration {
    SimDuration(nanoseconds: settings.mappingTime.nanoseconds * Int64(groups))
  }

  /// Whether the iteration gives a request its last token.
  private func isLast(_ scheduled: IterationPlan.Scheduled) -> Bool {
    let request = requests[Int(scheduled.request)]
    return scheduled.contextTokens + scheduled.tokens + 1
      >= request.promptTokens + request.outputTokens
  }

  private mutating func release(_ request: RequestID) {
    if let slot = slots.removeValue(forKey: request) { memory.giveSlot(slot) }
  }
}
