import DequeModule
import KVMemory
import SimulationKernel
import Workload

/// The scheduler of SGLang: prompts first, as far as there is room for them and for what the running requests are expected
/// to generate; decodes when no prompt is to be computed. Requests whose next tokens find no room are retracted.
///
///     waiting ──▶ prefill ──▶ running ──▶ decode ──▶ …          a pass launches a prefill or a decode,
///        ▲          │ ▲          │                              or with mixed chunks both in one batch
///        │   chunked└─┘          │
///        └────── retracted ──────┘
///
/// What was computed is handed to a prefix tree, so that later requests start behind what they share with it. With the
/// overlap loop, which is the default, a pass decides while the batch of the one before it runs: it sees each result one
/// pass late.
///
/// The rules stand in files by concern: admission, the order of the queue, decode and retraction, results. Names of the
/// engine's own are given where they differ: here a page is a block, `new_token_ratio` is ``ratio``, `batch_is_full` is
/// ``isFull``.
///
/// - Source: SGLang 0.5.23, `managers/scheduler.py`, `schedule_policy.py`, `schedule_batch.py`, by the rules beside its
///   recorded step traces (one worker, no drafts, one pool of full attention). Where it aborts or dies for want of
///   slots, the run fails.
package struct SGLangScheduler: Scheduler {
  package var memory: RadixMemory
  package let options: SGLangOptions
  /// Most requests that hold slots (`max_running_requests`).
  let maxRunning: Int
  /// Tokens of prompts that a pass may compute; `nil` where prompts are not cut.
  let chunkTokens: Int?
  let maxModelLength: Int
  let requests: RunRequests
  private let asks: [SGLangAsk]?
  private let contents: PromptContents?
  /// What comes of drafts.
  let outcomes: DraftOutcomes
  var sequences = ResidentRows(blank: SGLangSequence())
  /// The prompt of each, and all that it may generate, as the tree knows them: from the second token on where its places
  /// stand for the token behind them too. That a first token is the same follows then from the second's place in its stream.
  var texts = ResidentRows(blank: TokenText())

  /// Head first, as of the last pass that put it in order.
  package internal(set) var waiting: Deque<RequestID> = []
  /// Requests that nobody has looked at yet, in the order in which they came; see ``receive()``.
  private(set) var arrived: [RequestID] = []
  /// Decodes since the last look.
  var unseen = 0
  /// Requests that decode, in the order of their batch; some may be complete already.
  var running: [RequestID] = []
  /// Whether nothing more is admitted beside ``running`` (`batch_is_full`).
  var isFull = false
  /// What the last pass launched.
  var last: SGLangBatch?
  /// The request whose prompt is computed in chunks.
  package internal(set) var chunked: RequestID?
  var ratio: NewTokenRatio
  /// Requests that hold slots.
  var rowCount = 0
  /// What the running pass did, beside its batch.
  package internal(set) var pass = SGLangPass()
  var passNumber = 0
  /// Entries into the queue so far.
  private var entries = 0
  /// Prompt tokens that batches were launched with, and decodes beside them (`processed_tokens_counter`).
  private(set) var computedTokens = 0
  /// How often the queue was ordered without a look at the tree.
  var plainOrders = 0
  /// How often it was drawn (``SGLangPolicy/random``), and from which seed.
  var randomOrders = 0
  let seed: UInt64
  /// Scratch: the prompts of a pass that may share text with each other.
  var scratch = RadixTree(blockSize: 1)

  /// What runs, and what was decided to run next.
  var launched: SGLangBatch?
  var queued: SGLangBatch?
  var totals = PrefixCacheTotals()
  /// What moves to the host and back; `nil` without a tier there (`+HiCache`).
  var hiCache: HiCacheLink?
  /// Requests that decode without a look at each; see `SGLangScheduler+Cruise.swift`.
  var cruise: SGLangCruise

  /// - Parameters:
  ///   - contents: What each prompt consists of; `nil` if no two have a token in common.
  ///   - asks: What each request asks for; `nil` for what ``SGLangOptions/clientMaxTokens`` says.
  package init(
    requests: RunRequests, settings: EngineSettings, contents: PromptContents? = nil,
    asks: [SGLangAsk]? = nil
  ) {
    contents?.requireMatch(requests.requests)
    options = settings.sglang
    seed = settings.seed
    maxRunning = settings.maxSequences
    chunkTokens = options.chunkedPrefill ? settings.maxBatchedTokens : nil
    maxModelLength = settings.maxModelLength
    self.requests = requests
    self.asks = asks
    self.contents = contents
    outcomes = DraftOutcomes(DraftOutcomes(), drawn: options.speculation?.acceptance)
    memory = RadixMemory(
      blockSize: settings.blockSize, poolTokens: settings.deviceBlocks * settings.blockSize,
      isCaching: options.radixCache,
      host: options.hiCache.map { RadixHost(capacity: $0.tokens, policy: $0.policy) })
    hiCache = options.hiCache.map { HiCacheLink($0, blockTokens: settings.blockSize) }
    ratio = NewTokenRatio(conservativeness: options.conservativeness)
    cruise = SGLangCruise(
      settings, isOn: settings.sglang.mayCruise && settings.stepping == .event && asks == nil,
      longestOutput: requests.longestOutput)
  }

  // MARK: Requests

  /// Tokens that a request and its answer may have, and one (`max_req_len`).
  package var requestLengthMax: Int { min(maxModelLength, memory.poolTokens) - 1 }

  /// The most tokens that the engine lets a request generate, of those that it asks for.
  package func clippedMaxNew(_ asked: Int, promptTokens: Int) -> Int {
    let byLength = requestLengthMax - promptTokens - 1
    let byPool = memory.poolTokens - memory.slots(for: promptTokens) - memory.blockSize - 1
    return max(0, min(asked, byLength, byPool))
  }

  /// Whether the engine takes the request, and lets it generate all that it asks for. Where it would cut the answer short
  /// without a word, we refuse the request.
  package func admission(of request: Request) -> Admission {
    guard request.beamWidth == 0 else {
      return .never(.beams, required: Int(request.beamWidth), capacity: 0)
    }
    let (prompt, output) = (Int(request.promptTokens), Int(request.outputTokens))
    // The engine keeps room for 7 tokens behind each prompt, and two of the longest sequence's for itself.
    let required = prompt + max(output + 2, 7)
    guard required <= maxModelLength else {
      return .never(.tokensAndRoom, required: required, capacity: maxModelLength)
    }
    // Without a tree an answer of the longest length would wait for ever.
    let spare = memory.blockSize + (options.radixCache ? 1 : 2)
    var slots = max(memory.slots(for: prompt) + output + spare, prompt + 7)
    if let ahead = options.slotsAhead, output > 1 {
      slots = max(slots, prompt + output - 2 + ahead)
    }
    guard slots <= memory.poolTokens else {
      return .never(
        .blocks, required: memory.slots(for: slots) / memory.blockSize,
        capacity: memory.poolTokens / memory.blockSize)
    }
    return .possible
  }

  package mutating func enqueue(_ request: RequestID) {
    let facts = requests[request]
    let ask = asks?[Int(request)] ?? SGLangAsk(facts, options.clientMaxTokens)
    var sequence = SGLangSequence()
    sequence.isInFlight = true
    sequence.promptTokens = facts.promptTokens
    sequence.endsAfter = ask.ignoresEOS ? .max : facts.outputTokens
    sequence.maxNew = Int32(
      clippedMaxNew(Int(ask.maxNewTokens), promptTokens: Int(facts.promptTokens)))
    sequence.priority = ask.priority ?? (options.lowPriorityFirst ? .max : .min)
    texts[Int(request)] = text(
      of: request, promptTokens: facts.promptTokens, maxNew: sequence.maxNew)
    sequences[Int(request)] = sequence
    if options.receiveInterval > 1 { arrived.append(request) } else { queue(request) }
  }

  /// Lets the requests that came in the meantime wait for slots, every so many decodes, and ahead of every pass that does not
  /// follow one.
  ///
  /// - Source: `managers/scheduler_recv_skipper.py`, whose counter a decode raises by 1 and a prefill by 1,000, at its
  ///   default weights; idle passes, which take no time, by 1.
  mutating func receive() {
    guard options.receiveInterval > 1 else { return }
    unseen = last?.kind == .decode ? unseen + 1 : options.receiveInterval
    guard unseen >= options.receiveInterval else { return }
    unseen = 0
    for request in arrived { queue(request) }
    arrived.removeAll(keepingCapacity: true)
  }

  /// Puts a request at the end of the waiting queue.
  mutating func queue(_ request: RequestID) {
    sequences[Int(request)].entry = entries
    sequences[Int(request)].computedBefore = computedTokens
    entries += 1
    waiting.append(request)
  }

  private func text(of request: RequestID, promptTokens: Int32, maxNew: Int32) -> TokenText {
    let number = Int(request)
    let pieces = contents?.pieces(of: number) ?? []
    var text = TokenText(runs: max(pieces.count, 1) + 1)
    var unkeyed = options.keyLookahead
    func append(_ stream: Int64, start: Int, count: Int) {
      let left = min(unkeyed, count)
      unkeyed -= left
      text.append(stream: stream, start: start + left, count: count - left)
    }
    for piece in pieces { append(piece.stream, start: Int(piece.start), count: Int(piece.count)) }
    if contents == nil {
      append(PromptContents.ownStream(of: number), start: 0, count: Int(promptTokens))
    }
    text.append(stream: PromptContents.outputStream(of: number), start: 0, count: Int(maxNew))
    return text
  }

  // MARK: A pass

  /// Decides what the next batch is and takes its slots; results of the batches before are taken in separately
  /// (``takeIn(_:)``).
  ///
  /// - Returns: `nil` if nothing is launched.
  package mutating func decide() -> SGLangBatch? {
    pass.clear()
    passNumber += 1
    keepChunk()
    mergeLast()
    dropFinished()
    var batch = prefill()
    if batch == nil && !running.isEmpty && pass.missing == nil { batch = decode() }
    launch(batch)
    return batch
  }

  /// Writes down what a pass launches.
  mutating func launch(_ batch: SGLangBatch?) {
    last = batch
    guard let batch else { return }
    if batch.kind != .decode { computedTokens += batch.tokens }
    for row in batch.rows { sequences[Int(row.request)].launchedIn = passNumber }
  }

  /// Whether nothing is to be done: a pass that finds this is idle (``idle()``).
  @inline(__always)
  package var isIdle: Bool {
    running.isEmpty && waiting.isEmpty && arrived.isEmpty && chunked == nil && last == nil
  }

  /// What an idle pass does: the next requests are met with the caution of the start.
  package mutating func idle() { ratio.reset() }

  /// Hands the last chunk of the prompt that is computed in chunks to the tree.
  mutating func keepChunk() {
    guard let chunked, sequences[Int(chunked)].end > sequences[Int(chunked)].prefix else { return }
    checkpoint(chunked, upTo: sequences[Int(chunked)].end, isUse: false)
    sequences[Int(chunked)].prefix = sequences[Int(chunked)].end
  }

  /// Lets what was prefilled decode from now on, unless a chunk of its prompt is to come.
  mutating func mergeLast() {
    guard let last, last.kind != .decode else { return }
    let before = running.count
    for row in last.rows
    where sequences[Int(row.request)].isInFlight && row.request != chunked
      && row.request != last.chunked
    {
      running.append(row.request)
    }
    let kept = running.count - before
    if kept < last.rows.count || before == 0 && kept > 0 { isFull = false }
  }

  mutating func dropFinished() {
    let count = running.count
    running.removeAll { [sequences] in !sequences[Int($0)].isInFlight }
    if running.count < count { isFull = false }
  }

  // MARK: Slots

  /// Hands a request's first tokens to the tree, whole blocks of them.
  ///
  /// - Parameter isUse: Whether that is more than a chunk of a prompt (``RadixTree/insert(_:limit:isUse:)``).
  mutating func checkpoint(_ request: RequestID, upTo tokens: Int32, isUse: Bool = true) {
    let id = Int(request)
    let promptTokens = Int(sequences[id].promptTokens) - options.keyLookahead
    memory.checkpoint(
      &sequences[id].hold, texts[id], upTo: Int(tokens) - options.keyLookahead,
      promptTokens: promptTokens, isUse: isUse)
  }

  /// Takes all slots from a running request, and makes room for those that go on.
  ///
  /// - Parameter left: How many go on.
  /// - Returns: What it had.
  mutating func giveUp(_ request: RequestID, left: Int) -> SGLangPass.GivenUp {
    let id = Int(request)
    let hold = sequences[id].hold
    let given = SGLangPass.GivenUp(
      request: request, generatedTokens: sequences[id].out,
      blocks: memory.blocks(of: hold), computedTokens: Int32(hold.tokens)
    )
    memory.release(&sequences[id].hold)
    rowCount -= 1
    sequences[id].prefix = 0
    sequences[id].end = 0
    sequences[id].middle = 0
    sequences[id].isRetracted = true
    memory.evict(toFree: left * NewTokenRatio.retractSteps)
    return given
  }
}
