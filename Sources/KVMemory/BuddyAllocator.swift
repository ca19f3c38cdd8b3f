/// A buddy allocator over a pool of blocks: chunks are powers of two, split in halves and merged again.
///
/// The pool is carved from address 0 into as many largest chunks as fit, then half that size, and so on:
///
///     983 blocks, largest 128:   | 128 × 7 | 64 | 16 | 4 | 2 | 1 |
///
/// Every size has a list of free chunks; a chunk is taken from the end of the list and put back at its end.
/// A chunk whose buddy (address XOR size) is free merges with it, up to the largest size.
///
/// - Complexity: O(log largest) for ``allocate(_:)`` and ``free(_:size:)``.
/// - Source: the Orca baselines of the SOSP'23 artifact, whose list order this keeps; Knuth, TAOCP 1, §2.5.
public struct BuddyAllocator: Sendable {
  public let capacity: Int
  /// Size of the largest chunk, a power of two.
  public let largest: Int
  public private(set) var freeCount: Int
  /// By the logarithm of the size: ends of the doubly linked list of free chunks, and its length.
  private(set) var first: [Int32]
  private(set) var last: [Int32]
  private(set) var count: [Int]
  /// By address: neighbours in the list, and the logarithm of the free chunk that starts there, or -1.
  private(set) var next: [Int32]
  private(set) var previous: [Int32]
  private(set) var freeOrder: [Int8]

  /// Carves `capacity` blocks into chunks of at most `largest`, a power of two.
  public init(capacity: Int, largest: Int) {
    precondition(largest > 0 && largest & (largest - 1) == 0, "BuddyAllocator: largest \(largest)")
    self.capacity = capacity
    self.largest = largest
    let orders = largest.trailingZeroBitCount + 1
    first = Array(repeating: -1, count: orders)
    last = Array(repeating: -1, count: orders)
    count = Array(repeating: 0, count: orders)
    next = Array(repeating: -1, count: capacity)
    previous = Array(repeating: -1, count: capacity)
    freeOrder = Array(repeating: -1, count: capacity)
    freeCount = capacity
    var address = 0
    for order in (0..<orders).reversed() {
      while capacity - address >= 1 << order {
        pushLast(address, order)
        address += 1 << order
      }
    }
  }

  /// The size of the chunk that holds `blocks` blocks: the next power of two.
  public static func chunkSize(forBlocks blocks: Int) -> Int {
    blocks <= 1 ? 1 : 1 << (Int.bitWidth - (blocks - 1).leadingZeroBitCount)
  }

  /// Whether `chunks` chunks of `size` can be taken one after the other.
  ///
  /// Taking never merges, so the numbers of free chunks decide; addresses do not matter.
  public func canAllocate(_ chunks: Int, size: Int) -> Bool {
    guard size <= largest else { return false }
    let order = size.trailingZeroBitCount
    if chunks == 1 { return (order..<self.count.count).contains { self.count[$0] > 0 } }
    var count = self.count
    for _ in 0..<chunks {
      guard let found = (order..<count.count).first(where: { count[$0] > 0 }) else { return false }
      count[found] -= 1
      for lower in order..<found { count[lower] += 1 }
    }
    return true
  }

  /// Takes a chunk of `size` blocks, a power of two, and returns its address; `nil` if there is none.
  public mutating func allocate(_ size: Int) -> Int? {
    guard size <= largest else { return nil }
    let order = size.trailingZeroBitCount
    guard let found = (order..<count.count).first(where: { count[$0] > 0 }) else { return nil }
    let address = Int(last[found])
    remove(address, found)
    for lower in (order..<found).reversed() { pushLast(address + (1 << lower), lower) }
    freeCount -= size
    return address
  }

  /// Gives a chunk back and merges it with its buddies as far as they are free.
  public mutating func free(_ address: Int, size: Int) {
    precondition(freeOrder[address] < 0, "BuddyAllocator: chunk \(address) is free already")
    var address = address
    var order = size.trailingZeroBitCount
    freeCount += size
    while 1 << order < largest {
      let buddy = address ^ (1 << order)
      guard buddy < capacity, freeOrder[buddy] == Int8(order) else { break }
      remove(buddy, order)
      address = min(address, buddy)
      order += 1
    }
    pushLast(address, order)
  }

  /// Free chunks as (address, size), by size and in list order; for tests and traps.
  public var freeChunks: [(address: Int, size: Int)] {
    var chunks: [(Int, Int)] = []
    for order in count.indices {
      var address = first[order]
      while address >= 0 {
        chunks.append((Int(address), 1 << order))
        address = next[Int(address)]
      }
    }
    return chunks
  }

  private mutating func pushLast(_ address: Int, _ order: Int) {
    freeOrder[address] = Int8(order)
    previous[address] = last[order]
    next[address] = -1
    if last[order] >= 0 {
      next[Int(last[order])] = Int32(address)
    } else {
      first[order] = Int32(address)
    }
    last[order] = Int32(address)
    count[order] += 1
  }

  private mutating func remove(_ address: Int, _ order: Int) {
    let before = previous[address]
    let after = next[address]
    if before >= 0 { next[Int(before)] = after } else { first[order] = after }
    if after >= 0 { previous[Int(after)] = before } else { last[order] = before }
    freeOrder[address] = -1
    count[order] -= 1
  }
}
