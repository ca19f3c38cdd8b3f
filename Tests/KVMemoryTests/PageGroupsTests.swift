import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct PageGroupsTests {
  @Test func aFinishedRequestsGroupsServeTheNext() {
    var memory = PageGroups(groupTokens: 64, capacity: 10)
    let first = memory.takeSlot(tokens: 200)
    #expect(memory.grow(first, tokens: 200) == 4)
    memory.giveSlot(first)
    #expect(memory.idleCount == 4 && memory.freeCount == 6)
    let second = memory.takeSlot(tokens: 130)
    #expect(second == first)
    #expect(memory.grow(second, tokens: 130) == 0)
  }

  /// Without deferral the background thread unmaps a group an iteration, of the highest unused slot, never of the first.
  @Test func withoutDeferralAGroupIsUnmappedAnIteration() {
    var memory = PageGroups(groupTokens: 1, capacity: 10, isReclamationDeferred: false)
    let slots = [2, 2, 1].map { tokens in
      let slot = memory.takeSlot(tokens: tokens)
      _ = memory.grow(slot, tokens: tokens)
      return slot
    }
    for slot in slots { memory.giveSlot(slot) }
    let mapped = (0..<4).map { _ in
      _ = memory.workBehind()
      return memory.mapped
    }
    #expect(mapped == [[2, 2, 0], [2, 1, 0], [2, 0, 0], [2, 0, 0]])
  }

  /// The first unused slot is the choice, unless a later one has fewer groups that are still enough.
  @Test(arguments: [
    // Groups of the slots, groups wanted, the slot that is taken.
    ([8, 3, 5], 4, 2), ([8, 3, 5], 3, 1), ([8, 3, 5], 20, 0), ([3, 5, 4], 4, 0), ([3, 8, 2], 2, 2),
    ([4, 4], 4, 0),
  ]) func theFirstSlotIsTakenUnlessALaterOneFitsBetter(_ mapped: [Int], wanted: Int, slot: Int) {
    var memory = PageGroups(groupTokens: 1, capacity: 20)
    let slots = mapped.map { tokens in
      let slot = memory.takeSlot(tokens: tokens)
      _ = memory.grow(slot, tokens: tokens)
      return slot
    }
    for slot in slots { memory.giveSlot(slot) }
    #expect(memory.takeSlot(tokens: wanted) == slot)
  }

  @Test func idleGroupsAreTakenBackFromTheHighestSlot() {
    var memory = PageGroups(groupTokens: 1, capacity: 10)
    let slots = (0..<2).map { _ in memory.takeSlot(tokens: 5) }
    for slot in slots { _ = memory.grow(slot, tokens: 5) }
    memory.giveSlot(slots[1])
    #expect(memory.grow(slots[0], tokens: 8) == 3)
    #expect(memory.idleCount == 2)
    #expect(memory.brokenInvariant == nil)
  }

  /// Groups of 4 tokens. The next token of the first slot needs a group; then one of each round, two in all.
  @Test func theBackgroundThreadMapsAhead() {
    var memory = PageGroups(groupTokens: 4, capacity: 20)
    for tokens in [8, 7, 6] { _ = memory.grow(memory.takeSlot(tokens: tokens), tokens: tokens) }
    #expect(memory.mapped == [2, 2, 2])
    // Round 1: token 9 of the first. Round 2: token 9 of the second. Round 3: token 9 of the third. Then no more.
    #expect(memory.workBehind() == 3)
    #expect(memory.mapped == [3, 3, 3])
    // Nobody lacks a group for the next token; tokens 13 of the first and the second come in rounds 5 and 6.
    #expect(memory.workBehind() == 2)
    #expect(memory.mapped == [4, 4, 3])
  }

  /// What is short for the next tokens comes from slots that have more than they need, the highest first; if that is not
  /// enough, nothing is mapped.
  @Test func theBackgroundThreadReclaims() {
    var memory = PageGroups(groupTokens: 1, capacity: 6)
    let slots = [2, 2, 2].map { memory.takeSlot(tokens: $0) }
    for slot in slots { _ = memory.grow(slot, tokens: 2) }
    memory.giveSlot(slots[1])
    #expect(memory.workBehind() == 2)
    #expect(memory.mapped == [3, 0, 3])
    // Now both need what they have, and nobody has a group to spare.
    _ = memory.grow(slots[0], tokens: 3)
    _ = memory.grow(slots[2], tokens: 3)
    #expect(memory.workBehind() == 0)
    #expect(memory.mapped == [3, 0, 3])
  }

  /// Against a list of slots, each searched from end to end.
  @Test(arguments: seeds(40)) func agreesWithAListOfSlots(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "page groups")
    let size = 1 + chance.below(8)
    let capacity = 8 + chance.below(60)
    let isDeferred = seed % 4 > 0
    var memory = PageGroups(
      groupTokens: size, capacity: capacity, isReclamationDeferred: isDeferred)
    var naive = NaivePageGroups(size: size, capacity: capacity, isDeferred: isDeferred)
    for _ in 0..<600 {
      let used = naive.slots.indices.filter { naive.slots[$0].isUsed }
      switch chance.below(4) {
      case 0 where used.count < 6:
        let tokens = 1 + chance.below(size * 8)
        #expect(
          memory.takeSlot(tokens: tokens) == naive.take(tokens), "seed \(seed)")
      case 1 where !used.isEmpty:
        let slot = used[chance.below(used.count)]
        memory.giveSlot(slot)
        naive.give(slot)
      case 2 where !used.isEmpty:
        let slot = used[chance.below(used.count)]
        let tokens = 1 + chance.below(size * 10)
        let others = used.reduce(0) { $0 + ($1 == slot ? 0 : naive.slots[$1].needed) }
        let groups = (tokens + size - 1) / size
        guard others + max(groups, naive.slots[slot].needed) <= capacity else { continue }
        #expect(memory.grow(slot, tokens: tokens) == naive.grow(slot, tokens), "seed \(seed)")
      default:
        #expect(memory.workBehind() == naive.workBehind(), "seed \(seed)")
      }
      #expect(memory.brokenInvariant == nil, "seed \(seed)")
      #expect(memory.freeCount == naive.freeCount, "seed \(seed)")
      #expect(memory.mapped.map { Int($0) } == naive.slots.map(\.mapped), "seed \(seed)")
    }
  }
}

