import DequeModule
import KVMemory
import Workload

/// The sequences that wait to be admitted, head first, in the order of a scheduling policy.
///
///     fcfs       | preempted, oldest first | arrived, oldest first |
///     priority   | lowest (priority, arrival) … highest |
///
/// Sequences are numbered by arrival, so the number settles equal priorities.
struct WaitingSequences: Sendable {
  private let policy: SchedulingPolicy
  private(set) var queue: Deque<Int32> = []
  /// Taken out for the rest of an iteration's admissions, in order.
  private var skipped: [Int32] = []

  init(policy: SchedulingPolicy) { self.policy = policy }

  var count: Int { queue.count }
  var first: Int32? { queue.first }

  mutating func removeFirst() { queue.removeFirst() }

  /// Lets the next one be looked at in this iteration.
  mutating func skipFirst() { skipped.append(queue.removeFirst()) }

  /// Puts those that were skipped back where they stood: what was admitted meanwhile stood behind them.
  mutating func returnSkipped(_ states: TokenBudgetSequences) {
    guard !skipped.isEmpty else { return }
    for sequence in skipped.reversed() { comeBack(sequence, states) }
    skipped.removeAll(keepingCapacity: true)
  }

  /// Takes out one that is complete although it waits.
  mutating func remove(_ sequence: Int32) {
    guard let place = queue.firstIndex(of: sequence) else {
      preconditionFailure("WaitingSequences: sequence \(sequence) neither runs nor waits")
    }
    queue.remove(at: place)
  }

  /// Adds a sequence that has just arrived.
  ///
  /// - Complexity: O(1) by arrival, O(waiting) by priority.
  mutating func arrive(_ sequence: Int32, _ states: TokenBudgetSequences) {
    switch policy {
    case .firstComeFirstServed: queue.append(sequence)
    case .priority: insert(sequence, states)
    }
  }

  /// Adds a sequence that lost its blocks; by arrival it goes before everything that waits.
  mutating func comeBack(_ sequence: Int32, _ states: TokenBudgetSequences) {
    switch policy {
    case .firstComeFirstServed: queue.prepend(sequence)
    case .priority: insert(sequence, states)
    }
  }

  private mutating func insert(_ sequence: Int32, _ states: TokenBudgetSequences) {
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
  /// Whether a waiting sequence lets others pass in this iteration: it still has output to come from before it lost its
  /// blocks, or there is no room for its adapter.
  func isSkipped(_ sequence: Int32) -> Bool {
    looksAhead && ahead[Int(sequence)].stale > 0 || !hasAdapterSlot(sequence)
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
