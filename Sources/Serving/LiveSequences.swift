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
/// - Complexity: O(1), but for ``compact(_:)``, which is O(sequences of the request).
package struct LiveSequences: Sendable {
  private struct Span {
    var first: Int32
    var capacity: Int32
    var live: Int32
  }

  private var spans: [Span] = []
  /// Numbers of sequences; the complement of one that is removed and not yet compacted.
  private var sequences: [Int] = []
  private var removed: [Int] = []

  /// Every request starts with one sequence.
  init(_ requests: [Request]) {
    spans.reserveCapacity(requests.count)
    var first: Int32 = 0
    for request in requests {
      let capacity = Self.capacity(request)
      spans.append(Span(first: first, capacity: capacity, live: 1))
      first += capacity
    }
    sequences = Array(0..<Int(first))
  }

  private static func capacity(_ request: Request) -> Int32 {
    request.beamWidth > 0 ? 2 * request.beamWidth : request.samples
  }

  /// Sequences that the memory must have room for in its tables.
  package var capacity: Int { sequences.count }

  /// Unfinished sequences of a request; with the removed ones until ``compact(_:)``.
  package func count(of request: RequestID) -> Int { Int(spans[Int(request)].live) }

  /// Sequences that may still be added before ``compact(_:)``.
  package func room(of request: RequestID) -> Int {
    Int(spans[Int(request)].capacity - spans[Int(request)].live)
  }

  /// The first sequence of a request: its only one, unless it has several.
  package func first(of request: RequestID) -> Int { sequences[Int(spans[Int(request)].first)] }

  /// The unfinished sequences of a request, in order.
  package subscript(request: RequestID) -> ArraySlice<Int> {
    let span = spans[Int(request)]
    return sequences[Int(span.first)..<Int(span.first + span.live)]
  }

  /// The sequence at a position in the request's order, counted before anything was removed.
  func sequence(at index: Int, of request: RequestID) -> Int {
    sequences[Int(spans[Int(request)].first) + index]
  }

  /// Adds a sequence behind the others.
  ///
  /// - Precondition: ``room(of:)`` is positive.
  mutating func add(to request: RequestID) -> Int {
    let span = spans[Int(request)]
    precondition(span.live < span.capacity, "request \(request): \(span.live) sequences live")
    spans[Int(request)].live += 1
    return sequences[Int(span.first + span.live)]
  }

  /// Marks the sequence at a position as finished; positions stay until ``compact(_:)``.
  mutating func remove(at index: Int, of request: RequestID) {
    let place = Int(spans[Int(request)].first) + index
    precondition(sequences[place] >= 0, "request \(request): sequence \(index) removed twice")
    sequences[place] = ~sequences[place]
  }

  /// Removes the only sequence that a request has or will have.
  mutating func removeOnly(of request: RequestID) {
    precondition(spans[Int(request)].live == 1, "request \(request) has not one sequence")
    spans[Int(request)].live = 0
  }

  /// Closes the gaps that ``remove(at:of:)`` left; their numbers are used again.
  mutating func compact(_ request: RequestID) {
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
}
