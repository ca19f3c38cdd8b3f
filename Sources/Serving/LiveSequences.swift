import KVMemory
import Workload

/// Which sequences of each request are unfinished, in the engine's order: parent first, children as
/// made.
///
/// Sequences have numbers of their own in the memory, a range for each request: as many as it has
/// samples, and twice its width for a beam search, whose children live beside their parents for a
/// moment. The unfinished ones stand in front:
///
///     request 3, beam width 2     | 6 | 8 | 7 | 9 |
///                                 |─ live ─|─ unused ─|
///
/// Kept of the requests in flight only.
///
/// - Complexity: O(1), but for ``compact(_:)``, which is O(sequences of the request).
package struct LiveSequences: Sendable {
  private struct Order: Sendable {
    /// Numbers of the request's sequences; the complement of one that is removed and not yet compacted.
    var sequences: [Int]
    var live: Int
  }

  private let requests: RunRequests
  /// Of requests with one sequence: whether it is finished; until ``close(_:)``.
  private var finished = ResidentRows(blank: false)
  /// Of others, once something was added or removed; at first they have one, their lowest number.
  private var orders = ResidentRows<Order?>(blank: nil)

  /// Every request starts with one sequence.
  init(_ requests: RunRequests) { self.requests = requests }

  private func order(of request: RequestID) -> Order {
    orders[Int(request)] ?? Order(sequences: Array(requests.beams(of: request)), live: 1)
  }

  /// Unfinished sequences of a request; with the removed ones until ``compact(_:)``.
  package func count(of request: RequestID) -> Int {
    if requests.areSingle { return finished[Int(request)] ? 0 : 1 }
    return orders.with(Int(request)) { $0?.live ?? 1 }
  }

  /// Sequences that may still be added before ``compact(_:)``.
  package func room(of request: RequestID) -> Int {
    requests.beams(of: request).count - max(1, count(of: request))
  }

  /// The sequence that a request begins with.
  package func parent(of request: RequestID) -> Int { requests.beams(of: request).lowerBound }

  /// The first sequence of a request: its only one, unless it has several.
  package func first(of request: RequestID) -> Int { sequence(at: 0, of: request) }

  /// The unfinished sequences of a request, in order.
  package subscript(request: RequestID) -> ArraySlice<Int> {
    if requests.areSingle { return finished[Int(request)] ? [] : [Int(request)] }
    let order = order(of: request)
    return order.sequences[..<order.live]
  }

  /// The sequence at a position in the request's order, counted before anything was removed.
  @inline(__always)
  func sequence(at index: Int, of request: RequestID) -> Int {
    requests.areSingle ? Int(request) : order(of: request).sequences[index]
  }

  /// Adds a sequence behind the others.
  ///
  /// - Precondition: ``room(of:)`` is positive.
  mutating func add(to request: RequestID) -> Int {
    precondition(room(of: request) > 0, "request \(request): \(count(of: request)) sequences live")
    var order = order(of: request)
    order.live += 1
    orders[Int(request)] = order
    return order.sequences[order.live - 1]
  }

  /// Marks the sequence at a position as finished; positions stay until ``compact(_:)``.
  mutating func remove(at index: Int, of request: RequestID) {
    if requests.areSingle {
      precondition(!finished[Int(request)], "request \(request): its sequence removed twice")
      finished[Int(request)] = true
      return
    }
    var order = order(of: request)
    precondition(
      order.sequences[index] >= 0, "request \(request): sequence \(index) removed twice")
    order.sequences[index] = ~order.sequences[index]
    orders[Int(request)] = order
  }

  /// Closes the gaps that ``remove(at:of:)`` left; their numbers are used again.
  mutating func compact(_ request: RequestID) {
    if requests.areSingle { return }
    let order = order(of: request)
    let live = order.sequences[..<order.live]
    let kept = live.filter { $0 >= 0 }
    orders[Int(request)] = Order(
      sequences: kept + live.filter { $0 < 0 }.map { ~$0 } + order.sequences[order.live...],
      live: kept.count)
  }

  /// Forgets a request that is complete; nothing is asked of it any more.
  mutating func close(_ request: RequestID) {
    finished.close(Int(request))
    orders.close(Int(request))
  }
}
