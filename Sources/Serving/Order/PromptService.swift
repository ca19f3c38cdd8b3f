import CostModel
import SimulationKernel
import Workload

/// What a scheduler keeps that computes prompts in a ``PromptOrder``.
package struct PromptService: Sendable {
  let order: PromptOrder
  /// By number of the class, 0 for requests of none.
  private let targets: [ServiceTarget?]
  /// What iterations are predicted to take; `nil` where nothing asks.
  let prices: (any IterationCostModel)?
  let attendedMax: Int?

  /// Those that stand behind all others, because they cannot be in time.
  private var relegated: Set<Int32> = []
  private(set) var throughput = PrefillThroughput()
  /// Whether a request has come since admissions were planned, and whom the plan denies.
  private(set) var hasArrivals = false
  private var denied: Set<Int32> = []
  /// When the iteration that was decided last began, and its tokens of prompts.
  private var last: (start: SimInstant, promptTokens: Int)?
  /// By sequence that decodes: when its first token was there.
  private var firstTokens: [Int32: SimInstant] = [:]

  /// - Parameters:
  ///   - targets: By number of the class, 0 for requests of none.
  ///   - prices: What ``DeadlineRules/chunks`` searches.
  ///   - attendedMax: ``ModelSpec/attendedMax`` of the model.
  package init(
    _ order: PromptOrder, targets: [ServiceTarget?], prices: (any IterationCostModel)?,
    attendedMax: Int?
  ) {
    precondition(
      prices != nil || order.deadlines?.chunks != true, "chunks by slack are simulated only")
    self.order = order
    self.targets = targets
    self.prices = prices
    self.attendedMax = attendedMax
  }

  private func target(of request: Request) -> ServiceTarget? {
    let number = Int(request.requestClass)
    return targets.indices.contains(number) ? targets[number] : nil
  }

  private func prompt(_ state: TokenBudgetSequence, _ request: Request) -> OrderedPrompt {
    OrderedPrompt(
      request: request, remainingTokens: Int(state.length - state.computedTokens),
      firstTokenDue: target(of: request)?.firstTokenDue(request))
  }

  /// What a sequence is served by, less first.
  func key(of sequence: Int32, _ state: TokenBudgetSequence, _ request: Request) -> Key {
    Key(
      givesWay: order.deadlines?.givesWay(request) == true,
      isRelegated: relegated.contains(sequence), key: order.key(prompt(state, request)),
      sequence: sequence)
  }

  struct Key: Comparable {
    var givesWay: Bool
    var isRelegated: Bool
    var key: Int64
    var sequence: Int32

    static func < (a: Key, b: Key) -> Bool {
      if a.givesWay != b.givesWay { return b.givesWay }
      if a.isRelegated != b.isRelegated { return b.isRelegated }
      return (a.key, a.sequence) < (b.key, b.sequence)
    }
  }

  // MARK: By the clock

  /// Notes that an iteration begins.
  ///
  /// - Parameter isNext: Whether it begins when the one before it ended: sequences run that ran in it.
  mutating func begin(at now: SimInstant, isNext: Bool) {
    if isNext, let last { throughput.observe(tokens: last.promptTokens, in: now - last.start) }
    last = (now, 0)
  }

  /// Notes tokens of prompts that the iteration computes.
  mutating func compute(promptTokens: Int) { last?.promptTokens += promptTokens }

  /// Puts a waiting sequence behind all others that cannot be in time any more.
  ///
  /// - Returns: Whether it does so; once for each sequence.
  mutating func relegates(
    _ sequence: Int32, _ state: TokenBudgetSequence, _ request: Request, at now: SimInstant
  ) -> Bool {
    guard order.deadlines?.relegates == true, !relegated.contains(sequence) else { return false }
    if order.deadlines?.plans == true {
      guard denied.contains(sequence) else { return false }
      relegated.insert(sequence)
      return true
    }
    let prompt = prompt(state, request)
    guard let due = prompt.firstTokenDue,
      throughput.end(of: prompt.remainingTokens, from: now) > due
    else { return false }
    relegated.insert(sequence)
    return true
  }

  /// Notes that a request has come.
  mutating func arrive() { hasArrivals = true }

  /// A sequence with a prompt to compute, and what is known of it.
  typealias KnownPrompt = (sequence: Int32, state: TokenBudgetSequence, request: Request)

  /// Plans who stands back, if iterations go on as the next one, and if a request has come since the last plan.
  ///
  /// - Parameters:
  ///   - prompts: In progress, and waiting.
  ///   - tokens: Of prompts, in an iteration of so long a time.
  mutating func plan(
    inProgress: [KnownPrompt], waiting: [KnownPrompt], tokens: Int, in duration: SimDuration,
    at now: SimInstant
  ) {
    guard tokens > 0, duration > .zero else { return }
    hasArrivals = false
    func planned(_ known: KnownPrompt, isAccepted: Bool) -> AdmissionPlan.Prompt? {
      let prompt = prompt(known.state, known.request)
      guard let due = prompt.firstTokenDue, !relegated.contains(known.sequence) else { return nil }
      return AdmissionPlan.Prompt(
        sequence: known.sequence, tokens: prompt.remainingTokens, due: due, isAccepted: isAccepted)
    }
    denied = AdmissionPlan.denied(
      inProgress.compactMap { planned($0, isAccepted: true) }
        + waiting.compactMap { planned($0, isAccepted: false) },
      tokensPerSecond: Double(tokens) / duration.seconds, at: now)
  }

  /// Until when the next token of a sequence that decodes can wait.
  ///
  ///     max(first token due, first token there) + (tokens so far + 1) × tpot − now
  ///
  /// The second token is due two tpot behind the first: one more than the paper's text has, as in its published scheduler.
  ///
  /// - Returns: `nil` for any time.
  mutating func slack(
    _ sequence: Int32, _ state: TokenBudgetSequence, _ request: Request, at now: SimInstant
  ) -> SimDuration? {
    guard let target = target(of: request), let tpot = target.tpot else { return nil }
    if order.deadlines?.keepsPace == true { return tpot }
    let first = firstTokens[sequence] ?? now
    firstTokens[sequence] = first
    let pace = SimDuration(nanoseconds: tpot.nanoseconds * Int64(state.generatedTokens + 1))
    return max(first, target.firstTokenDue(request)) + pace - now
  }

  /// Forgets a sequence that is complete.
  mutating func close(_ sequence: Int32) {
    relegated.remove(sequence)
    denied.remove(sequence)
    firstTokens[sequence] = nil
  }
}

extension ReplicaInputs {
  /// What the order of prompts keeps; `nil` where prompts in progress go first.
  var promptService: PromptService? {
    guard let order = settings.v1.service?.prompts else { return nil }
    return PromptService(
      order, targets: settings.v1.targets?.byClass(run.classNames) ?? [],
      prices: (executor as? PricedExecutor)?.prices, attendedMax: settings.attendedMax)
  }
}
