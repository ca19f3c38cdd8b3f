import HeapModule

/// The pending events of a simulation, in a total order: time, then rank, then order of insertion.
///
/// A rank breaks ties between kinds of events at one instant (an arrival is seen by the iteration that
/// starts at the same time); the insertion number breaks ties within a kind. Nothing is left to the heap,
/// which does not keep equal keys in order.
///
/// - Complexity: O(log n) for ``push(_:at:rank:)`` and ``popNext()``.
package struct EventQueue<Event: Sendable>: Sendable {
  /// An event and its place in the order.
  package struct Entry: Comparable, Sendable {
    package let time: SimInstant
    package let rank: UInt8
    package let insertion: UInt64
    package let event: Event

    @inlinable init(time: SimInstant, rank: UInt8, insertion: UInt64, event: Event) {
      self.time = time
      self.rank = rank
      self.insertion = insertion
      self.event = event
    }

    @inlinable package static func < (a: Entry, b: Entry) -> Bool {
      (a.time, a.rank, a.insertion) < (b.time, b.rank, b.insertion)
    }

    @inlinable package static func == (a: Entry, b: Entry) -> Bool { a.insertion == b.insertion }
  }

  @usableFromInline var heap = Heap<Entry>()
  @usableFromInline var insertions: UInt64 = 0

  @inlinable package init() {}

  @inlinable package var isEmpty: Bool { heap.isEmpty }

  /// Adds an event; among events of equal time and rank the one pushed first comes out first.
  @inlinable package mutating func push(_ event: Event, at time: SimInstant, rank: UInt8) {
    heap.insert(Entry(time: time, rank: rank, insertion: insertions, event: event))
    insertions += 1
  }

  /// Removes and returns the next event, or `nil` when none is pending.
  @inlinable package mutating func popNext() -> Entry? { heap.popMin() }
}
