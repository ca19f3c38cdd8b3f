import KVMemory
import SimulationKernel

/// How a run went: what held over time, summed in equal pieces of the window.
///
///     0        1 s       2 s       3 s          at first a second each; when there would be more
///     |── 0 ──|── 1 ──|── 2 ──|── …             than 256, pairs are joined and pieces last twice
///     |────── 0 ──────|────── 1 ──────| …       as long
///
/// - Complexity: O(1) amortised for a state; memory is constant.
package struct RunHistory: Equatable, Sendable {
  package static let intervalsMax = 256

  /// What held in one piece.
  package struct Interval: Equatable, Sendable {
    package var integrals = Integrals()
    package var preemptions = 0
    /// Nanoseconds that were recorded: the last piece may be cut short.
    package var duration: Int64 = 0

    static func += (sum: inout Interval, other: Interval) {
      sum.integrals += other.integrals
      sum.preemptions += other.preemptions
      sum.duration += other.duration
    }

    /// Adds what held at the same time elsewhere.
    mutating func add(besides other: Interval) {
      integrals += other.integrals
      preemptions += other.preemptions
      duration = max(duration, other.duration)
    }
  }

  package let from: SimInstant
  /// Length of a piece, nanoseconds.
  package private(set) var width: Int64 = 1_000_000_000
  /// All pieces but the last, which is `open`.
  private var closed: [Interval] = []
  private var open = Interval()
  /// Where the open piece ends, nanoseconds after the start of the window.
  private var openEnd: Int64

  init(from: SimInstant) {
    self.from = from
    openEnd = width
  }

  /// The pieces up to the last event; none for a run without any in its window.
  package var intervals: [Interval] {
    closed.isEmpty && open == Interval() ? [] : closed + [open]
  }

  /// What held over the whole window.
  package var total: Integrals {
    closed.reduce(into: open.integrals) { $0 += $1.integrals }
  }

  /// Adds a state that held from `start` to `end`, both inside the window. States come in order of time.
  @inline(__always)
  mutating func add(_ state: HeldState, from start: SimInstant, to end: SimInstant) {
    var begin = (start - from).nanoseconds
    let finish = (end - from).nanoseconds
    if finish > openEnd { goOn(state, from: &begin, to: finish) }
    add(state, for: finish - begin)
  }

  /// Adds a state to the pieces that end before `finish`; it goes on at `begin`, in the open one.
  private mutating func goOn(_ state: HeldState, from begin: inout Int64, to finish: Int64) {
    while finish > openEnd {
      let part = openEnd - begin
      if part > 0 {
        add(state, for: part)
        begin = openEnd
      }
      goOn()
    }
  }

  /// Where the open piece ends.
  var pieceEnd: SimInstant { from + SimDuration(nanoseconds: openEnd) }

  /// Adds a state that held for `duration` nanoseconds of the open piece.
  mutating func add(_ state: HeldState, for duration: Int64) {
    open.integrals.add(state, for: duration)
    open.duration += duration
  }

  /// Takes from the open piece what was less, for a time, than in the state that was added.
  mutating func subtract(
    tokenState: Int128, reserved: Int128, internalFragmentation: Int128, cached: Int128,
    free: Int128, blocks: Int128
  ) {
    open.integrals.tokenState -= tokenState
    open.integrals.reserved -= reserved
    open.integrals.internalFragmentation -= internalFragmentation
    open.integrals.cached -= cached
    open.integrals.free -= free
    open.integrals.logicalBlocks -= blocks
    open.integrals.physicalBlocks -= blocks
  }

  /// Counts each slot of the ledger so many times.
  mutating func weigh(by weight: Int) {
    for index in closed.indices { closed[index].integrals.weigh(by: weight) }
    open.integrals.weigh(by: weight)
  }

  /// Adds what held at the same time in another replica, recorded over the same window to the same end.
  mutating func add(_ other: RunHistory) {
    precondition(
      (width, closed.count) == (other.width, other.closed.count), "histories of different lengths")
    for index in closed.indices { closed[index].add(besides: other.closed[index]) }
    open.add(besides: other.open)
  }

  /// Counts preemptions at an instant of the window; what held before it is added already.
  mutating func addPreemptions(_ count: Int, at instant: SimInstant) {
    while (instant - from).nanoseconds >= openEnd { goOn() }
    open.preemptions += count
  }

  /// Opens the next piece, or lets the open one last twice as long.
  private mutating func goOn() {
    if closed.count + 1 < Self.intervalsMax {
      closed.append(open)
      open = Interval()
    } else {
      joinPairs()
    }
    openEnd = Int64(closed.count + 1) * width
  }

  private mutating func joinPairs() {
    width *= 2
    let pieces = closed + [open]
    closed = stride(from: 0, to: pieces.count, by: 2).map { index in
      var joined = pieces[index]
      if index + 1 < pieces.count { joined += pieces[index + 1] }
      return joined
    }
    open = closed.removeLast()
  }
}

/// What holds between two events.
struct HeldState: Sendable {
  var ledger: WasteLedger
  var blocks = (logical: 0, physical: 0)
  var queues = QueueLengths(running: 0, waiting: 0, swapped: 0)
}

/// Sums over time of what holds between two events, in units times nanoseconds: exact integers, so their order
/// does not matter.
package struct Integrals: Equatable, Sendable {
  package var tokenState: Int128 = 0
  package var reserved: Int128 = 0
  package var internalFragmentation: Int128 = 0
  package var externalFragmentation: Int128 = 0
  package var cached: Int128 = 0
  package var free: Int128 = 0
  package var logicalBlocks: Int128 = 0
  package var physicalBlocks: Int128 = 0
  package var runningRequests: Int128 = 0
  package var waitingRequests: Int128 = 0

  /// Adds a state that held for `duration` nanoseconds.
  @inline(__always)
  mutating func add(_ state: HeldState, for duration: Int64) {
    // A product of two words fits in two, and sums of 2^63 of them would not overflow: the checks of `*` and
    // `+` would cost more than all the rest of an iteration's records.
    let time = Int128(duration)
    func add(_ units: Int, to sum: inout Int128) { sum &+= Int128(units) &* time }
    add(state.ledger.tokenState, to: &tokenState)
    add(state.ledger.reserved, to: &reserved)
    add(state.ledger.internalFragmentation, to: &internalFragmentation)
    add(state.ledger.externalFragmentation, to: &externalFragmentation)
    add(state.ledger.cached, to: &cached)
    add(state.ledger.free, to: &free)
    add(state.blocks.logical, to: &logicalBlocks)
    add(state.blocks.physical, to: &physicalBlocks)
    add(state.queues.running, to: &runningRequests)
    add(state.queues.waiting + state.queues.swapped, to: &waitingRequests)
  }

  mutating func weigh(by weight: Int) {
    let weight = Int128(weight)
    tokenState *= weight
    reserved *= weight
    internalFragmentation *= weight
    externalFragmentation *= weight
    cached *= weight
    free *= weight
  }

  static func += (sum: inout Integrals, other: Integrals) {
    sum.tokenState += other.tokenState
    sum.reserved += other.reserved
    sum.internalFragmentation += other.internalFragmentation
    sum.externalFragmentation += other.externalFragmentation
    sum.cached += other.cached
    sum.free += other.free
    sum.logicalBlocks += other.logicalBlocks
    sum.physicalBlocks += other.physicalBlocks
    sum.runningRequests += other.runningRequests
    sum.waitingRequests += other.waitingRequests
  }
}
