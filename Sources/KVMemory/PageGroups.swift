/// Physical memory behind virtual tensors: which request's tensors have how many page-groups mapped.
///
/// Every request has a slot, a stretch of virtual addresses for the longest sequence; physical
/// page-groups are mapped to its front as tokens come. A group here is one step of growth: one
/// page-group in each of the K and V tensors of every layer.
///
///     slot   |── g0 ──|── g1 ──|── g2 ─░░|·········|·········     ░ mapped, not yet used
///            0      needed                 mapped      virtual only
///
/// A request that ends leaves its groups mapped to its slot, for the next request there. Others that run short take them
/// back; without deferral a background thread also unmaps one an iteration.
///
/// - Source: vAttention (Prabhu et al., ASPLOS 2025), §6, and microsoft/vattention (`vattention.cu`), from the reference's
///   reading of it.
package struct PageGroups: Sendable {
  /// Tokens of the rounds in which the background thread maps ahead.
  private static let aheadTokens = 9
  /// Groups that it maps in all rounds but the first.
  private static let aheadGroupsMax = 2

  /// Tokens of one group.
  package let groupTokens: Int
  /// Groups of physical memory.
  package let capacity: Int
  /// Groups that are mapped nowhere.
  package private(set) var freeCount: Int
  package let isReclamationDeferred: Bool
  private(set) var mapped: [Int32] = []
  /// Of the request in each slot; 0 in a slot that nobody uses.
  private(set) var tokens: [Int32] = []
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

  /// Groups that the request in a slot needs.
  func needed(_ slot: Int) -> Int { groups(forTokens: Int(tokens[slot])) }

  /// Takes an unused slot for a request of `tokens` tokens: the first one, unless it has more groups than are needed and a
  /// later one has fewer that are still enough. A first slot with too few stays the choice, whatever others have.
  ///
  /// - Complexity: O(slots).
  package mutating func takeSlot(tokens: Int) -> Int {
    let wanted = groups(forTokens: tokens)
    var best: Int?
    for slot in isActive.indices where !isActive[slot] {
      guard let chosen = best else {
        best = slot
        continue
      }
      if mapped[slot] >= wanted && mapped[slot] < mapped[chosen] { best = slot }
    }
    let slot = best ?? isActive.count
    if best == nil {
      mapped.append(0)
      self.tokens.append(0)
      isActive.append(false)
    }
    isActive[slot] = true
    return slot
  }

  /// Makes sure that `tokens` tokens of a slot have memory.
  ///
  /// - Returns: Groups that had to be mapped.
  /// - Precondition: The requests at hand need no more than ``capacity`` groups.
  package mutating func grow(_ slot: Int, tokens: Int) -> Int {
    let wanted = groups(forTokens: tokens)
    self.tokens[slot] = max(self.tokens[slot], Int32(tokens))
    let missing = wanted - Int(mapped[slot])
    guard missing > 0 else { return 0 }
    if freeCount < missing { reclaim(missing - freeCount) }
    precondition(
      freeCount >= missing, "PageGroups: \(missing) groups wanted, \(freeCount) of \(capacity) free"
    )
    freeCount -= missing
    mapped[slot] = Int32(wanted)
    return missing
  }

  /// What the background thread does behind an iteration: it maps what each request lacks for its next token, and then,
  /// in rounds of one token more each, at most ``aheadGroupsMax`` groups for later ones.
  ///
  ///     round        1        2 … 9
  ///     maps         all      2 groups in all, while any are free
  ///
  /// If the first round lacks groups, slots give back what they do not need now; if that is not enough, nothing is mapped.
  /// If it lacks none and reclamation is not deferred, one group is unmapped, of the highest unused slot that has any, the
  /// first unused one left out.
  ///
  /// - Returns: Groups that were mapped.
  /// - Complexity: O(slots × rounds).
  package mutating func workBehind() -> Int {
    let active = isActive.indices.filter { isActive[$0] }
    var lacking = active.reduce(0) { $0 + lacks($1, ahead: 1) }
    if lacking == 0 && !isReclamationDeferred { unmapOne() }
    if lacking > freeCount {
      reclaim(lacking - freeCount)
      // What was taken back may be what a next token needs.
      lacking = active.reduce(0) { $0 + lacks($1, ahead: 1) }
    }
    guard lacking <= freeCount else { return 0 }
    for slot in active { map(lacks(slot, ahead: 1), to: slot) }
    var extra = 0
    for ahead in 2...Self.aheadTokens {
      for slot in active where extra < Self.aheadGroupsMax && freeCount > 0 {
        guard lacks(slot, ahead: ahead) > 0 else { continue }
        map(1, to: slot)
        extra += 1
      }
    }
    return lacking + extra
  }

  /// Groups that a slot lacks for `ahead` tokens more.
  private func lacks(_ slot: Int, ahead: Int) -> Int {
    max(0, groups(forTokens: Int(tokens[slot]) + ahead) - Int(mapped[slot]))
  }

  private mutating func map(_ count: Int, to slot: Int) {
    freeCount -= count
    mapped[slot] += Int32(count)
  }

  private mutating func unmapOne() {
    let first = isActive.firstIndex(of: false)
    let highest = isActive.indices.last { !isActive[$0] && $0 != first && mapped[$0] > 0 }
    if let highest { map(-1, to: highest) }
  }

  /// Ends a request's use of its slot, which keeps its groups.
  package mutating func giveSlot(_ slot: Int) {
    precondition(isActive[slot], "PageGroups: slot \(slot) is not in use")
    isActive[slot] = false
    tokens[slot] = 0
  }

  /// Unmaps groups beyond what slots need, from the highest slot on.
  private mutating func reclaim(_ count: Int) {
    var missing = count
    for slot in mapped.indices.reversed() where missing > 0 {
      let taken = min(missing, Int(mapped[slot]) - needed(slot))
      guard taken > 0 else { continue }
      map(-taken, to: slot)
      missing -= taken
    }
  }
}
