import DequeModule
import KVMemory
import Workload

/// The sequences that wait to be admitted, head first, in the order of a scheduling policy.
///
///     fcfs       | preempted, oldest first | arrived, oldest first |
///     priority   | lowest (priority, arrival) … highest |
///
/// Sequences are numbered by arrival, so the number settles equal priorities. Those that hold blocks while they wait, for
/// tokens from elsewhere, stand before all others.
struct WaitingSequences: Sendable {
  private let policy: SchedulingPolicy
  private(set) var queue: Deque<Int32> = []
  /// Those that hold blocks, in the same order.
  private(set) var holding: Deque<Int32> = []
  /// Taken out for the rest of an iteration's admissions, in order.
  private var skipped: [(sequence: Int32, holds: Bool)] = []

  init(policy: SchedulingPolicy) { self.policy = policy }

  var count: Int { queue.count + holding.count }
  var first: Int32? { holding.first ?? queue.first }

  mutating func removeFirst() {
    if holding.popFirst() == nil { queue.removeFirst() }
  }

  /// Lets the next one be looked at in this iteration.
  ///
  /// - Parameter holds: Whether it waits with blocks.
  mutating func skipFirst(holds: Bool = false) {
    skipped.append((holding.popFirst() ?? queue.removeFirst(), holds))
  }

  /// Those that hold blocks, skipped ones included.
  var waitingWithBlocks: [Int32] { skipped.filter(\.holds).map(\.sequence) + holding }

  /// Puts those that were skipped back where they stood: what was admitted meanwhile stood behind them.
  mutating func returnSkipped(_ states: TokenBudgetSequences) {
    guard !skipped.isEmpty else { return }
    for (sequence, holds) in skipped.reversed() {
      if holds {
        Self.comeBack(sequence, to: &holding, policy, states)
      } else {
        comeBack(sequence, states)
      }
    }
    skipped.removeAll(keepingCapacity: true)
  }

  /// Takes out one that is complete although it waits.
  mutating func remove(_ sequence: Int32) {
    guard let place = queue.firstIndex(of: sequence) else {
      preconditionFailure("WaitingSequences: sequence \(sequence) neither runs nor waits")
    }
    queue.remove(at: place)
  }

  /// Takes out one that will not be admitted, if it waits.
  ///
  /// - Returns: Whether it did.
  /// - Complexity: O(waiting).
  mutating func withdraw(_ sequence: Int32) -> Bool {
    if let place = holding.firstIndex(of: sequence) {
      holding.remove(at: place)
    } else if let place = queue.firstIndex(of: sequence) {
      queue.remove(at: place)
    } else {
      return false
    }
    return true
  }

  /// Adds a sequence that has just arrived.
  ///
  /// - Complexity: O(1) by arrival, O(waiting) by priority.
  mutating func arrive(_ sequence: Int32, _ states: TokenBudgetSequences) {
    switch policy {
    case .firstComeFirstServed: queue.append(sequence)
    case .priority: Self.insert(sequence, into: &queue, states)
    }
  }

  /// Adds a sequence that lost its blocks; by arrival it goes before everything that waits.
  mutating func comeBack(_ sequence: Int32, _ states: TokenBudgetSequences) {
    Self.comeBack(sequence, to: &queue, policy, states)
  }

  private static func comeBack(
    _ sequence: Int32, to queue: inout Deque<Int32>, _ policy: SchedulingPolicy,
    _ states: TokenBudgetSequences
  ) {
    switch policy {
    case .firstComeFirstServed: queue.prepend(sequence)
    case .priority: insert(sequence, into: &queue, states)
    }
  }

  private static func insert(
    _ sequence: Int32, into queue: inout Deque<Int32>, _ states: TokenBudgetSequences
  ) {
    var low = 0
    var high = queue.count
    while low < high {
      let middle = (low + high) / 2
      let isBefore = states.isServed(queue[middle], before: sequence)
      if isBefore { low = middle + 1 } else { high = middle }
    }
    queue.insert(sequence, at: low)
  }
}

// MARK: Who is skipped

extension TokenBudgetScheduler {
  /// Whether a waiting sequence lets others pass in this iteration: its tokens are on their way, it still has output
  /// to come from before it lost its blocks, or there is no room for its adapter.
  mutating func isSkipped(_ sequence: Int32) -> Bool {
    connects && waitsForTokens(sequence) || looksAhead && ahead[Int(sequence)].stale > 0
      || !hasAdapterSlot(sequence)
  }

  /// Whether the adapter of a waiting sequence is loaded by one that runs, or there is room for one more.
  ///
  /// - Complexity: O(running) with a limit on adapters.
  private func hasAdapterSlot(_ sequence: Int32) -> Bool {
    guard let most = options.adaptersMax, !adapters.isEmpty else { return true }
    func adapter(_ sequence: Int32) -> Int32 {
      adapters[Int(sequences.requests.request(ofSequence: sequence))]
    }
    let wanted = adapter(sequence)
    let loaded = Set(running.map { adapter($0) }).subtracting([0])
    return wanted == 0 || loaded.contains(wanted) || loaded.count < most
  }
}
