/// Giving up all blocks of a sequence; what is cached stays until its block is taken.
extension HybridMemory {
  /// Gives up the blocks group after group.
  public mutating func free(_ sequence: Int) {
    for group in layouts.indices {
      let row = row(sequence, group)
      guard tables[row].count > 0 else { continue }
      let nulls = parts.with(row) { $0.nulls }
      let held = tables.look(row) { blocks in
        if nulls.lowerBound == 0, !layouts[group].isChain {
          let held = UnsafeBufferPointer(rebasing: blocks[Int(nulls.upperBound)...])
          pool.release(mixed: held)
          return held.count
        }
        return blocks.filter { $0 != 0 }.withUnsafeBufferPointer { held in
          pool.release(mixed: held)
          return held.count
        }
      }
      empty(row, group, held: held)
    }
    if wholes.with(sequence, { $0.tokens }) > 0 { wholes[sequence].tokens = 0 }
  }

  /// Gives up the blocks of all groups together, as one table.
  public mutating func freeAtOnce(_ sequence: Int) {
    let held = layouts.indices.map { blocks(of: sequence, group: $0).filter { $0 != 0 } }
    held.flatMap(\.self).withUnsafeBufferPointer { _ = pool.release(mixed: $0) }
    for group in layouts.indices where tables[row(sequence, group)].count > 0 {
      empty(row(sequence, group), group, held: held[group].count)
    }
    if wholes.with(sequence, { $0.tokens }) > 0 { wholes[sequence].tokens = 0 }
  }

  /// Empties a table whose blocks were given back.
  private mutating func empty(_ row: Int, _ group: Int, held: Int) {
    let table = tables[row]
    emptySlots -= slots(of: Int(table.emptySlots), group)
    unusableSlots -= unusableSlots(of: table, group)
    nullEntries -= Int(table.count) - held
    tables.clear(row)
    parts[row].seen = 0
    parts[row].nulls = 0..<0
    parts[row].state = State()
  }
}
