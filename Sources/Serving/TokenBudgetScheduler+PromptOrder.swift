import CostModel
import KVMemory
import SimulationKernel
import Workload

/// Iterations of a ``PromptOrder``: decodes first, then prompts in its order, those in progress and those that wait.
///
/// Nobody cruises, and nothing is decided ahead. A decode that finds no block takes those of the last prompt in this order,
/// then of the last decode that was admitted (``VictimPolicy/lastInOrder``); nobody is admitted in such an iteration.
extension TokenBudgetScheduler {
  mutating func serveInOrder(at now: SimInstant, _ plan: inout IterationPlan) {
    head.forget()
    sequences.service?.begin(at: now, isNext: !running.isEmpty)
    let decodes = runDecodes(at: now, &plan)
    let prompts = running.filter { !sequences[Int($0)].isDecoding }
      .sorted { sequences.isServed($0, before: $1) }
    limitChunk(behind: decodes, prompts, at: now)
    let spent = budget.left
    defer { sequences.service?.compute(promptTokens: spent - budget.left) }
    for sequence in prompts {
      admitInOrder(before: sequence, at: now, &plan)
      guard budget.left > 0 else { return }
      runPrompt(sequence, &plan)
    }
    admitInOrder(before: nil, at: now, &plan)
  }

  /// The decodes of an iteration.
  private struct Decodes {
    var count = 0
    /// What they attend to, the tokens being computed included.
    var contextTokens = 0
    /// Until the first of their next tokens is due; `nil` if none is.
    var slack: SimDuration?
  }

  private mutating func runDecodes(at now: SimInstant, _ plan: inout IterationPlan) -> Decodes {
    var decodes = Decodes()
    var index = 0
    while index < running.count, budget.left > 0 {
      let sequence = running[index]
      let state = sequences[Int(sequence)]
      guard state.isDecoding else {
        index += 1
        continue
      }
      memory.dropSkipped(Int(sequence), inFlight: 0)
      guard makeRoom(for: 1, at: &index, &plan) else { continue }
      run(sequence, tokens: 1, &plan)
      index += 1
      decodes.count += 1
      decodes.contextTokens += Int(state.length)
      let request = sequences.request(of: sequence)
      let slack = sequences.service?.slack(sequence, state, request, at: now)
      if let slack { decodes.slack = min(slack, decodes.slack ?? slack) }
    }
    return decodes
  }

  /// Leaves of the budget what an iteration may have by the slack of its decodes, where the order asks for that. The prompt
  /// that comes first stands for all that are computed in it.
  private mutating func limitChunk(
    behind decodes: Decodes, _ prompts: [Int32], at now: SimInstant
  ) {
    guard let service = sequences.service, let rules = service.order.deadlines, rules.chunks,
      let prices = service.prices
    else { return }
    var context = 0
    if let first = prompts.first,
      waitingSequences.first.map({ sequences.isServed(first, before: $0) }) ?? true
    {
      context = Int(sequences[Int(first)].computedTokens)
    }
    func duration(_ tokens: Int) -> SimDuration {
      var work = IterationWork(attendedMax: service.attendedMax)
      work.decode(decodes.count, contextTokens: decodes.contextTokens)
      work.sampledSequences = decodes.count
      if tokens > decodes.count {
        work.prefillChunks = [.init(tokens: tokens - decodes.count, contextTokens: context)]
      }
      return prices.duration(of: work)
    }
    let size = rules.chunk(
      slack: decodes.slack,
      freeSlots: memory.pool.freeCount / memory.blocksOfUnit * memory.blockSize,
      duration: duration)
    budget.limit(to: max(0, size - decodes.count))
    guard rules.plans, service.hasArrivals else { return }
    func known(_ sequence: Int32) -> PromptService.KnownPrompt {
      (sequence, sequences[Int(sequence)], sequences.request(of: sequence))
    }
    let (inProgress, waiting) = (prompts.map(known), waitingSequences.queue.map(known))
    sequences.service?.plan(
      inProgress: inProgress, waiting: waiting, tokens: budget.left,
      in: duration(budget.left + decodes.count), at: now)
  }

  /// Lets a prompt in progress go on, unless it made way.
  private mutating func runPrompt(_ sequence: Int32, _ plan: inout IterationPlan) {
    guard var index = running.firstIndex(of: sequence) else { return }
    let tokens = tokensToRun(sequence)
    guard tokens > 0 else { return }
    memory.dropSkipped(Int(sequence), inFlight: 0)
    if makeRoom(for: tokens, at: &index, &plan) { run(sequence, tokens: tokens, &plan) }
  }

  /// Admits waiting sequences that are served before one in progress, in order until one does not fit.
  ///
  /// - Parameter limit: `nil` for all.
  private mutating func admitInOrder(
    before limit: Int32?, at now: SimInstant, _ plan: inout IterationPlan
  ) {
    guard plan.preempted.isEmpty else { return }
    head.forget()
    firstAdmitted = budget.shares.count
    defer { waitingSequences.returnSkipped(sequences) }
    while budget.left > 0, running.count < maxSequences, let sequence = firstWaiting(at: now),
      limit.map({ sequences.isServed(sequence, before: $0) }) ?? true
    {
      guard admitFirst(sequence, &plan) else { return }
    }
  }

  /// The waiting sequence that is served first, once those stand back that cannot be in time.
  private mutating func firstWaiting(at now: SimInstant) -> Int32? {
    while let first = waitingSequences.first {
      let (state, request) = (sequences[Int(first)], sequences.request(of: first))
      guard sequences.service?.relegates(first, state, request, at: now) == true else {
        return first
      }
      waitingSequences.removeFirst()
      waitingSequences.arrive(first, sequences)
    }
    return nil
  }
}

extension TokenBudgetSequence {
  /// Whether the only token that it has to compute is one that was generated.
  var isDecoding: Bool { generatedTokens > 0 && computedTokens + 1 == length }
}
