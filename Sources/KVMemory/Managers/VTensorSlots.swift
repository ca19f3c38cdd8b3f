/// vTensor's pool of physical chunks, all made at the start, and the slots that they are mapped to.
///
///     slot   |── c0 ──|── c1 ──|── c2 ─░░|·····      a prompt asks for ``lookAheadTokens`` more than it has;
///            0                 tokens    mapped      a decode that runs short for one chunk
///
/// A slot that ends keeps ``retained`` chunks for the next request in it; the rest goes back to the list, last in first out.
///
/// - Source: antgroup/glake, GLakeServe/vmm_allocator (vTensor, arXiv 2407.15309), read and written anew. Not known, so
///   reconstructed: how many chunks a slot keeps (0 unless told), that the lowest idle slot is taken, and that the growth
///   of a decode, which a background thread does, is there in the iteration that needs it. Prefixes that are handed over
///   with their slot are not simulated.
package struct VTensorSlots: MappedSlots {
  /// Tokens beyond those at hand that a prompt has memory for.
  package static let lookAheadTokens = 100

  package let groupTokens: Int
  package let capacity: Int
  package let retained: Int
  package private(set) var freeCount: Int
  private(set) var mapped: [Int] = []
  private(set) var isActive: [Bool] = []

  package init(groupTokens: Int, capacity: Int, retained: Int = 0) {
    self.groupTokens = groupTokens
    self.capacity = capacity
    self.retained = retained
    freeCount = capacity
  }

  /// Chunks that a slot lacks; a prompt looks ahead.
  private func missing(mapped: Int, tokens: Int, isPrompt: Bool) -> Int {
    let wanted = tokens + (isPrompt ? Self.lookAheadTokens : 0)
    return max(0, (wanted - mapped * groupTokens + groupTokens - 1) / groupTokens)
  }

  private var idle: Int? { isActive.firstIndex(of: false) }

  package func canTakeSlot(tokens: Int) -> Bool {
    missing(mapped: idle.map { mapped[$0] } ?? 0, tokens: tokens, isPrompt: true) <= freeCount
  }

  package mutating func takeSlot(tokens: Int) -> Int {
    if let slot = idle {
      isActive[slot] = true
      return slot
    }
    mapped.append(0)
    isActive.append(true)
    return mapped.count - 1
  }

  package mutating func map(_ slot: Int, tokens: Int, isPrompt: Bool) -> Bool {
    let short = missing(mapped: mapped[slot], tokens: tokens, isPrompt: isPrompt)
    guard short <= freeCount else { return false }
    freeCount -= short
    mapped[slot] += short
    return true
  }

  package mutating func giveSlot(_ slot: Int) {
    precondition(isActive[slot], "VTensorSlots: slot \(slot) is not in use")
    isActive[slot] = false
    let given = max(0, mapped[slot] - retained)
    mapped[slot] -= given
    freeCount += given
  }

  package func heldGroups(_ slot: Int) -> Int { mapped[slot] }

  package var retainedGroups: Int {
    isActive.indices.reduce(0) { $0 + (isActive[$1] ? 0 : mapped[$1]) }
  }
}
