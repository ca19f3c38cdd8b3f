import HeapModule

/// The free blocks of a pool whose ``EvictionPolicy`` says what they are worth, in the order in which they will be taken.
///
///     blank    | 9 | 4 | ▶ taken first, the last one foremost       blocks that hold no key
///     heap     (worth 0) 7, 3   (worth 2) 8                          then the least worth
///
/// - Complexity: O(log blocks) a block.
struct WorthQueue: Sendable {
  private struct Entry: Comparable, Sendable {
    var worth: Int64
    /// Of all entries so far.
    var number: Int64
    var block: BlockID

    static func < (a: Entry, b: Entry) -> Bool {
      (a.worth, a.number) < (b.worth, b.number)
    }
  }

  private let worth: @Sendable (GivenUpBlock) -> Int64
  private var blank: [BlockID]
  private var heap = Heap<Entry>()
  /// By block, the number of the entry that stands for it; 0 while there is none. Others in the heap are of blocks that
  /// were fetched back.
  private var entries: [Int64]
  /// By block, how often it was hit since it got its content.
  private var hits: [Int32]
  private var lastNumber: Int64 = 0

  init(capacity: Int, worth: @escaping @Sendable (GivenUpBlock) -> Int64) {
    self.worth = worth
    blank = (1..<BlockID(capacity)).reversed()
    entries = Array(repeating: 0, count: capacity)
    hits = Array(repeating: 0, count: capacity)
  }

  /// Takes as many blocks as `taken` has places.
  ///
  /// - Precondition: As many are free.
  mutating func removeFirst(into taken: UnsafeMutableBufferPointer<BlockID>) {
    for index in taken.indices {
      let block = blank.popLast() ?? removeLeast()
      hits[Int(block)] = 0
      taken[index] = block
    }
  }

  private mutating func removeLeast() -> BlockID {
    while let entry = heap.popMin() {
      guard entries[Int(entry.block)] == entry.number else { continue }
      entries[Int(entry.block)] = 0
      return entry.block
    }
    preconditionFailure("WorthQueue: no block is free")
  }

  /// A cached block was hit.
  mutating func noteHit(_ block: BlockID) { hits[Int(block)] += 1 }

  /// Fetches a cached block back.
  mutating func remove(_ block: BlockID) {
    precondition(entries[Int(block)] != 0, "WorthQueue.remove: block \(block) is not free")
    entries[Int(block)] = 0
  }

  /// Takes in blocks that hold no key, the last one foremost.
  mutating func add(unhashed blocks: UnsafeBufferPointer<BlockID>) { blank += blocks }

  /// Takes in those cached blocks of a sequence that are free, the last one first.
  ///
  /// - Returns: How many are.
  mutating func add(
    cached blocks: UnsafeBufferPointer<BlockID>, isFree: (BlockID) -> Bool
  ) -> Int {
    var count = 0
    for place in blocks.indices.reversed() where isFree(blocks[place]) {
      let block = blocks[place]
      let given = GivenUpBlock(
        place: place, hits: Int(hits[Int(block)]), time: lastNumber)
      lastNumber += 1
      entries[Int(block)] = lastNumber
      heap.insert(Entry(worth: worth(given), number: lastNumber, block: block))
      count += 1
    }
    return count
  }

  /// Whether a cached block is free.
  func holds(_ block: BlockID) -> Bool { entries[Int(block)] != 0 }

  /// All blocks of the queue in their order.
  ///
  /// - Complexity: O(entries log entries).
  var blocks: [BlockID] {
    let cached = heap.unordered.filter { entries[Int($0.block)] == $0.number }.sorted()
    return blank.reversed() + cached.map(\.block)
  }
}
