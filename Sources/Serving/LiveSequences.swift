import KVMemory
import Workload

/// Which sequences of each request are unfinished, in the engine's order: parent first, children as
/// made.
///
/// Sequences have numbers of their own in the memory, a range for each request: as many as it has
/// samples, and twice its width for a beam search, whose children live beside their parents for a
/// moment. A range is kept in one array, the unfinished ones in front:
///
///     request 3, beam width 2     | 6 | 8 | 7 | 9 |
///                                 |─ live ─|─ unused ─|
///
/// Where each request has one sequence, the sequence has its number, and nothing is kept of those that are not finished.
///
/// - Complexity: O(1), but for ``compact(_:)``, which is O(sequences of the request).
package struct LiveSequences: Sendable {
  private struct Span {
    var first: Int32
    var capacity: Int32
    var live: Int32
  }

  /// Sequences that the memory must have room for in its tables.
  package let capacity: Int
  /// Whether each request has one sequence.
  private let areSingle: Bool
  /// Of requests with one sequence: whether it is finished; until ``close(_:)``.
  private var finished = ResidentRows(blank: false)
  private var spans: [Span] = []
  /// Numbers of sequences; the complement of one that is removed and not yet compacted.
  private var sequences: [Int] = []
  private var removed: [Int] = []

  /// Every request starts with one sequence.
  init(_ requests: [Request]) {
    areSingle = requests.allSatisfy { Self.capacity($0) == 1 }
    guard !areSingle else {
      capacity = requests.count
      return
    }
    spans.reserveCapacity(requests.count)
    var first: Int32 = 0
    for request in requests {
      let capacity = Self.capacity(request)
      spans.append(Span(first: first, capacity: capacity, live: 1))
      first += capacity
    }
    capacity = Int(first)
    sequences = Array(0..<capacity)
  }

  private static func capacity(_ request: Request) -> Int32 {
    request.beamWidth > 0 ? 2 * request.beamWidth : request.samples
  }

  /// Unfinished sequences of a request; with the removed ones until ``compact(_:)``.
  package func count(of request: RequestID) -> Int {
    areSingle ? (finished[Int(request)] ? 0 : 1) : Int(spans[Int(request)].live)
  }

  /// Sequences that may still be added before ``compact(_:)``.
  package func room(of request: RequestID) -> Int {
    areSingle ? 0 : Int(spans[Int(request)].capacity - spans[Int(request)].live)
  }

  /// The first sequence of a request: its only one, unless it has several.
  package func first(of request: RequestID) -> Int {
    areSingle ? Int(request) : sequences[Int(spans[Int(request)].first)]
  }

  /// The unfinished sequences of a request, in order.
  package subscript(request: RequestID) -> ArraySlice<Int> {
    if areSingle { return finished[Int(request)] ? [] : [Int(request)] }
    let span = spans[Int(request)]
    return sequences[Int(span.first)..<Int(span.first + span.live)]
  }

  /// The sequence at a position in the request's order, counted before anything was removed.
  func sequence(at index: Int, of request: RequestID) -> Int {
    areSingle ? Int(request) : sequences[Int(spans[Int(request)].first) + index]
  }

  /// Adds a sequence behind the others.
  ///
  /// - Precondition: ``room(of:)`` is positive.
  mutating func add(to request: RequestID) -> Int {
    precondition(room(of: request) > 0, "request \(request): \(count(of: request)) sequences live")
    let span = spans[Int(request)]
    spans[Int(request)].live += 1
    return sequences[Int(span.first + span.live)]
  }

  /// Marks the sequence at a position as finished; positions stay until ``compact(_:)``.
  mutating func remove(at index: Int, of request: RequestID) {
    if areSingle {
      precondition(!finished[Int(request)], "request \(request): its sequence removed twice")
      finished[Int(request)] = true
      return
    }
    let place = Int(spans[Int(request)].first) + index
    precondition(sequences[place] >= 0, "request \(request): sequence \(index) removed twice")
    sequences[place] = ~sequences[place]
  }

  /// Closes the gaps that ``remove(at:of:)`` left; their numbers are used again.
  mutating func compact(_ request: RequestID) {
    if areSingle { return }
    let span = spans[Int(request)]
    removed.removeAll(keepingCapacity: true)
    var place = Int(span.first)
    for index in Int(span.first)..<Int(span.first + span.live) {
      let sequence = sequences[index]
      guard sequence >= 0 else {
        removed.append(~sequence)
        continue
      }
      sequences[place] = sequence
      place += 1
    }
    spans[Int(request)].live = Int32(place) - span.first
    for sequence in removed {
      sequences[place] = sequence
      place += 1
    }
  }

  /// Forgets a request that is complete; nothing is asked of it any more.
  mutating func close(_ request: RequestID) {
    if areSingle { finished.close(Int(request)) }
  }
}
