import DequeModule

/// The sequences that wait to be admitted, head first, in the order of a scheduling policy.
///
///     fcfs       | preempted, oldest first | arrived, oldest first |
///     priority   | lowest (priority, arrival) … highest |
///
/// Sequences are numbered by arrival, so the number settles equal priorities.
struct WaitingSequences: Sendable {
  private let policy: SchedulingPolicy
  private(set) var queue: Deque<Int32> = []

  init(policy: SchedulingPolicy) { self.policy = policy }

  var count: Int { queue.count }
  var first: Int32? { queue.first }

  mutating func removeFirst() { queue.removeFirst() }

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
