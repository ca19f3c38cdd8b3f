/// Where the tokens of one sequence are: its blocks in order, and the room left in the last.
///
///     blocks   |── b0 ──|── b1 ──|── b2 ─░░░|      count = 3, emptySlots = 3
public struct BlockTable: Sendable {
  /// Where the blocks start in the arena of ``BlockTables``.
  fileprivate(set) var start: Int
  /// Blocks in the table.
  public fileprivate(set) var count: Int32
  /// Token slots of the last block that hold no token yet.
  public var emptySlots: Int32
  fileprivate(set) var capacity: Int32
  /// Tokens that the sequence will hold in the end.
  public var finalTokens: Int32

  static let none = BlockTable(start: 0, count: 0, emptySlots: 0, capacity: 0, finalTokens: 0)
}

/// The block tables of all sequences, as ranges of one arena.
///
/// A table that outgrows its range moves to one of twice the size; ranges that are left are used again.
/// So there is no allocation on the steady path, and tables take memory only for resident sequences.
///
/// - Complexity: O(1) amortised for ``append(_:to:)``, O(1) for look-ups, O(blocks) for copies.
public struct BlockTables: Sendable {
  private(set) var tables = ResidentRows(blank: BlockTable.none)
  private(set) var arena: [BlockID] = []
  private(set) var ranges = ArenaRanges()
  /// Entries of all tables: blocks as the sequences count them, shared ones once for each holder.
  @usableFromInline private(set) var entryCount = 0

  /// Makes empty tables for any number of sequences.
  public init() {}

  /// The sequences that have a table, by number.
  package var sequences: [Int] { tables.numbers }

  @inline(__always)
  public subscript(sequence: Int) -> BlockTable { tables[sequence] }

  /// The blocks of a sequence, first to last.
  public func blocks(of sequence: Int) -> ArraySlice<BlockID> {
    let table = tables[sequence]
    return arena[table.start..<table.start + Int(table.count)]
  }

  public func block(_ index: Int, of sequence: Int) -> BlockID {
    arena[tables[sequence].start + index]
  }

  /// The last block of a table that has one.
  @inline(__always)
  public func lastBlock(of sequence: Int) -> BlockID { lastBlockAndCount(of: sequence).0 }

  /// The last block of a table that has one, and how many it has.
  @inline(__always)
  func lastBlockAndCount(of sequence: Int) -> (BlockID, Int32) {
    let table = tables[sequence]
    precondition(table.count > 0, "BlockTables: sequence \(sequence) holds no block")
    return (arena[table.start + Int(table.count) - 1], table.count)
  }

  public mutating func setEmptySlots(_ slots: Int, of sequence: Int) {
    tables[sequence].emptySlots = Int32(slots)
  }

  /// Uses one slot of the last block, which has one left.
  public mutating func useSlot(of sequence: Int) {
    precondition(
      tables[sequence].emptySlots > 0, "BlockTables.useSlot: sequence \(sequence) is full")
    tables[sequence].emptySlots -= 1
  }

  /// - Returns: The table with the block.
  @discardableResult
  public mutating func append(_ block: BlockID, to sequence: Int) -> BlockTable {
    var table = tables[sequence]
    if table.count == table.capacity {
      grow(sequence)
      table = tables[sequence]
    }
    arena[table.start + Int(table.count)] = block
    table.count += 1
    tables[sequence] = table
    entryCount += 1
    return table
  }

  /// Tables that are changed block by block, whose storage was made its own once.
  struct Appender {
    fileprivate let arena: UnsafeMutableBufferPointer<BlockID>
    fileprivate let tables: ResidentRows<BlockTable>.Rows
    fileprivate(set) var appended = 0

    /// The table of a sequence that has one.
    @inline(__always)
    func table(of sequence: Int) -> BlockTable { tables.update(sequence) { $0 } }

    @inline(__always)
    func block(_ index: Int, of table: BlockTable) -> BlockID { arena[table.start &+ index] }

    @inline(__always)
    func replaceBlock(at index: Int, of table: BlockTable, with block: BlockID) {
      arena[table.start &+ index] = block
    }

    /// Appends to a table that has room (``BlockTables/reserve(_:for:)``).
    ///
    /// - Returns: The table with the block.
    @inline(__always)
    mutating func append(_ block: BlockID, to sequence: Int) -> BlockTable {
      tables.update(sequence) { table in
        precondition(table.count < table.capacity, "BlockTables: table \(sequence) is full")
        arena[table.start &+ Int(table.count)] = block
        table.count &+= 1
        appended &+= 1
        return table
      }
    }
  }

  /// Appends and replaces blocks one by one, with one look at who owns the storage.
  @inline(__always)
  mutating func appendSome(_ body: (inout Appender) -> Void) {
    arena.withUnsafeMutableBufferPointer { arena in
      tables.withRows { tables in
        var appender = Appender(arena: arena, tables: tables)
        body(&appender)
        entryCount += appender.appended
      }
    }
  }

