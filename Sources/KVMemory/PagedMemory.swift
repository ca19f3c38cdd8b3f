/// KV memory in fixed blocks, shared between sequences and copied when one of them writes (PagedAttention).
///
/// Device blocks hold running sequences, host blocks those swapped out. A sequence's block table names
/// blocks of one of the two memories at a time; callers know which.
///
/// - Source: Kwon et al., SOSP 2023, §4; the order of every take and give is the artifact's.
public struct PagedMemory: Sendable {
  /// Token slots in a block.
  public let blockSize: Int
  /// Blocks kept free when a sequence is admitted or swapped in; running ones may take them.
  public let watermarkBlocks: Int
  public internal(set) var device: BlockPool
  public private(set) var host: BlockPool
  public internal(set) var tables: BlockTables
  /// Slots of each device block that no token will ever fill.
  var unusableSlots: [Int32]
  var tokenSlots = 0
  var unusableSlotCount = 0
  /// Table entries of sequences that are swapped out.
  @usableFromInline private(set) var swappedEntryCount = 0
  /// Scratch of the swaps: the block on the other side, or -1.
  private var counterpart: [BlockID]

  /// Makes an empty memory.
  ///
  /// - Parameters:
  ///   - hostBlocks: Blocks of swap space, 0 for none.
  public init(blockSize: Int, deviceBlocks: Int, hostBlocks: Int, watermarkBlocks: Int) {
    precondition(blockSize > 0, "PagedMemory: block size \(blockSize)")
    self.blockSize = blockSize
    self.watermarkBlocks = watermarkBlocks
    device = BlockPool(capacity: deviceBlocks)
    host = BlockPool(capacity: hostBlocks)
    tables = BlockTables()
    unusableSlots = Array(repeating: 0, count: deviceBlocks)
    counterpart = Array(repeating: -1, count: max(deviceBlocks, hostBlocks))
  }

  /// Blocks that `tokens` tokens fill, the last perhaps in part.
  public func blockCount(forTokens tokens: Int) -> Int { (tokens + blockSize - 1) / blockSize }

  /// Tokens of a sequence that have a slot.
  @inline(__always)
  public func residentTokens(of sequence: Int) -> Int {
    Int(tables[sequence].count) * blockSize - Int(tables[sequence].emptySlots)
  }

  // MARK: Taking and giving blocks

  /// Gives an empty sequence blocks for `tokens` tokens, all of which are computed in this iteration.
  ///
  ///     tokens   0        16        32   tokens = 40, blockSize = 16
  ///     blocks   |── b0 ──|── b1 ──|── b2 ─░░|
  ///
  /// - Parameter finalTokens: Tokens of the sequence when it will be complete.
  /// - Precondition: The blocks are free.
  public mutating func allocate(_ sequence: Int, tokens: Int, finalTokens: Int) {
    let count = blockCount(forTokens: tokens)
    let (last, table) = tables.open(
      sequence, count: count, room: blockCount(forTokens: finalTokens),
      emptySlots: count * blockSize - tokens, finalTokens: finalTokens, takenFrom: &device)
    // Earlier blocks end before the final length, as the prompt does.
    markIfUnusable(last, of: table)
    tokenSlots += tokens
  }

  /// Makes room for one more token of a sequence, in a block that no other sequence sees.
  ///
  /// A full last block is followed by a new one; a shared last block is copied first, so of k sharers the
  /// first k − 1 copy and the last writes in place.
  ///
  /// - Returns: The copy that the device has to make, if any.
  /// - Precondition: A block is free if one is needed.
  public mutating func append(_ sequence: Int) -> BlockCopy? {
    tokenSlots += 1
    guard tables[sequence].emptySlots > 0 else {
      appendBlock(to: sequence)
      tables.setEmptySlots(blockSize - 1, of: sequence)
      return nil
    }
    let copy = device.sharedCount > 0 ? copyLastBlockIfShared(of: sequence) : nil
    tables.useSlot(of: sequence)
    return copy
  }

