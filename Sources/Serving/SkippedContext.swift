/// Tokens that cruising sequences hold and layers with a sliding window skip, kept as a sum.
///
///     iteration      7   8   9  10  11        attendedMax = 10
///     length         8   9  10  11  12        it fills its window at 9
///     skipped        0   0   0   1   2        and skips a token more in each iteration after that
///
/// - Complexity: O(1) for an iteration.
struct SkippedContext: Sendable {
  private let attendedMax: Int
  /// Whether there are such layers.
  private let skips: Bool
  /// Skipped in the next iteration, summed over the sequences.
  private(set) var tokens = 0
  /// Sequences that have filled their window by then.
  private(set) var growth = 0
  /// Sequences by the iteration, modulo ``attendedMax``, at which they will; the next one is at ``place``.
  private var filling: [Int32]
  private var place = 0

  /// - Parameter attendedMax: ``EngineSettings/attendedMax``.
  init(attendedMax: Int?) {
    self.attendedMax = attendedMax ?? .max
    skips = attendedMax != nil
    filling = Array(repeating: 0, count: attendedMax ?? 0)
  }

  /// Adds a sequence that has `length` tokens in the next iteration.
  @inline(__always)
  mutating func join(length: Int) { if skips { add(1, length) } }

  /// Takes out a sequence with what it has in the next iteration.
  @inline(__always)
  mutating func leave(length: Int) { if skips { add(-1, length) } }

  private mutating func add(_ sequences: Int, _ length: Int) {
    guard length < attendedMax else {
      tokens += sequences * (length - attendedMax)
      growth += sequences
      return
    }
    filling[(place + attendedMax - length) % attendedMax] += Int32(sequences)
  }

  /// Goes on over so many iterations.
  @inline(__always)
  mutating func advance(by iterations: Int) { if skips { goOn(iterations) } }

  private mutating func goOn(_ iterations: Int) {
    for _ in 0..<iterations {
      tokens += growth
      place = place + 1 < attendedMax ? place + 1 : 0
      growth += Int(filling[place])
      filling[place] = 0
    }
  }

  /// The next iterations, at most `limit`, over which the sum grows by ``growth`` each.
  ///
  /// - Complexity: O(limit).
  @inline(__always)
  func steadyIterations(atMost limit: Int) -> Int { skips ? untilNextFills(limit) : limit }

  private func untilNextFills(_ limit: Int) -> Int {
    for ahead in 1..<max(limit, 1) where filling[(place + ahead) % attendedMax] != 0 {
      return ahead + 1
    }
    return limit
  }
}
