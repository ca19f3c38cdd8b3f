/// What is done to short lists in every iteration, without the generic code of the standard library: `removeAll` and
/// `removeLast(_:)` take as long as twenty elements.
extension Array {
  /// Empties a list, mostly of a few elements or none, and keeps its storage.
  @inline(__always)
  mutating func clear() {
    if !isEmpty { removeLastOnes(count) }
  }

  /// Removes as many elements at the end.
  @inline(__always)
  mutating func removeLastOnes(_ removed: Int) {
    if removed > 8 { return removeLast(removed) }
    for _ in 0..<removed { removeLast() }
  }
}

extension [RequestID] {
  /// Sorts the few elements from one on, by their keys.
  @inline(__always)
  mutating func sortLast(from first: Int, by key: (RequestID) -> Int) {
    for index in indices.dropFirst(first + 1) {
      let id = self[index]
      let own = key(id)
      var place = index
      while place > first, key(self[place - 1]) > own {
        self[place] = self[place - 1]
        place -= 1
      }
      self[place] = id
    }
  }

  /// Where a request stands in a list in order of numbers; `nil` if it does not.
  func place(of id: RequestID) -> Int? { place(of: id) { $0 } }

  /// Where what has this key stands in a list in order of keys; `nil` if nothing has it.
  ///
  /// - Complexity: O(log count).
  @inline(__always)
  func place(of wanted: Int32, by key: (Int32) -> Int32) -> Int? {
    withUnsafeBufferPointer { ids in
      guard let first = ids.first else { return nil }
      var found = key(first)
      var place = 0
      var left = ids.count
      // Selections, not branches, which would be guessed wrong every other time. The compiler keeps them because it
      // needs what it has read once more.
      while left > 1 {
        let half = left &>> 1
        let middle = key(ids[place &+ half])
        let isBehind = middle > wanted
        place = isBehind ? place : place &+ half
        found = isBehind ? found : middle
        left &-= half
      }
      return found == wanted ? place : nil
    }
  }
}