  /// Device blocks that appending one token to each of these sequences takes.
  public func blocksToAppend(_ sequences: some Collection<Int>) -> Int {
    blocksToAppend(sequences, in: device)
  }

  /// The same for sequences that are swapped out, as it will be when they are back.
  public func hostBlocksToAppend(_ sequences: some Collection<Int>) -> Int {
    blocksToAppend(sequences, in: host)
  }

  private func blocksToAppend(_ sequences: some Collection<Int>, in pool: BlockPool) -> Int {
    var blocks = 0
    var sharers: [BlockID] = []
    for sequence in sequences {
      guard tables[sequence].emptySlots > 0 else {
        blocks += 1
        continue
      }
      // Each sharer but the last copies the block, and the last of all references writes in place.
      let last = tables.lastBlock(of: sequence)
      let earlier = sharers.count { $0 == last }
      if earlier < pool.referenceCount(of: last) - 1 { blocks += 1 }
      sharers.append(last)
    }
    return blocks
  }

  /// Lets `child`, which must hold nothing, share every block of `parent`.
  public mutating func fork(_ parent: Int, to child: Int) {
    for block in tables.blocks(of: parent) { device.share(block) }
    tables.copy(parent, to: child)
  }

  /// Adds references to every block of `sequence` that no table stands for and nobody will ever drop.
  ///
  /// A recorded engine's bug, kept for the replay of its records: the blocks are copied on the next
  /// write and never become free, which breaks the laws of `brokenInvariant(swapped:)` on purpose.
  public mutating func addLostReferences(_ count: Int, to sequence: Int) {
    for block in tables.blocks(of: sequence) {
      for _ in 0..<count { device.share(block) }
    }
  }

  /// Gives up everything a resident sequence holds, first block first.
  public mutating func free(_ sequence: Int) {
    let tokens = residentTokens(of: sequence)
    if device.sharedCount == 0 {
      if tokens > 0 { forget(tables.lastBlock(of: sequence), tokens: tokens) }
      tables.clear(sequence) { device.give(unshared: $0) }
      return
    }
    for (index, block) in tables.blocks(of: sequence).enumerated() where device.give(block) {
      forget(block, tokens: min(blockSize, tokens - index * blockSize))
    }
    tables.clear(sequence)
  }

  mutating func appendBlock(to sequence: Int) {
    let block = device.take()
    markIfUnusable(block, of: tables.append(block, to: sequence))
  }

  /// Copy-on-write; the copied tokens take slots of their own.
  private mutating func copyLastBlockIfShared(of sequence: Int) -> BlockCopy? {
    let source = tables.lastBlock(of: sequence)
    guard device.referenceCount(of: source) > 1 else { return nil }
    let destination = device.take()
    let last = Int(tables[sequence].count) - 1
    markIfUnusable(destination, of: tables[sequence])
    tokenSlots += blockSize - Int(tables[sequence].emptySlots)
    tables.replaceBlock(at: last, of: sequence, with: destination)
    device.give(source)
    return BlockCopy(source: source, destination: destination)
  }

  /// Notes which slots of a sequence's last block, just taken, lie behind its final token.
  private mutating func markIfUnusable(_ block: BlockID, of table: BlockTable) {
    let unusable = Int(table.count) * blockSize - Int(table.finalTokens)
    if unusable > 0 { markUnusable(block, min(blockSize, unusable)) }
  }

  /// Slots of a block just taken that no token will ever fill; those of a free block are 0.
  private mutating func markUnusable(_ block: BlockID, _ slots: Int) {
    unusableSlots[Int(block)] = Int32(slots)
    unusableSlotCount += slots
  }

  /// Takes a block that became free out of the ledger.
  private mutating func forget(_ block: BlockID, tokens: Int) {
    tokenSlots -= tokens
    unusableSlotCount -= Int(unusableSlots[Int(block)])
    unusableSlots[Int(block)] = 0
  }

  // MARK: Swapping

