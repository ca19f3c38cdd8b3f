/// Physical memory behind virtual tensors: which request's tensors have how many page-groups mapped.
///
/// Every request has a slot, a stretch of virtual addresses for the longest sequence; physical
/// page-groups are mapped to its front as tokens come. A group here is one step of growth: one
/// page-group in each of the K and V tensors of every layer.
///
///     slot   |── g0 ──|── g1 ──|── g2 ─░░|·········|·········     ░ mapped, not yet used
///            0      needed                 mapped      virtual only
///
/// With deferred reclamation a finished request's groups stay mapped to its slot, for the next request
/// there, and are taken back only when others run short.
///
/// - Source: vAttention (Prabhu et al., ASPLOS 2025), §6 and `vattention.cu`.
package struct PageGroups: Sendable {
  /// Tokens of one group.
  package let groupTokens: Int
  /// Groups of physical memory.
  package let capacity: Int
  /// Groups that are mapped nowhere.
  package private(set) var freeCount: Int
  package let isReclamationDeferred: Bool
  private(set) var mapped: [Int32] = []
  private(set) var needed: [Int32] = []
  private(set) var isActive: [Bool] = []

  package init(groupTokens: Int, capacity: Int, isReclamationDeferred: Bool = true) {
    precondition(groupTokens > 0, "PageGroups: groups of \(groupTokens) tokens")
    self.groupTokens = groupTokens
    self.capacity = capacity
    self.isReclamationDeferred = isReclamationDeferred
    freeCount = capacity
  }

  /// Groups that `tokens` tokens need.
  package func groups(forTokens tokens: Int) -> Int { (tokens + groupTokens - 1) / groupTokens }

  /// Groups mapped to slots that nobody uses.
  package var idleCount: Int {
    isActive.indices.reduce(0) { $0 + (isActive[$1] ? 0 : Int(mapped[$1])) }
  }

  /// Takes an unused slot for a request of `tokens` tokens: the one with the fewest groups that are
  /// enough, else the one with the most.
  ///
  /// - Complexity: O(slots).
  package mutating func takeSlot(tokens: Int) -> Int {
    let wanted = Int32(groups(forTokens: tokens))
    var best: Int?
    for slot in isActive.indices where !isActive[slot] {
      guard let chosen = best else {
        best = slot
        continue
      }
      let (old, new) = (mapped[chosen], mapped[slot])
      if old >= wanted ? (new >= wanted && new < old) : new > old { best = slot }
    }
    let slot = best ?? isActive.count
    if best == nil {
      mapped.append(0)
      needed.append(0)
      isActive.append(false)
    }
    isActive[slot] = true
    needed[slot] = 0
    return slot
  }

  /// Makes sure that `tokens` tokens of a slot have memory.
  ///
  /// - Returns: Groups that had to be mapped.
  /// - Precondition: The requests at hand need no more than ``capacity`` groups.
  package mutating func grow(_ slot: Int, tokens: Int) -> Int {
    let wanted = Int32(groups(forTokens: tokens))
    needed[slot] = max(needed[slot], wanted)
    let missing = Int(wanted - mapped[slot])
    guard missing > 0 else { return 0 }
    if freeCount < missing { reclaim(missing - freeCount) }
    precondition(
      freeCount >= missing, "PageGroups: \(missing) groups wanted, \(freeCount) of \(capacity) free"
    )
    freeCount -= missing
    mapped[slot] = wanted
    return missing
  }

  /// Maps ahead for `tokens` tokens, as far as memory is free or idle, at most `limit` groups.
  ///
  /// - Returns: Groups that were mapped.
  package mutating func lookAhead(_ slot: Int, tokens: Int, limit: Int) -> Int {
    let missing = groups(forTokens: tokens) - Int(mapped[slot])
    let count = min(limit, missing, freeCount)
    guard count > 0 else { return 0 }
    freeCount -= count
    mapped[slot] += Int32(count)
    return count
  }

  /// Ends a request's use of its slot.
  package mutating func giveSlot(_ slot: Int) {
    precondition(isActive[slot], "PageGroups: slot \(slot) is not in use")
    isActive[slot] = false
    needed[slot] = 0
    guard !isReclamationDeferred else { return }
    freeCount += Int(mapped[slot])
    mapped[slot] = 0
  }

  /// Unmaps groups beyond what slots need, from the highest slot on.
  private mutating func reclaim(_ count: Int) {
    var missing = Int32(count)
    for slot in mapped.indices.reversed() where missing > 0 {
      let taken = min(missing, mapped[slot] - needed[slot])
      guard taken > 0 else { continue }
      mapped[slot] -= taken
      freeCount += Int(taken)
      missing -= taken
    }
  }
}
