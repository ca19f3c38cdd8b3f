import KVMemory
import SimulationKernel

/// How a run went: the ledger and the queues over time, in equal pieces of the window.
///
///     0        1 s       2 s       3 s          at first a second each; when there would be more
///     |── 0 ──|── 1 ──|── 2 ──|── …             than 256, pairs are joined and pieces last twice
///     |────── 0 ──────|────── 1 ──────| …       as long
///
/// - Complexity: O(1) amortised for a state; memory is constant.
package struct RunHistory: Equatable, Sendable {
  package static let intervalsMax = 256

  /// What held in one piece, in units times nanoseconds.
  package struct Interval: Equatable, Sendable {
    package var tokenState: Int128 = 0
    package var reserved: Int128 = 0
    package var internalFragmentation: Int128 = 0
    package var externalFragmentation: Int128 = 0
    package var cached: Int128 = 0
    package var free: Int128 = 0
    package var running: Int128 = 0
    package var waiting: Int128 = 0
    package var preemptions = 0
    /// Nanoseconds that were recorded: the last piece may be cut short.
    package var duration: Int64 = 0

    mutating func add(_ other: Interval) {
      tokenState += other.tokenState
      reserved += other.reserved
      internalFragmentation += other.internalFragmentation
      externalFragmentation += other.externalFragmentation
      cached += other.cached
      free += other.free
      running += other.running
      waiting += other.waiting
      preemptions += other.preemptions
      duration += other.duration
    }
  }

  package let from: SimInstant
  /// Length of a piece, nanoseconds.
  package private(set) var width: Int64 = 1_000_000_000
  package private(set) var intervals: [Interval] = []

  init(from: SimInstant) { self.from = from }

  /// Adds a state that held from `start` to `end`, both inside the window.
  mutating func add(
    ledger: WasteLedger, queues: QueueLengths, from start: SimInstant, to end: SimInstant
  ) {
    var begin = (start - from).nanoseconds
    let finish = (end - from).nanoseconds
    reach(finish)
    while begin < finish {
      let index = Int(begin / width)
      let part = min(finish, Int64(index + 1) * width) - begin
      let time = Int128(part)
      intervals[index].tokenState += Int128(ledger.tokenState) * time
      intervals[index].reserved += Int128(ledger.reserved) * time
      intervals[index].internalFragmentation += Int128(ledger.internalFragmentation) * time
      intervals[index].externalFragmentation += Int128(ledger.externalFragmentation) * time
      intervals[index].cached += Int128(ledger.cached) * time
      intervals[index].free += Int128(ledger.free) * time
      intervals[index].running += Int128(queues.running) * time
      intervals[index].waiting += Int128(queues.waiting + queues.swapped) * time
      intervals[index].duration += part
      begin += part
    }
  }

  /// Counts preemptions at an instant of the window.
  mutating func addPreemptions(_ count: Int, at instant: SimInstant) {
    let time = (instant - from).nanoseconds
    reach(time + 1)
    intervals[Int(time / width)].preemptions += count
  }

  /// Makes pieces up to `time` nanoseconds after the start of the window.
  private mutating func reach(_ time: Int64) {
    while time > Int64(Self.intervalsMax) * width { joinPairs() }
    while Int64(intervals.count) * width < time { intervals.append(Interval()) }
  }

  private mutating func joinPairs() {
    width *= 2
    for index in 0..<(intervals.count + 1) / 2 {
      var joined = intervals[2 * index]
      if 2 * index + 1 < intervals.count { joined.add(intervals[2 * index + 1]) }
      intervals[index] = joined
    }
    intervals.removeSubrange(((intervals.count + 1) / 2)...)
  }
}