  /// Distinct blocks that the sequences hold together.
  public mutating func distinctBlockCount(of sequences: some Collection<Int>) -> Int {
    if let only = sequences.first, sequences.count == 1 { return Int(tables[only].count) }
    var distinct = 0
    for sequence in sequences {
      for block in tables.blocks(of: sequence) where counterpart[Int(block)] < 0 {
        counterpart[Int(block)] = 0
        distinct += 1
      }
    }
    for sequence in sequences {
      for block in tables.blocks(of: sequence) { counterpart[Int(block)] = -1 }
    }
    return distinct
  }

  /// Moves the sequences of one request to the host, together; what they share stays shared.
  ///
  /// Sequences in order, blocks first to last; the first sight of a device block takes a host block, later
  /// sights add a reference, and each sight gives one reference of the device block back.
  ///
  /// - Returns: The blocks to move, in order.
  /// - Precondition: The host has room for the distinct blocks.
  public mutating func swapOut(_ sequences: some Collection<Int>) -> [BlockCopy] {
    var moves: [BlockCopy] = []
    for sequence in sequences {
      let tokens = residentTokens(of: sequence)
      for index in 0..<Int(tables[sequence].count) {
        let block = tables.block(index, of: sequence)
        let target = counterpart[Int(block)]
        let other = target < 0 ? host.take() : target
        if target < 0 {
          moves.append(BlockCopy(source: block, destination: other))
        } else {
          host.share(other)
        }
        counterpart[Int(block)] = other
        if device.give(block) { forget(block, tokens: min(blockSize, tokens - index * blockSize)) }
        tables.replaceBlock(at: index, of: sequence, with: other)
      }
      swappedEntryCount += Int(tables[sequence].count)
    }
    for move in moves { counterpart[Int(move.source)] = -1 }
    return moves
  }

  /// Brings the sequences of one request back to the device; the mirror image of ``swapOut(_:)``.
  ///
  /// - Precondition: The device has room for the distinct blocks.
  public mutating func swapIn(_ sequences: some Collection<Int>) -> [BlockCopy] {
    var moves: [BlockCopy] = []
    for sequence in sequences {
      let tokens = residentTokens(of: sequence)
      for index in 0..<Int(tables[sequence].count) {
        let block = tables.block(index, of: sequence)
        var other = counterpart[Int(block)]
        if other < 0 {
          other = device.take()
          let end = (index + 1) * blockSize
          let unusable = min(blockSize, max(0, end - Int(tables[sequence].finalTokens)))
          unusableSlots[Int(other)] = Int32(unusable)
          unusableSlotCount += unusable
          tokenSlots += min(blockSize, tokens - index * blockSize)
          moves.append(BlockCopy(source: block, destination: other))
        } else {
          device.share(other)
        }
        counterpart[Int(block)] = other
        host.give(block)
        tables.replaceBlock(at: index, of: sequence, with: other)
      }
      swappedEntryCount -= Int(tables[sequence].count)
    }
    for move in moves { counterpart[Int(move.source)] = -1 }
    return moves
  }

  // MARK: The ledger

  /// Where the device's slots are. Free blocks serve any request, so nothing is ever lost outside.
  ///
  /// - Complexity: O(1).
  public var ledger: WasteLedger {
    var ledger = WasteLedger()
    ledger.tokenState = tokenSlots
    ledger.internalFragmentation = unusableSlotCount
    ledger.reserved = device.heldCount * blockSize - tokenSlots - unusableSlotCount
    ledger.free = device.freeCount * blockSize
    return ledger
  }

  /// Device blocks as the resident sequences count them, shared ones once for each.
  @inlinable public var logicalBlockCount: Int { tables.entryCount - swappedEntryCount }
}

/// A block whose content is copied (on the device) or moved (between device and host).
public struct BlockCopy: Equatable, Sendable {
  public var source: BlockID
  public var destination: BlockID

  public init(source: BlockID, destination: BlockID) {
    self.source = source
    self.destination = destination
  }
}