  /// Appends `count` blocks, which `name` writes down.
  @inline(__always)
  mutating func append(
    _ count: Int, to sequence: Int, _ name: (UnsafeMutableBufferPointer<BlockID>) -> Void
  ) {
    var table = tables[sequence]
    while Int(table.capacity) < Int(table.count) + count {
      grow(sequence)
      table = tables[sequence]
    }
    let start = table.start + Int(table.count)
    arena.withUnsafeMutableBufferPointer {
      name(UnsafeMutableBufferPointer(rebasing: $0[start..<start + count]))
    }
    table.count += Int32(count)
    tables[sequence] = table
    entryCount += count
  }

  /// Gives an empty table `count` blocks taken from `pool`, and room for `room` of them in the end.
  ///
  /// - Returns: The last block, and the table.
  mutating func open(
    _ sequence: Int, count: Int, room: Int, emptySlots: Int, finalTokens: Int,
    takenFrom pool: inout BlockPool
  ) -> (last: BlockID, table: BlockTable) {
    precondition(tables[sequence].capacity == 0, "BlockTables.open: sequence \(sequence)")
    let capacity = ArenaRanges.capacity(for: max(count, room))
    let start = takeRange(capacity)
    let table = BlockTable(
      start: start, count: Int32(count), emptySlots: Int32(emptySlots), capacity: capacity,
      finalTokens: Int32(finalTokens))
    let last = arena.withUnsafeMutableBufferPointer { arena in
      pool.take(into: UnsafeMutableBufferPointer(rebasing: arena[start..<start + count]))
      return arena[start + count - 1]
    }
    tables[sequence] = table
    entryCount += count
    return (last, table)
  }

  /// Empties a table whose blocks `give` gives back.
  @inline(__always)
  mutating func clear<Result>(
    _ sequence: Int, _ give: (UnsafeBufferPointer<BlockID>) -> Result
  ) -> Result {
    let result = look(sequence, give)
    close(sequence, tables[sequence])
    return result
  }

  /// Looks at the blocks of a sequence: `mutating`, as an array that is only read is retained while it is looked at.
  @inline(__always)
  mutating func look<Result>(
    _ sequence: Int, _ body: (UnsafeBufferPointer<BlockID>) -> Result
  ) -> Result {
    let table = tables[sequence]
    return arena.withUnsafeMutableBufferPointer { arena in
      let blocks = arena[table.start..<table.start + Int(table.count)]
      return body(UnsafeBufferPointer(rebasing: blocks))
    }
  }

  public mutating func replaceBlock(at index: Int, of sequence: Int, with block: BlockID) {
    arena[tables[sequence].start + index] = block
  }

  /// Makes the table of `child`, which must be empty, a copy of that of `parent`.
  public mutating func copy(_ parent: Int, to child: Int) {
    precondition(tables[child].count == 0, "BlockTables.copy: sequence \(child) holds blocks")
    for index in 0..<Int(tables[parent].count) {
      append(arena[tables[parent].start + index], to: child)
    }
    tables[child].emptySlots = tables[parent].emptySlots
    tables[child].finalTokens = tables[parent].finalTokens
  }

  /// Empties a table and gives its range back.
  public mutating func clear(_ sequence: Int) { close(sequence, tables[sequence]) }

  @inline(__always)
  private mutating func close(_ sequence: Int, _ table: BlockTable) {
    entryCount -= Int(table.count)
    if table.capacity > 0 { ranges.give(table.start, capacity: table.capacity) }
    tables.close(sequence)
  }

  /// Gives an empty table room for `count` blocks at once, so that it need not move while it grows.
  public mutating func reserve(_ count: Int, for sequence: Int, finalTokens: Int) {
    precondition(tables[sequence].capacity == 0, "BlockTables.reserve: sequence \(sequence)")
    let capacity = ArenaRanges.capacity(for: count)
    tables[sequence] = BlockTable(
      start: takeRange(capacity), count: 0, emptySlots: 0, capacity: capacity,
      finalTokens: Int32(finalTokens))
  }

  private mutating func grow(_ sequence: Int) {
    let old = tables[sequence]
    let capacity = ArenaRanges.capacity(for: Int(old.capacity) * 2)
    let start = takeRange(capacity)
    for index in 0..<Int(old.count) { arena[start + index] = arena[old.start + index] }
    if old.capacity > 0 { ranges.give(old.start, capacity: old.capacity) }
    tables[sequence].start = start
    tables[sequence].capacity = capacity
  }

  private mutating func takeRange(_ capacity: Int32) -> Int {
    let start = ranges.take(capacity)
    if ranges.end > arena.count {
      arena.append(contentsOf: repeatElement(-1, count: ranges.end - arena.count))
    }
    return start
  }
}
