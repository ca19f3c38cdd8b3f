import CostModel
import KVMemory
import Workload

/// What a scheduler that decides ahead of outputs, or on drafts, knows of a sequence beside its counts of tokens, which then
/// run ahead: `computedTokens` counts what is in flight, and `generatedTokens` only what has come.
///
///     0            computed − inFlight        length      length + placeholders
///     |── computed ──|── in flight ───────────────|────────────|── drafts ──|
struct TokensAhead: Sendable {
  /// Tokens of iterations whose output was not taken in.
  var inFlight: Int32 = 0
  /// Output tokens that iterations in flight yield, drafts that they verify included.
  var placeholders: Int32 = 0
  /// Drafts for the next iteration.
  var drafts: Int32 = 0
  /// Tokens in flight whose blocks were taken away meanwhile: their output still counts, nothing that they computed does.
  var stale: Int32 = 0
  /// Iterations so far that verified drafts, and that yielded a token.
  var verifications: Int32 = 0
  var yields: Int32 = 0

  /// It loses its blocks.
  mutating func preempt() {
    drafts = 0
    placeholders = 0
    stale = inFlight
  }
}

/// What an iteration in flight does for one sequence.
struct Flight: Sendable {
  /// −1 once the sequence is complete.
  var sequence: Int32
  var tokens: Int32
  var drafts: Int32
  var accepted: Int32
  /// Whether it yields tokens: one, and a token for each draft that is accepted.
  var yields: Bool
}

/// Iterations that are decided before their predecessor's output is known (`--async-scheduling`), and iterations that
/// verify drafts (``Speculation``).
///
///     asynchronous   decide 0 ▸ decide 1 ▸ take in 0 ▸ decide 2 ▸ take in 1 ▸ …
///
/// Nobody cruises then: which tokens a sequence has follows from outputs to come.
extension TokenBudgetScheduler {
  package var iterationsAhead: Int { options.isAsynchronous ? 1 : 0 }

  /// Tokens of a running sequence that are there to compute or on their way, drafts included; none to compute if its last
  /// token is on its way.
  func tokensAhead(_ sequence: Int32, _ state: TokenBudgetSequence) -> Int {
    let ahead = ahead[Int(sequence)]
    let isLastOnItsWay =
      ahead.placeholders > 0
      && state.computedTokens + 2 - ahead.placeholders >= state.promptTokens + state.outputTokens
    if isLastOnItsWay { return Int(state.computedTokens) }
    return Int(state.length + ahead.placeholders + ahead.drafts)
  }

  /// Tokens of a running sequence that may not be computed yet, where memory looks at that.
  func tokensInFlight(_ sequence: Int32) -> Int {
    options.countsInFlight ? Int(ahead[Int(sequence)].inFlight) : 0
  }

  /// Slots behind the `total` tokens of a sequence that it takes with them.
  @inline(__always)
  func slotsAhead(of total: Int) -> Int {
    lookaheadSlots == 0 ? 0 : max(0, min(lookaheadSlots, maxModelLength - total))
  }

  /// What ``run(_:tokens:padding:_:)`` does where tokens run ahead: keys are given to what is known.
  mutating func runAhead(
    _ sequence: Int32, tokens: Int, padding: Int, _ plan: inout IterationPlan
  ) {
    if connects && isRestoring(sequence) { return budget.give(tokens, to: sequence) }
    let state = sequences[Int(sequence)]
    let (length, total) = (Int(state.length), Int(state.computedTokens) + tokens)
    memory.extend(
      Int(sequence), by: tokens, ahead: slotsAhead(of: total), evicted: &plan.evicted)
    cacheFullBlocks(of: sequence, tokens: min(total, length), known: length)
    let ahead = ahead[Int(sequence)]
    let drafts =
      padding > 0
      ? min(padding, tokens - 1)
      : min(Int(ahead.drafts), total - length - Int(ahead.placeholders))
    self.ahead[Int(sequence)].drafts = 0
    budget.give(tokens, to: sequence, drafts: max(0, drafts), isPadded: padding > 0)
  }

  mutating func cacheFullBlocks(of sequence: Int32, tokens: Int, known: Int) {
    guard options.prefixCaching else { return }
    if memory.cacheFullBlocks(
      of: Int(sequence), tokens: tokens, known: known, missing: head.missing)
    {
      head.forget()
    }
  }

  /// Drafts with which a waiting sequence that has a single token to compute is brought to the size of the others: all
  /// iterations of decodes have one shape then, unless drafts are by the batch. They are never accepted.
  ///
  /// - Parameter computed: Tokens found of it.
  func padding(computed: Int) -> Int {
    guard let speculation = options.speculation, speculation.byBatch == nil else { return 0 }
    let drafts = speculation.draftTokens
    guard computed + 1 + drafts + 1 <= maxModelLength else { return 0 }
    let running = budget.shares[..<firstAdmitted]
    guard !running.isEmpty || computed > 0 else { return 0 }
    return running.contains { isChunk($0) } ? 0 : drafts
  }

