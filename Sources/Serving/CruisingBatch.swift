import CostModel
import KVMemory

/// Running requests that only decode, kept as sums: what an iteration costs them does not depend on how many
/// they are.
///
/// Between an arrival, a completion, an admission and a shortage of blocks nothing is decided; iterations
/// differ only in the growing context. So lengths follow from a count of iterations, requests whose last block
/// fills at the same iteration (modulo the block size) stand in one list, and completions in a calendar.
///
///     iteration          7    8    9   10   11   12        blockSize = 4
///     request 3          d    d    D    d    d    ✓        due at 9 (9 mod 4 = 1), finishes at 12
///     request 5               P    d    d    D    d        due at 11 (11 mod 4 = 3)
///
/// - Complexity: O(1) for an iteration, O(due) for its blocks; to leave costs O(requests of equal due).
struct CruisingBatch: Sendable {
  /// The iteration that comes next; where prompts are computed in iterations of their own, those do not count.
  private(set) var iteration = 0
  /// `iteration` modulo the block size, and modulo the longest output.
  private(set) var phase = 0
  private var day = 0
  /// Requests in the batch, a sequence each.
  private(set) var count = 0
  /// Tokens that they attend to in the next iteration, the newest of each included.
  private(set) var contextTokens = 0
  /// Requests by the iteration, modulo the block size, at which they need a block; in running order. Memories look at
  /// them, and change nothing.
  var due: PhasedSequences
  private var calendar: CompletionCalendar
  /// What layers with a sliding window skip.
  private var skipped: SkippedContext

  /// Slots of the ledger that a token takes.
  private let slotsOfToken: Int
  /// Whether ``due`` has somebody.
  private let listsDue: Bool

  /// - Parameters:
  ///   - blockSize: Tokens of a block; the settings' own if `nil`.
  ///   - listsDue: Whether anyone looks at ``due``.
  ///   - longestOutput: No request joins with more output tokens to come.
  init(
    _ settings: EngineSettings, blockSize: Int? = nil, slotsOfToken: Int = 1,
    listsDue: Bool = true, longestOutput: Int
  ) {
    self.slotsOfToken = slotsOfToken
    self.listsDue = listsDue
    due = PhasedSequences(phaseCount: blockSize ?? settings.blockSize)
    skipped = SkippedContext(attendedMax: settings.attendedMax)
    calendar = CompletionCalendar(days: longestOutput)
  }

  /// How many requests need a block in the next iteration.
  @inline(__always)
  var dueCount: Int { due.count(phase) }

  var blockSize: Int { due.phaseCount }

  /// The phase of the iteration after the next.
  @inline(__always)
  var nextPhase: Int { phase + 1 < due.phaseCount ? phase + 1 : 0 }

  /// Whether somebody finishes with the next iteration.
  var someoneFinishes: Bool { !calendar.isEmpty(day) }

  /// Adds a request that decodes from the next iteration on.
  ///
  /// - Parameters:
  ///   - length: Its tokens, the newest included, which the next iteration computes. At least 2.
  ///   - remaining: Output tokens to come, at least 1.
  ///   - runsBefore: Whether it stands before another request in the running order. Unless told, requests join in this
  ///     order.
  @inline(__always)
  mutating func join(
    _ request: RequestID, length: Int, remaining: Int,
    runsBefore: (RequestID) -> Bool = { _ in false }
  ) {
    count += 1
    contextTokens += length
    skipped.join(length: length)
    if listsDue { due.insert(request, phase(length: length), runsBefore: runsBefore) }
    calendar.add(request, on: finishDay(remaining: remaining))
  }

  /// The next iterations up to the first with which someone finishes, at most `limit`; `nil` while there is nobody.
  ///
  /// - Parameters:
  ///   - freeBlocks: Blocks that they may take; `nil` if they need none.
  ///   - admitsNobody: Whether nobody can be admitted, whatever the iterations give.
  @inline(__always)
  func steadyStretch(atMost limit: Int, freeBlocks: Int?, admitsNobody: Bool) -> SteadyStretch? {
    guard count > 0 else { return nil }
    let steady = skipped.steadyIterations(atMost: limit)
    let iterations = calendar.daysToCompletion(from: day, atMost: steady)
    // Each takes a block every so many iterations, and one must be left.
    let blocks = count * ((iterations + blockSize - 1) / blockSize)
    return SteadyStretch(
      iterations: iterations,
      decode: SteadyDecode(
        sequences: count, contextTokens: contextTokens, skippedTokens: skipped.tokens,
        skippedGrowth: skipped.growth),
      tokens: count, tokenSlots: count * slotsOfToken,
      isCertain: admitsNobody && (freeBlocks.map { $0 > blocks } ?? true))
  }

  /// Says what the cost model sees of the next iteration.
  func describe(in work: inout IterationWork) {
    work.decodeSequences = count
    work.decodeContextTokens = contextTokens
    work.decodeSkippedTokens = skipped.tokens
    work.sampledSequences = count
  }

  /// Goes on to the next iteration, after those that finish in this one were taken out.
  mutating func advance() {
    iteration += 1
    phase = nextPhase
    day = day + 1 < calendar.dayCount ? day + 1 : 0
    contextTokens += count
    skipped.advance(by: 1)
  }

  /// Goes on over iterations with which nobody finishes; perhaps none.
  mutating func advance(by iterations: Int) {
    if iterations == 0 { return }
    iteration += iterations
    phase = (phase + iterations) % due.phaseCount
    day = (day + iterations) % calendar.dayCount
    contextTokens += count * iterations
    skipped.advance(by: iterations)
  }

  /// Takes out a request with what it has in the next iteration; see ``join(_:length:remaining:)``.
  mutating func leave(_ request: RequestID, length: Int, remaining: Int) {
    finish(request, length: length)
    calendar.remove(request, on: finishDay(remaining: remaining))
  }

  /// Takes those that finish with the next iteration off the calendar, in no order; each has yet to leave with
  /// ``finish(_:length:)``.
  mutating func takeFinishing(into finished: inout [RequestID]) {
    calendar.take(day, into: &finished)
  }

  /// Takes out one of those with the length that it has in the next iteration.
  mutating func finish(_ request: RequestID, length: Int) {
    count -= 1
    contextTokens -= length
    skipped.leave(length: length)
    if listsDue { due.remove(request, phase(length: length)) }
  }

  /// A request of `length` tokens needs a block when all before the newest fill whole blocks.
  @inline(__always)
  private func phase(length: Int) -> Int {
    let blockSize = UInt32(truncatingIfNeeded: due.phaseCount)
    let inLastBlock = Int(UInt32(truncatingIfNeeded: length - 1) % blockSize)
    let due = inLastBlock == 0 ? phase : phase + due.phaseCount - inLastBlock
    return due < self.due.phaseCount ? due : due - self.due.phaseCount
  }

  @inline(__always)
  private func finishDay(remaining: Int) -> Int {
    precondition(remaining <= calendar.dayCount, "CruisingBatch: \(remaining) tokens to come")
    let last = day + remaining - 1
    return last < calendar.dayCount ? last : last - calendar.dayCount
  }
}
