extension ChunkTier {
  /// The first law that is broken, with the numbers, or `nil`: each place is free or holds the chunk that its key finds,
  /// the policy knows those that hold one, as many may be evicted as are counted, and what was written is there or was evicted.
  ///
  /// - Complexity: O(places).
  package var brokenInvariant: String? {
    guard slots.count <= capacity else { return "\(slots.count) places of \(capacity)" }
    let held = places.numbers.sorted()
    guard (held + returned).sorted() == slots.indices.map({ Place($0) }) else {
      return "places \(held) are held and \(returned) free, of \(slots.count)"
    }
    if let place = held.first(where: { places[slots[Int($0)].key] != $0 }) {
      return "place \(place): its key finds \(places[slots[Int(place)].key] ?? -1)"
    }
    let known: [Place] =
      switch order {
      case .lru(let places): places
      case .arc(let once, let again, _, _, _): once + again
      }
    guard known.sorted() == held else { return "the policy knows \(known), held are \(held)" }
    let evictable = held.count { slots[Int($0)].isEvictable }
    guard evictable == evictableCount else {
      return "\(evictableCount) chunks may be evicted, \(evictable) found"
    }
    let ready = held.count { slots[Int($0)].isReady }
    guard storedCount == ready + evictedCount else {
      return "\(storedCount) chunks were written, \(ready) are there and \(evictedCount) evicted"
    }
    return nil
  }
}
