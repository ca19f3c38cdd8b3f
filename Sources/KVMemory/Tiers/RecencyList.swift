import DequeModule

/// Elements in the order in which each was last put in, oldest first; no two are equal.
///
/// An element that moves to the end leaves a place behind, which is passed over; places are cleared away once most of
/// them are such.
///
/// - Complexity: O(1) amortised, expected over the hashes; O(count) for ``elements``.
struct RecencyList<Element: Hashable & Sendable>: Sendable {
  private var places: Deque<(stamp: Int, element: Element)> = []
  /// Which place of an element counts.
  private var stamps: [Element: Int] = [:]
  private var next = 0

  var count: Int { stamps.count }

  func contains(_ element: Element) -> Bool { stamps[element] != nil }

  /// Puts an element at the end, wherever it was.
  mutating func append(_ element: Element) {
    stamps[element] = next
    places.append((next, element))
    next += 1
    if places.count > 2 * count + 16 { places.removeAll { stamps[$0.element] != $0.stamp } }
  }

  /// - Returns: Whether it was in the list.
  @discardableResult
  mutating func remove(_ element: Element) -> Bool { stamps.removeValue(forKey: element) != nil }

  mutating func popFirst() -> Element? {
    while let (stamp, element) = places.popFirst() {
      guard stamps[element] == stamp else { continue }
      stamps[element] = nil
      return element
    }
    return nil
  }

  /// The oldest element for which something holds.
  func first(where condition: (Element) -> Bool) -> Element? {
    places.first { stamps[$0.element] == $0.stamp && condition($0.element) }?.element
  }

  var elements: [Element] {
    places.filter { stamps[$0.element] == $0.stamp }.map(\.element)
  }
}
