import CostModel

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
  /// Requests by the iteration, modulo the block size, at which they need a block; in running order.
  private(set) var dueByPhase: [[RequestID]]
  /// Requests by the iteration, modulo the longest output, with which they finish.
  private var calendar: [[RequestID]]

  /// - Parameter longestOutput: No request joins with more output tokens to come.
  init(blockSize: Int, longestOutput: Int) {
    dueByPhase = Array(repeating: [], count: blockSize)
    calendar = Array(repeating: [], count: longestOutput)
  }

  /// Requests that need a block in the next iteration, in running order.
  var due: [RequestID] { dueByPhase[phase] }

  var dueCount: Int { dueByPhase[phase].count }

  var blockSize: Int { dueByPhase.count }

  /// Requests whose last block the next iteration fills, in running order.
  var filling: [RequestID] { dueByPhase[phase + 1 < dueByPhase.count ? phase + 1 : 0] }

  /// Requests that finish with the next iteration, in the order in which they joined.
  var finishing: [RequestID] { calendar[day] }

  /// Adds a request that decodes from the next iteration on.
  ///
  /// - Parameters:
  ///   - length: Its tokens, the newest included, which the next iteration computes. At least 2.
  ///   - remaining: Output tokens to come, at least 1.
  ///   - runsBefore: Whether its first request stands before the second one in the running order.
  ///     Unless told, requests join in this order.
  mutating func join(
    _ request: RequestID, length: Int, remaining: Int,
    runsBefore: (RequestID, RequestID) -> Bool = { _, _ in false }
  ) {
    count += 1
    contextTokens += length
    let phase = phase(length: length)
    var place = dueByPhase[phase].count
    while place > 0, runsBefore(request, dueByPhase[phase][place - 1]) { place -= 1 }
    if place == dueByPhase[phase].count {
      dueByPhase[phase].append(request)
    } else {
      dueByPhase[phase].insert(request, at: place)
    }
    calendar[(iteration + remaining - 1) % calendar.count].append(request)
  }

  /// The next iterations up to the first with which someone finishes, at most `limit`; `nil` while there is nobody.
  func steadyStretch(atMost limit: Int) -> SteadyStretch? {
    guard count > 0 else { return nil }
    var iterations = 1
    var last = day
    while iterations < limit, calendar[last].isEmpty {
      last = last + 1 < calendar.count ? last + 1 : 0
      iterations += 1
    }
    return SteadyStretch(
      iterations: iterations, sequences: count, contextTokens: contextTokens, tokens: count)
  }

  /// Says what the cost model sees of the next iteration.
  func describe(in shape: inout IterationShape) {
    shape.decodeSequences = count
    shape.decodeContextTokens = contextTokens
    shape.sampledSequences = count
  }

  /// Goes on to the next iteration, after those that finish in this one were taken out.
  mutating func advance() {
    iteration += 1
    phase = phase + 1 < dueByPhase.count ? phase + 1 : 0
    day = day + 1 < calendar.count ? day + 1 : 0
    contextTokens += count
  }

  /// Goes on over iterations with which nobody finishes; perhaps none.
  mutating func advance(by iterations: Int) {
    if iterations == 0 { return }
    iteration += iterations
    phase = (phase + iterations) % dueByPhase.count
    day = (day + iterations) % calendar.count
    contextTokens += count * iterations
  }

  /// Takes out a request with what it has in the next iteration; see ``join(_:length:remaining:)``.
  mutating func leave(_ request: RequestID, length: Int, remaining: Int) {
    count -= 1
    contextTokens -= length
    Self.remove(request, from: &dueByPhase[phase(length: length)])
    Self.remove(request, from: &calendar[(iteration + remaining - 1) % calendar.count])
  }

  /// Takes those that finish with the next iteration off the calendar, in the order in which they joined; each has
  /// yet to leave with ``finish(_:length:)``.
  mutating func takeFinishing(into finished: inout [RequestID]) {
    if calendar[day].isEmpty { return }
    for place in calendar[day].indices { finished.append(calendar[day][place]) }
    calendar[day].clear()
  }

  /// Takes out one of those with the length that it has in the next iteration.
  mutating func finish(_ request: RequestID, length: Int) {
    count -= 1
    contextTokens -= length
    Self.remove(request, from: &dueByPhase[phase(length: length)])
  }

  /// Lists are short, and what leaves early is near the end.
  private static func remove(_ request: RequestID, from list: inout [RequestID]) {
    guard let place = list.lastIndex(of: request) else {
      preconditionFailure("CruisingBatch: request \(request) does not stand where it should")
    }
    list.remove(at: place)
  }

  /// A request of `length` tokens needs a block when all before the newest fill whole blocks.
  private func phase(length: Int) -> Int {
    let blockSize = dueByPhase.count
    let inLastBlock = (length - 1) % blockSize
    let untilDue = inLastBlock == 0 ? 0 : blockSize - inLastBlock
    return (iteration + untilDue) % blockSize
  }
}