  /// Whether a share leaves tokens of its sequence to compute that are known or on their way.
  @inline(__always)
  func isChunk(_ share: TokenBudget.Share) -> Bool {
    let state = sequences[Int(share.sequence)]
    return state.computedTokens + share.tokens
      < state.length + ahead[Int(share.sequence)].placeholders
  }

  /// Counts what the iteration computes as computed: whoever decides the next one goes on behind it.
  mutating func launch(_ plan: inout IterationPlan) {
    var flights: [Flight] = []
    flights.reserveCapacity(budget.shares.count)
    let next = options.speculation?.drafts(behind: budget.shares.count) ?? 0
    for share in budget.shares {
      let yields = !isChunk(share)
      var state = sequences[Int(share.sequence)]
      var ahead = ahead[Int(share.sequence)]
      var accepted: Int32 = 0
      if share.drafts > 0 {
        if !share.isPadded {
          accepted = outcomes.accepted(
            of: state.request, sequence: share.sequence, time: ahead.verifications,
            drafts: share.drafts)
          ahead.verifications += 1
        }
        plan.drafted.append(
          .init(
            request: state.request, drafts: share.drafts, accepted: accepted,
            isPadding: share.isPadded))
      }
      state.computedTokens += share.tokens
      ahead.inFlight += share.tokens
      if yields, options.isAsynchronous {
        ahead.placeholders += 1 + share.drafts
        ahead.drafts = Int32(next)
      }
      sequences.store(state, of: share.sequence)
      self.ahead[Int(share.sequence)] = ahead
      flights.append(
        Flight(
          sequence: share.sequence, tokens: share.tokens, drafts: share.drafts, accepted: accepted,
          yields: yields))
    }
    if !flights.isEmpty { inFlight.append(flights) }
  }

  /// Takes in the output of the iteration that has been in flight for longest.
  mutating func land(_ plan: inout IterationPlan, _ finished: inout [RequestID]) {
    let report = connection.reports.isEmpty ? KVTransferReport() : connection.reports.removeFirst()
    if connects { beginLanding(report, ran: !plan.scheduled.isEmpty) }
    if !plan.scheduled.isEmpty { landOldest(&plan, &finished) }
    if connects { endLanding(report) }
  }

  private mutating func landOldest(_ plan: inout IterationPlan, _ finished: inout [RequestID]) {
    let flights = inFlight.removeFirst()
    let next = Int32(options.speculation?.drafts(behind: flights.count) ?? 0)
    for (place, flight) in flights.enumerated() where flight.sequence >= 0 {
      guard let tokens = land(flight, draftsNext: next) else { continue }
      plan.emit(tokens, accepted: max(0, tokens - 1), from: place)
      if sequences[Int(flight.sequence)].isComplete(maxModelLength: maxModelLength) {
        leave(flight.sequence, &finished)
      }
    }
  }

  /// - Parameter next: Tokens that are drafted behind those that it yields.
  /// - Returns: The tokens that it yields; `nil` for a chunk.
  private mutating func land(_ flight: Flight, draftsNext next: Int32) -> Int32? {
    var state = sequences[Int(flight.sequence)]
    var ahead = ahead[Int(flight.sequence)]
    defer {
      sequences.store(state, of: flight.sequence)
      self.ahead[Int(flight.sequence)] = ahead
    }
    let isStale = ahead.stale > 0
    ahead.inFlight -= flight.tokens
    if isStale { ahead.stale -= flight.tokens }
    guard flight.yields else { return nil }
    let yielded = 1 + flight.accepted
    let kept = min(
      yielded, state.outputTokens - state.generatedTokens, Int32(maxModelLength) - state.length)
    state.generatedTokens += kept
    if !isStale {
      let rejected = flight.drafts - flight.accepted
      let lost = rejected + yielded - kept
      state.computedTokens -= lost
      memory.retract(Int(flight.sequence), by: Int(lost))
      // What was on its way has come, or never will.
      if options.isAsynchronous { ahead.placeholders -= rejected + yielded }
      cacheFullBlocks(
        of: flight.sequence, tokens: Int(state.computedTokens - ahead.inFlight),
        known: Int(state.length))
    }
    if options.speculation != nil, !options.isAsynchronous {
      ahead.drafts = outcomes.proposed(of: state.request, time: ahead.yields) ?? next
      ahead.yields += 1
    }
    return kept
  }

  /// Lets go of a sequence that is complete, wherever it stands.
  private mutating func leave(_ sequence: Int32, _ finished: inout [RequestID]) {
    if let place = running.firstIndex(of: sequence) {
      running.remove(at: place)
    } else {
      waitingSequences.remove(sequence)
    }
    for iteration in inFlight.indices {
      for place in inFlight[iteration].indices
      where inFlight[iteration][place].sequence == sequence {
        inFlight[iteration][place].sequence = -1
      }
    }
    close(sequence, &finished)
    ahead.close(Int(sequence))
  }
}

extension V1Options {
  /// Tokens that a sequence of `final` tokens may have in the end, drafts that are taken back included.
  func finalSlots(_ final: Int, maxModelLength: Int) -> Int {
    guard let speculation else { return final }
    let drafts = speculation.draftTokens * (isAsynchronous ? 2 : 1)
    return min(final + drafts, maxModelLength - 1)
  }
}
