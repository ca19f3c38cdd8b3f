import HeapModule

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
/// - Complexity: O(1) for an iteration, O(due) for its blocks, O(log n) for a request to join or finish.
struct CruisingBatch: Sendable {
  private struct Finish: Comparable, Sendable {
    var iteration: Int
    var request: RequestID

    static func < (a: Finish, b: Finish) -> Bool { a.iteration < b.iteration }
  }

  /// The iteration that comes next.
  private(set) var iteration = 0
  /// Requests in the batch, a sequence each.
  private(set) var count = 0
  /// Tokens that they attend to in the next iteration, the newest of each included.
  private(set) var contextTokens = 0
  /// Requests by the iteration, modulo the block size, at which they need a block; in running order.
  private var dueByPhase: [[RequestID]]
  private var finishes = Heap<Finish>()

  init(blockSize: Int) { dueByPhase = Array(repeating: [], count: blockSize) }

  /// Requests that need a block in the next iteration, in running order.
  var due: [RequestID] { dueByPhase[iteration % dueByPhase.count] }

  /// Adds a request that decodes from the next iteration on, behind those that are there.
  ///
  /// - Parameters:
  ///   - length: Its tokens, the newest included, which the next iteration computes. At least 2.
  ///   - remaining: Output tokens to come, at least 1.
  mutating func join(_ request: RequestID, length: Int, remaining: Int) {
    count += 1
    contextTokens += length
    dueByPhase[phase(length: length)].append(request)
    finishes.insert(Finish(iteration: iteration + remaining - 1, request: request))
  }

  /// Goes on to the next iteration, after those that finish in this one were taken out.
  mutating func advance() {
    iteration += 1
    contextTokens += count
  }

  /// Whether some request finishes with the next iteration.
  var hasFinishing: Bool { finishes.min.map { $0.iteration == iteration } ?? false }

  /// Takes a request that finishes with the next iteration off the calendar; ``remove(_:length:)`` follows.
  mutating func popFinishing() -> RequestID? {
    hasFinishing ? finishes.removeMin().request : nil
  }

  /// Takes out a request that finishes with the next iteration, at which it has `length` tokens.
  mutating func remove(_ request: RequestID, length: Int) {
    count -= 1
    contextTokens -= length
    let phase = phase(length: length)
    guard let place = dueByPhase[phase].firstIndex(of: request) else {
      preconditionFailure("CruisingBatch: request \(request) of \(length) tokens is not due at \(phase)")
    }
    dueByPhase[phase].remove(at: place)
  }

  /// Takes everybody out; the count of iterations goes on.
  mutating func removeAll() {
    count = 0
    contextTokens = 0
    for phase in dueByPhase.indices { dueByPhase[phase].removeAll(keepingCapacity: true) }
    finishes = Heap()
  }

  /// A request of `length` tokens needs a block when all before the newest fill whole blocks.
  private func phase(length: Int) -> Int {
    let blockSize = dueByPhase.count
    let inLastBlock = (length - 1) % blockSize
    let untilDue = inLastBlock == 0 ? 0 : blockSize - inLastBlock
    return (iteration + untilDue) % blockSize
  }
}
