import KVMemory

/// Decodes that verify drafts (``Speculation``): a chain behind the newest token of each request, of which some are accepted.
///
///     decided        |── committed c ──|░ ░ ░ ░ ░ ░ ░ ░|        slots for two verifications, 2 × (1 + k), from c on
///     runs           |── committed c ──|t|d d d|░ ░ ░ ░|        k = 3: the newest token and its drafts are computed
///     two accepted   |── committed c + 3 ───|░ ░ ░ ░ ░|        the next decode takes the slots that it lacks again
///
/// Two, since with the overlap loop a decode is decided before it is known how far the one before it came. What is not
/// accepted is computed over; slots behind a request that ends go back with the others.
///
/// What is admitted, and what retraction takes the rest to need, is estimated without drafts: the engine counts tokens, not
/// iterations. A request whose last token is sure to come with the batch that runs is not launched again; one that ends by
/// luck of its drafts is, and gets nothing of it.
///
/// - Source: SGLang 0.5.23, read and not run: `allocation_sizing.py` (what is reserved), `schedule_batch.py`
///   (`_new_tokens_required_next_decode_spec_v2`, `owned_kv_len`), `eagle_utils.py` (`eagle_prepare_for_decode`),
///   `batch_result_processor.py` (`_resolve_spec_v2_tokens`). Chains only, the engine's `topk` of 1; no step trace of it is
///   recorded.
extension SGLangScheduler {
  /// What a decode gives to a request.
  struct Yield: Equatable, Sendable {
    /// Tokens of its answer; those beyond its end are dropped.
    var tokens: Int32
    /// Drafts that the model would have said too.
    var accepted: Int32
  }

  /// What a row gives to its request; nothing of it depends on the batch.
  func yield(of row: SGLangBatch.Row) -> Yield {
    guard row.drafts > 0 else { return Yield(tokens: 1, accepted: 0) }
    let sequence = sequences[Int(row.request)]
    let accepted = outcomes.accepted(
      of: row.request, sequence: row.request, time: sequence.verifications, drafts: row.drafts)
    let left = min(sequence.maxNew, sequence.endsAfter) - sequence.out
    return Yield(tokens: min(1 + accepted, left), accepted: accepted)
  }

  /// Keeps what was accepted in slots that are there, up to the end of the answer.
  mutating func commit(_ row: SGLangBatch.Row, _ yield: Yield) {
    let id = Int(row.request)
    if row.drafts > 0 { sequences[id].verifications += 1 }
    let committed = sequences[id].hold.tokens + 1 + Int(yield.accepted)
    memory.fill(&sequences[id].hold, to: min(committed, Int(sequences[id].length)))
  }

  /// Slots that requests lack for the next decode.
  func draftSlots(_ list: some Collection<RequestID>, ahead: Int) -> Int {
    list.reduce(0) { slots, request in
      let hold = sequences[Int(request)].hold
      return slots + memory.missing(hold, for: hold.tokens + ahead)
    }
  }

  /// Takes the slots of all running requests for a decode with drafts, or without any beside prompts.
  mutating func takeDraftSlots(ahead: Int, drafts: Int32) -> [SGLangBatch.Row] {
    let spare = memory.blockSize == 1 ? 0 : running.count * memory.blockSize
    memory.evict(toFree: draftSlots(running, ahead: ahead) + spare)
    return running.map { request in
      let before = sequences[Int(request)].hold.tokens
      memory.reserve(&sequences[Int(request)].hold, upTo: before + ahead)
      return .init(
        request: request, before: Int32(before), tokens: 1 + drafts, isExtend: false, drafts: drafts
      )
    }
  }
}

extension SGLangOptions {
  /// Slots that a decode has from the last committed token of a request on; `nil` without drafts.
  ///
  /// - Source: `get_alloc_reserve_per_decode`, twice the larger of the drafted and the verified tokens.
  var slotsAhead: Int? { speculation.map { 2 * (1 + $0.draftTokens) } }

  /// Tokens behind a cached one that its place in the tree stands for: a head's keys depend on the next token
  /// (`is_eagle`, whose keys are pairs of tokens).
  var keyLookahead: Int { speculation?.caching.keyLookahead ?? 0 }
}