/// Slots in a list; groups are taken one by one.
private struct NaivePageGroups {
  struct Slot {
    var size: Int
    var mapped = 0
    var tokens = 0
    var isUsed = true

    var needed: Int { (tokens + size - 1) / size }
    func lacks(_ ahead: Int) -> Int { max(0, (tokens + ahead + size - 1) / size - mapped) }
  }

  let size: Int
  let capacity: Int
  let isDeferred: Bool
  var slots: [Slot] = []

  var freeCount: Int { capacity - slots.reduce(0) { $0 + $1.mapped } }

  mutating func take(_ tokens: Int) -> Int {
    let wanted = (tokens + size - 1) / size
    let unused = slots.indices.filter { !slots[$0].isUsed }
    guard let first = unused.first else {
      slots.append(Slot(size: size))
      return slots.count - 1
    }
    // The smallest that is enough and smaller than the first; the first of several.
    let better = unused.filter {
      slots[$0].mapped >= wanted && slots[$0].mapped < slots[first].mapped
    }
    let slot = better.min { (slots[$0].mapped, $0) < (slots[$1].mapped, $1) } ?? first
    slots[slot].isUsed = true
    return slot
  }

  mutating func give(_ slot: Int) {
    slots[slot].isUsed = false
    slots[slot].tokens = 0
  }

  /// Unmaps a group that its slot does not need, of the highest slot that has one.
  private mutating func reclaimOne() -> Bool {
    guard let slot = slots.lastIndex(where: { $0.mapped > $0.needed }) else { return false }
    slots[slot].mapped -= 1
    return true
  }

  mutating func grow(_ slot: Int, _ tokens: Int) -> Int {
    slots[slot].tokens = max(slots[slot].tokens, tokens)
    var taken = 0
    while slots[slot].mapped < (tokens + size - 1) / size {
      if freeCount == 0 { _ = reclaimOne() }
      slots[slot].mapped += 1
      taken += 1
    }
    return taken
  }

  mutating func workBehind() -> Int {
    let used = slots.indices.filter { slots[$0].isUsed }
    func lackingNow() -> Int { used.reduce(0) { $0 + slots[$1].lacks(1) } }
    var lacking = lackingNow()
    if lacking > freeCount {
      for _ in 0..<lacking - freeCount { _ = reclaimOne() }
      lacking = lackingNow()
    }
    if lacking > freeCount { return 0 }
    for slot in used { slots[slot].mapped += slots[slot].lacks(1) }
    if lacking == 0, !isDeferred {
      let unused = slots.indices.filter { !slots[$0].isUsed }
      if let slot = unused.dropFirst().last(where: { slots[$0].mapped > 0 }) {
        slots[slot].mapped -= 1
      }
    }
    var extra = 0
    for ahead in 2...9 {
      for slot in used where slots[slot].lacks(ahead) > 0 && extra < 2 && freeCount > 0 {
        slots[slot].mapped += 1
        extra += 1
      }
    }
    return lacking + extra
  }
}
