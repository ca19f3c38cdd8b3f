/// kvcached's pages of physical memory, each cut into blocks of the engine, over lists of pages that are mapped ahead and
/// that are not mapped.
///
///     page p     |░|─ block ─|─ block ─|─ block ─|░░|      ░ a block that straddles two pages is never used
///     bytes      p × P                            (p+1) × P
///
/// A page here is a bundle: one page for K and V of every layer. Blocks come from pages that are used in part, from the one
/// with the fewest free blocks that are enough, else from the one with the most; then from a page that is mapped ahead;
/// then from the head of the free list. A page that empties is kept mapped while fewer than ``reservedMax`` are, else it
/// goes to the end of the free list; ``refill()`` is what a background thread does.
///
/// - Complexity: O(pages) for each page that blocks come from.
/// - Source: ovg-project/kvcached e8e6406, read and written anew; of two pages with as many free blocks the lower one is
///   ours, and limits are not here. Several models share a GPU's memory in `PrismGPU`.
package struct KVCachedPages: Sendable {
  package static let reservedMin = 5
  package static let reservedMax = 10

  /// Bytes of a page and of a block in one tensor.
  package let pageBytes: Int
  package let blockBytes: Int
  /// Free blocks of each page, `nil` for one that nobody uses.
  private(set) var freeBlocks: [Int?]
  /// Pages that are mapped ahead, and that are not mapped, the next first.
  package private(set) var reserved: [Int] = []
  package private(set) var free: [Int]
  package private(set) var heldBlocks = 0
  private var emptyBlocks: Int
  /// Of them, those of pages in use.
  private var partialBlocks = 0

  package init(pages: Int, pageBytes: Int, blockBytes: Int) {
    precondition(
      blockBytes > 0 && blockBytes <= pageBytes, "KVCachedPages: blocks of \(blockBytes)")
    self.pageBytes = pageBytes
    self.blockBytes = blockBytes
    freeBlocks = Array(repeating: nil, count: pages)
    free = Array(0..<pages)
    emptyBlocks = 0
    emptyBlocks = (0..<pages).reduce(0) { $0 + blocks(of: $1) }
  }

  /// Whole blocks of a page.
  package func blocks(of page: Int) -> Int {
    let first = (page * pageBytes + blockBytes - 1) / blockBytes
    return max(0, (page + 1) * pageBytes / blockBytes - first)
  }

  /// Blocks that can be taken.
  package var availableBlocks: Int { emptyBlocks }

  /// Takes `count` blocks, or none if fewer are there.
  ///
  /// - Returns: The page of each.
  package mutating func take(_ count: Int) -> [Int]? {
    guard count <= emptyBlocks else { return nil }
    var pages: [Int] = []
    while pages.count < count {
      let page = partial(for: count - pages.count) ?? open()
      let taken = min(freeBlocks[page] ?? 0, count - pages.count)
      freeBlocks[page]! -= taken
      partialBlocks -= taken
      pages += Array(repeating: page, count: taken)
    }
    emptyBlocks -= count
    heldBlocks += count
    return pages
  }

  /// The page in use that blocks come from, by best fit.
  private func partial(for count: Int) -> Int? {
    guard partialBlocks > 0 else { return nil }
    var best: Int?
    for page in freeBlocks.indices {
      guard let free = freeBlocks[page], free > 0 else { continue }
      guard let chosen = best, let old = freeBlocks[chosen] else {
        best = page
        continue
      }
      if old >= count ? (free >= count && free < old) : free > old { best = page }
    }
    return best
  }

  private mutating func open() -> Int {
    let page = reserved.isEmpty ? free.removeFirst() : reserved.removeFirst()
    freeBlocks[page] = blocks(of: page)
    partialBlocks += blocks(of: page)
    return page
  }

  /// Gives blocks back, by their pages.
  package mutating func give(_ pages: [Int]) {
    for page in pages {
      guard let free = freeBlocks[page], free < blocks(of: page) else {
        preconditionFailure("KVCachedPages: page \(page) has no block to give back")
      }
      freeBlocks[page] = free + 1
      partialBlocks += 1
      guard free + 1 == blocks(of: page) else { continue }
      freeBlocks[page] = nil
      partialBlocks -= free + 1
      if reserved.count < Self.reservedMax { reserved.append(page) } else { self.free.append(page) }
    }
    emptyBlocks += pages.count
    heldBlocks -= pages.count
  }

  /// Pages that are mapped, those ahead included.
  package var mappedPages: Int { freeBlocks.count - free.count }

  /// Pages that have to be mapped before `count` blocks can be taken; `nil` if fewer blocks are there.
  ///
  /// - Complexity: O(answer).
  package func pagesToMap(for count: Int) -> Int? {
    guard count <= emptyBlocks else { return nil }
    var missing = count - mappedFreeBlocks
    var pages = 0
    while missing > 0 {
      missing -= blocks(of: free[pages])
      pages += 1
    }
    return pages
  }

  /// Free blocks of pages that are mapped.
  private var mappedFreeBlocks: Int {
    reserved.reduce(partialBlocks) { $0 + blocks(of: $1) }
  }

  /// Blocks that can be taken if at most so many pages are mapped for them.
  ///
  /// - Complexity: O(pages) where the limit leaves some out.
  package func availableBlocks(mapping limit: Int) -> Int {
    guard limit < free.count else { return emptyBlocks }
    return free.prefix(limit).reduce(mappedFreeBlocks) { $0 + blocks(of: $1) }
  }

  /// Unmaps a page that is mapped ahead, the last one, for another model.
  ///
  /// - Returns: Whether there was one.
  package mutating func unmapReserved() -> Bool {
    guard let page = reserved.popLast() else { return false }
    free.append(page)
    return true
  }

  /// Maps pages ahead, from the head of the free list, until there are ``reservedMin``.
  ///
  /// - Parameter limit: Pages for which there is physical memory.
  package mutating func refill(limit: Int = .max) {
    let count = min(max(0, Self.reservedMin - reserved.count), free.count, limit)
    reserved += free.prefix(count)
    free.removeFirst(count)
  }
}

