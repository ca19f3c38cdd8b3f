import CostModel
import KVMemory
import SimulationKernel
import Workload

/// One trace through one manager of KV memory: the same loop, order of service and prices for all of them.
///
/// First come first served. An iteration gives those that run their next token, or the next part of their prompt, as far as
/// its tokens go; then a request starts if there is room for its whole prompt. If a sequence cannot grow, the one that
/// started last makes way and is computed again. What never fits is not served.
///
/// - Source: the loop is that of vLLM's V1 scheduler without what depends on a memory manager; that a start waits for room
///   for the whole prompt is ours, so that managers with and without reservations are asked the same.
package struct MemoryReplay {
  /// What the loop is allowed, and what it costs.
  package struct Limits: Sendable {
    package var sequences: Int
    package var batchedTokens: Int
    /// Tokens of the longest sequence that is served.
    package var modelLength: Int
    package var attendedMax: Int?
    package var costModel: any IterationCostModel
  }

  /// What became of the requests, and of the pool's bytes.
  package struct Outcome: Equatable, Sendable {
    package var served = 0
    /// Requests that no empty pool would hold to their end.
    package var rejected = 0
    package var iterations = 0
    package var preemptions = 0
    package var outputTokens = 0
    /// Tokens of the prompts of requests when they start for the first time, and those found in the cache.
    package var promptTokens = 0
    package var foundTokens = 0
    package var duration = SimDuration.zero
    /// Mean over time until the last request starts, and the most, of sequences that run.
    package var meanBatch = 0.0
    package var batchMax = 0
    /// Mean over the same time of the shares of the pool.
    package var shares = LedgerShares()

    package var outputTokensPerSecond: Double {
      duration > .zero ? Double(outputTokens) / duration.seconds : 0
    }
  }

  /// The classes of the waste ledger as shares of the pool, which sum to 1.
  package struct LedgerShares: Equatable, Sendable {
    package var tokenState = 0.0
    package var reserved = 0.0
    package var internalFragmentation = 0.0
    package var externalFragmentation = 0.0
    package var cached = 0.0
    package var free = 0.0

    package var values: [Double] {
      [tokenState, reserved, internalFragmentation, externalFragmentation, cached, free]
    }

    mutating func add(_ ledger: WasteLedger, weight: Double) {
      tokenState += weight * Double(ledger.tokenState)
      reserved += weight * Double(ledger.reserved)
      internalFragmentation += weight * Double(ledger.internalFragmentation)
      externalFragmentation += weight * Double(ledger.externalFragmentation)
      cached += weight * Double(ledger.cached)
      free += weight * Double(ledger.free)
    }

    mutating func scale(_ factor: Double) {
      tokenState *= factor
      reserved *= factor
      internalFragmentation *= factor
      externalFragmentation *= factor
      cached *= factor
      free *= factor
    }
  }

  /// A request that runs or waits to be computed again.
  private struct Sequence {
    var request: Int
    /// What is computed again counts as its prompt.
    var lengths: SequenceLengths
    var computed = 0
    var generated = 0
    /// Whether the iteration at hand gives it a token.
    var isSampled = false

    var isPrompt: Bool { computed < lengths.prompt }
  }

  private let requests: [Request]
  private let limits: Limits
  private let memory: RunningMemory
  /// Tokens that a sequence attends to once so many are there; all of them unless a manager drops some.
  private let attended: (SequenceLengths, Int) -> Int
  private let keys: (Int) -> [[UInt64]]
  private var lastKeys: (request: Int, keys: [[UInt64]])?

  private var running: [Sequence] = []
  /// Those that made way, the next one last.
  private var again: [Sequence] = []
  private var next = 0
  private var now = SimInstant.zero
  private var outcome = Outcome()
  private var observed = 0.0
  private var work: IterationWork

  package init(
    _ requests: [Request], limits: Limits, memory: RunningMemory,
    attended: @escaping (SequenceLengths, Int) -> Int = { $1 },
    keys: @escaping (_ request: Int) -> [[UInt64]] = { _ in [] }
  ) {
    self.requests = requests
    self.limits = limits
    self.memory = memory
    self.attended = attended
    self.keys = keys
    work = IterationWork(attendedMax: limits.attendedMax)
  }

  /// - Parameter check: Called after each iteration, for tests.
  package mutating func run(check: (RunningMemory) -> Void = { _ in }) -> Outcome {
    while next < requests.count || !again.isEmpty || !running.isEmpty {
      if running.isEmpty, again.isEmpty { now = max(now, requests[next].arrival) }
      work.removeAll()
      var budget = limits.batchedTokens
      let madeWay = growAll(&budget)
      let isBlocked = madeWay || startSome(&budget)
      guard !running.isEmpty else { continue }
      let duration = limits.costModel.duration(of: work)
      observe(duration, isBlocked: isBlocked)
      check(memory)
      now = now + duration
      finish()
    }
    outcome.duration = now - .zero
    if observed > 0 {
      outcome.meanBatch /= observed
      outcome.shares.scale(1 / (observed * Double(memory.bytes)))
    }
    return outcome
  }

  // MARK: Those that run

  /// - Returns: Whether someone had to make way.
  private mutating func growAll(_ budget: inout Int) -> Bool {
    var madeWay = false
    var index = 0
    while index < running.count {
      let tokens = share(of: running[index], budget)
      guard tokens > 0 else {
        index += 1
        continue
      }
      let end = running[index].computed + tokens
      var isGrown = memory.grow(running[index].request, running[index].computed, end)
      while !isGrown, running.count > index {
        madeWay = true
        makeWay()
        guard running.count > index else { break }
        isGrown = memory.grow(running[index].request, running[index].computed, end)
      }
      guard isGrown else { break }
      take(tokens, index)
      budget -= tokens
      index += 1
    }
    return madeWay
  }

  /// Tokens that a sequence gets of what is left in an iteration.
  private func share(of sequence: Sequence, _ budget: Int) -> Int {
    guard sequence.isPrompt else { return min(1, budget) }
    let end = min(sequence.lengths.prompt, sequence.computed + budget)
    guard end < sequence.lengths.prompt, memory.chunkTokens > 1 else {
      return end - sequence.computed
    }
    let aligned = end / memory.chunkTokens * memory.chunkTokens - sequence.computed
    // An iteration of its own that is too small for a whole part is used as it is.
    return aligned > 0 || budget < limits.batchedTokens ? max(0, aligned) : end - sequence.computed
  }

  /// The one that started last makes way, or is given up where it is alone.
  private mutating func makeWay() {
    var last = running.removeLast()
    memory.end(last.request)
    guard !running.isEmpty else {
      outcome.rejected += 1
      return
    }
    outcome.preemptions += 1
    last.lengths.prompt += last.generated
    last.lengths.output -= last.generated
    (last.computed, last.generated) = (0, 0)
    again.append(last)
  }

  /// Notes what the iteration computes of a sequence.
  private mutating func take(_ tokens: Int, _ index: Int) {
    let sequence = running[index]
    if sequence.isPrompt {
      let context = attended(sequence.lengths, sequence.computed)
      work.prefillChunks.append(.init(tokens: tokens, contextTokens: context))
    } else {
      work.decode(1, contextTokens: attended(sequence.lengths, sequence.computed + 1))
    }
    running[index].computed += tokens
    running[index].isSampled = !running[index].isPrompt
    if running[index].isSampled { work.sampledSequences += 1 }
  }

  // MARK: Those that wait

  /// - Returns: Whether one found no room.
  private mutating func startSome(_ budget: inout Int) -> Bool {
    while budget > 0, running.count < limits.sequences {
      guard let head = again.last ?? arrived() else { return false }
      guard isEverHeld(head.lengths) else {
        drop()
        continue
      }
      let keys = headKeys(head.request)
      guard memory.canStart(head.lengths, keys) else {
        if !running.isEmpty { return true }
        drop()
        continue
      }
      var sequence = head
      sequence.computed = memory.start(head.request, head.lengths, keys)
      let tokens = share(of: sequence, budget)
      guard tokens > 0, memory.grow(head.request, sequence.computed, sequence.computed + tokens)
      else {
        memory.end(head.request)
        if tokens == 0, !running.isEmpty { return false }
        if !running.isEmpty { return true }
        drop()
        continue
      }
      started(sequence)
      take(tokens, running.count - 1)
      budget -= tokens
    }
    return false
  }

  /// The keys of a request that may be asked for in many iterations.
  private mutating func headKeys(_ request: Int) -> [[UInt64]] {
    if let lastKeys, lastKeys.request == request { return lastKeys.keys }
    let own = keys(request)
    lastKeys = (request, own)
    return own
  }

  private func isEverHeld(_ lengths: SequenceLengths) -> Bool {
    lengths.prompt + lengths.output <= limits.modelLength && memory.canHold(lengths)
  }

  private func arrived() -> Sequence? {
    guard next < requests.count, requests[next].arrival <= now else { return nil }
    let request = requests[next]
    let lengths = SequenceLengths(
      prompt: Int(request.promptTokens), output: Int(request.outputTokens))
    return Sequence(request: next, lengths: lengths)
  }

  /// The head is not served.
  private mutating func drop() {
    outcome.rejected += 1
    if again.popLast() == nil { next += 1 }
  }

  private mutating func started(_ sequence: Sequence) {
    if again.popLast() == nil {
      next += 1
      outcome.promptTokens += sequence.lengths.prompt
      outcome.foundTokens += sequence.computed
    }
    running.append(sequence)
  }

  // MARK: After an iteration

  private mutating func observe(_ duration: SimDuration, isBlocked: Bool) {
    outcome.iterations += 1
    outcome.batchMax = max(outcome.batchMax, running.count)
    // Until the last request starts: then the pool drains.
    guard next < requests.count || !again.isEmpty || observed == 0 else { return }
    observed += duration.seconds
    outcome.meanBatch += Double(running.count) * duration.seconds
    outcome.shares.add(memory.ledger(isBlocked), weight: duration.seconds)
  }

  private mutating func finish() {
    for index in running.indices where running[index].isSampled {
      running[index].isSampled = false
      running[index].generated += 1
      outcome.outputTokens += 1
    }
    for sequence in running where sequence.generated == sequence.lengths.output {
      memory.end(sequence.request)
      outcome.served += 1
    }
    running.removeAll { $0.generated == $0.lengths.output }
  }
}
