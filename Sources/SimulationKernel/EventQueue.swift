import HeapModule

/// What is to come, in a total order: by time, then by rank, then in the order in which it was added.
///
///     time   10          10            10          20
///     rank   arrival     arrival       step        step
///     added  first       second        before      …          they happen from left to right
///
/// `public`, so that the rooms above compile it for their events.
///
/// - Complexity: O(log events) for ``insert(_:at:rank:)`` and ``popFirst()``, O(1) for ``nextTime``.
public struct EventQueue<Event: Sendable>: Sendable {
  @usableFromInline
  struct Entry: Comparable, Sendable {
    @usableFromInline var time: Int64
    /// Rank and number, the rank in the upper bits.
    @usableFromInline var order: UInt64
    @usableFromInline var event: Event

    @inlinable init(time: Int64, order: UInt64, event: Event) {
      self.time = time
      self.order = order
      self.event = event
    }

    @inlinable @inline(__always)
    static func < (a: Entry, b: Entry) -> Bool {
      a.time != b.time ? a.time < b.time : a.order < b.order
    }

    @inlinable
    static func == (a: Entry, b: Entry) -> Bool { a.time == b.time && a.order == b.order }
  }

  @usableFromInline var heap = Heap<Entry>()
  @usableFromInline var added: UInt64 = 0

  @inlinable public init() {}

  @inlinable public var count: Int { heap.count }

  /// When the next event is; ``SimInstant/distantFuture`` if there is none.
  @inlinable public var nextTime: SimInstant {
    guard let first = heap.min else { return .distantFuture }
    return SimInstant(nanoseconds: first.time)
  }

  /// - Parameter rank: What happens first of equal times: the lower one.
  @inlinable public mutating func insert(_ event: Event, at time: SimInstant, rank: UInt8 = 0) {
    heap.insert(
      Entry(time: time.nanoseconds, order: UInt64(rank) << 56 | added, event: event))
    added += 1
  }

  /// Takes the next event.
  @inlinable public mutating func popFirst() -> (time: SimInstant, event: Event)? {
    guard let first = heap.popMin() else { return nil }
    return (SimInstant(nanoseconds: first.time), first.event)
  }
}
