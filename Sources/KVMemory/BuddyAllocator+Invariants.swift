extension BuddyAllocator {
  /// The first law that is broken, with the numbers, or `nil`: free and held chunks tile the pool, the lists of free
  /// chunks read the same from both ends, and no chunk and its buddy are both free, which would have merged.
  ///
  ///     pool   |─ free 4 ─|─ held 2 ─|f 1|h 1|──── held 8 ────|      each at a multiple of its size
  ///
  /// - Parameter held: Address and size of each chunk that was taken and not given back.
  /// - Complexity: O(capacity + n log n) for n chunks.
  package func brokenInvariant(held: [(address: Int, size: Int)]) -> String? {
    if let broken = listViolation { return broken }
    let chunks = (freeChunks + held).sorted { $0.address < $1.address }
    var covered = 0
    for chunk in chunks {
      guard chunk.size > 0, chunk.size.nonzeroBitCount == 1, chunk.size <= largest else {
        return "a chunk of \(chunk.size) blocks at \(chunk.address), the largest has \(largest)"
      }
      guard chunk.address % chunk.size == 0 else {
        return "a chunk of \(chunk.size) blocks at \(chunk.address), no multiple of its size"
      }
      guard chunk.address == covered else {
        return "a chunk of \(chunk.size) blocks at \(chunk.address) should begin at \(covered)"
      }
      covered += chunk.size
    }
    guard covered == capacity else {
      return "free and held chunks end at \(covered), the pool at \(capacity)"
    }
    let free = freeChunks.reduce(0) { $0 + $1.size }
    guard free == freeCount else { return "\(freeCount) free blocks are counted, \(free) found" }
    for chunk in freeChunks where chunk.size < largest {
      let buddy = chunk.address ^ chunk.size
      guard !freeChunks.contains(where: { $0.address == buddy && $0.size == chunk.size }) else {
        return "chunks \(chunk.address) and \(buddy) of \(chunk.size) blocks are buddies and free"
      }
    }
    return nil
  }

  /// Each list holds what its count and the marks at the addresses say, forwards and backwards.
  private var listViolation: String? {
    var listed = [Int8](repeating: -1, count: capacity)
    for order in count.indices {
      var before: Int32 = -1
      var address = first[order]
      var length = 0
      while address >= 0 {
        guard Int(address) < capacity, listed[Int(address)] < 0 else {
          return "address \(address) is listed twice, or lies outside of \(capacity) blocks"
        }
        listed[Int(address)] = Int8(order)
        guard previous[Int(address)] == before else {
          return "chunk \(address) follows \(before), and points back to \(previous[Int(address)])"
        }
        before = address
        address = next[Int(address)]
        length += 1
      }
      guard last[order] == before, length == count[order] else {
        return "\(length) free chunks of \(1 << order) blocks up to \(before), the list says "
          + "\(count[order]) up to \(last[order])"
      }
    }
    for address in 0..<capacity where freeOrder[address] != listed[address] {
      return
        "address \(address) is marked \(freeOrder[address]) and listed under \(listed[address])"
    }
    return nil
  }
}
