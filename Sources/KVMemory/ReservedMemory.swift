/// KV memory in contiguous chunks, each reserved for a whole sequence before it starts (Orca).
///
/// No sequence shares anything, none outgrows its chunk, so none is ever preempted.
///
///     chunk   |token state| reserved |internal fragmentation| rounding |
///             0         tokens     final                reservation   size
///
/// - Source: the Orca baselines of the SOSP'23 artifact.
public struct ReservedMemory: Sendable {
  /// Token slots in a block; chunks are whole blocks.
  public let blockSize: Int
  public private(set) var buddies: BuddyAllocator
  private(set) var chunks = ResidentRows(blank: Chunk())
  private var tokenSlots = 0
  private var reservedSlots = 0
  private var internalSlots = 0
  private var heldBlocks = 0

  /// What one sequence holds.
  public struct Chunk: Sendable {
    /// Address in blocks.
    public var address: Int32 = 0
    /// Blocks, a power of two; 0 when the sequence holds nothing.
    public var size: Int32 = 0
    /// Slots that hold a token.
    public var tokens: Int32 = 0
    /// Tokens of the sequence when it is complete.
    public var finalTokens: Int32 = 0
    /// Tokens that were reserved for it.
    public var reservation: Int32 = 0
  }

  /// - Parameter largestReservation: Tokens of the longest sequence there can be; sets the largest chunk.
  public init(blockSize: Int, blocks: Int, largestReservation: Int) {
    precondition(blockSize > 0, "ReservedMemory: block size \(blockSize)")
    self.blockSize = blockSize
    let largest = (largestReservation + blockSize - 1) / blockSize
    buddies = BuddyAllocator(
      capacity: blocks, largest: BuddyAllocator.chunkSize(forBlocks: largest))
  }

  /// Blocks of the chunk that a reservation of `tokens` tokens takes.
  public func chunkSize(forTokens tokens: Int) -> Int {
    BuddyAllocator.chunkSize(forBlocks: (tokens + blockSize - 1) / blockSize)
  }

  /// Whether `sequences` chunks for `tokens` tokens each are free.
  public func canReserve(_ sequences: Int, tokens: Int) -> Bool {
    buddies.canAllocate(sequences, size: chunkSize(forTokens: tokens))
  }

  @inline(__always)
  public subscript(sequence: Int) -> Chunk { chunks[sequence] }

  /// Takes a chunk for a sequence whose `tokens` first tokens are computed in this iteration.
  ///
  /// - Precondition: ``canReserve(_:tokens:)`` was true.
  public mutating func reserve(_ sequence: Int, reservation: Int, tokens: Int, finalTokens: Int) {
    let size = chunkSize(forTokens: reservation)
    guard let address = buddies.allocate(size) else {
      preconditionFailure("ReservedMemory: no chunk of \(size) blocks for sequence \(sequence)")
    }
    chunks[sequence] = Chunk(
      address: Int32(address), size: Int32(size), tokens: Int32(tokens),
      finalTokens: Int32(finalTokens), reservation: Int32(reservation))
    tokenSlots += tokens
    reservedSlots += finalTokens - tokens
    internalSlots += reservation - finalTokens
    heldBlocks += size
  }

  /// Uses the next slot of a sequence's chunk.
  public mutating func append(_ sequence: Int) {
    chunks[sequence].tokens += 1
    tokenSlots += 1
    reservedSlots -= 1
  }

  /// Uses the next slot of the chunks of `sequences` sequences, which are not named until
  /// ``settle(_:tokens:)``.
  public mutating func cruise(sequences: Int) {
    tokenSlots += sequences
    reservedSlots -= sequences
  }

  /// Sets how many tokens a sequence holds that has cruised until now.
  public mutating func settle(_ sequence: Int, tokens: Int) {
    chunks[sequence].tokens = Int32(tokens)
  }

  public mutating func free(_ sequence: Int) {
    let chunk = chunks[sequence]
    buddies.free(Int(chunk.address), size: Int(chunk.size))
    tokenSlots -= Int(chunk.tokens)
    reservedSlots -= Int(chunk.finalTokens - chunk.tokens)
    internalSlots -= Int(chunk.reservation - chunk.finalTokens)
    heldBlocks -= Int(chunk.size)
    chunks.close(sequence)
  }

  /// Where the slots are; free ones count as external fragmentation while `headIsBlocked`, that is while
  /// the request at the head of the queue finds no chunk among them.
  ///
  /// - Complexity: O(1).
  public func ledger(headIsBlocked: Bool) -> WasteLedger {
    var ledger = WasteLedger()
    ledger.tokenState = tokenSlots
    ledger.reserved = reservedSlots
    ledger.internalFragmentation = internalSlots
    ledger.externalFragmentation =
      heldBlocks * blockSize - tokenSlots - reservedSlots - internalSlots
    let free = buddies.freeCount * blockSize
    if headIsBlocked { ledger.externalFragmentation += free } else { ledger.free = free }
    return ledger
  }

  /// Blocks that are part of a chunk.
  public var heldBlockCount: Int { heldBlocks }
}