/// A manager over such pages.
package struct KVCachedManager: ManagedMemory {
  package let bytes: Int
  private let context: WholeContext
  private let blockTokens: Int
  private(set) var pages: KVCachedPages
  private let capacity: Int
  private var rows = SequenceRows<Row>()

  private struct Row: Sendable {
    /// The page of each block.
    var pages: [Int]
    var context: WholeContext.Row
  }

  /// - Parameters:
  ///   - pageBytes: Of a page of one tensor.
  ///   - tensors: K and V of every layer that has tokens.
  package init(
    bytes: Int, layers: [KeptLayers], blockTokens: Int, pageBytes: Int, tensors: Int
  ) {
    self.bytes = bytes
    self.blockTokens = blockTokens
    context = WholeContext(layers)
    pages = KVCachedPages(
      pages: bytes / (pageBytes * tensors), pageBytes: pageBytes,
      blockBytes: max(1, context.slotBytes * blockTokens / tensors))
    capacity = pages.availableBlocks
  }

  private func blocks(_ tokens: Int) -> Int {
    (context.slots(tokens) + blockTokens - 1) / blockTokens
  }

  package func canHold(_ lengths: SequenceLengths) -> Bool { blocks(lengths.final) <= capacity }

  package func canStart(_ lengths: SequenceLengths, keys: [[UInt64]]) -> Bool {
    blocks(lengths.prompt) <= pages.availableBlocks
  }

  package mutating func start(
    _ sequence: Int, _ lengths: SequenceLengths, keys: [[UInt64]]
  ) -> Int {
    rows.open(sequence, Row(pages: [], context: .init(lengths: lengths, held: 0)))
    return 0
  }

  package mutating func grow(_ sequence: Int, computed: Int, to tokens: Int) -> Bool {
    let place = rows.place(sequence)
    let missing = blocks(tokens) - rows.rows[place].pages.count
    if missing > 0 {
      guard let taken = pages.take(missing) else { return false }
      rows.rows[place].pages += taken
      rows.rows[place].context.held = rows.rows[place].pages.count * blockTokens
      pages.refill()
    }
    rows.rows[place].context.computed = computed
    rows.rows[place].context.tokens = tokens
    return true
  }

  package mutating func end(_ sequence: Int) { pages.give(rows.close(sequence).pages) }

  /// Blocks that straddle pages, and what makes no whole page, are external.
  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    var ledger = WasteLedger()
    for place in rows.rows.indices { context.add(rows.rows[place].context, to: &ledger) }
    ledger.externalFragmentation = bytes - capacity * blockTokens * context.slotBytes
    ledger.free = bytes - ledger.total
    return ledger
  }

  package var brokenInvariant: String? {
    let ledger = ledger(headIsBlocked: false)
    guard ledger.total == bytes else { return "\(ledger) sums to \(ledger.total) of \(bytes)" }
    let free = pages.availableBlocks * blockTokens * context.slotBytes
    return ledger.free == free ? nil : "\(ledger.free) bytes are free, blocks of \(free)"
  }
}
