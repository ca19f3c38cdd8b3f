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

  @Test func withoutDeferralEverythingIsMappedAgain() {
    var memory = PageGroups(groupTokens: 64, capacity: 10, isReclamationDeferred: false)
    let slot = memory.takeSlot(tokens: 64)
    _ = memory.grow(slot, tokens: 64)
    memory.giveSlot(slot)
    #expect(memory.freeCount == 10)
    #expect(memory.grow(memory.takeSlot(tokens: 64), tokens: 64) == 1)
  }

  /// The unused slot with just enough groups is taken, not the one with the most.
  @Test func theBestFitIsTaken() {
    var memory = PageGroups(groupTokens: 1, capacity: 20)
    let slots = [8, 3, 5].map { tokens in
      let slot = memory.takeSlot(tokens: tokens)
      _ = memory.grow(slot, tokens: tokens)
      return slot
    }
    for slot in slots { memory.giveSlot(slot) }
    #expect(memory.takeSlot(tokens: 4) == slots[2])
    #expect(memory.takeSlot(tokens: 20) == slots[0])
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

  @Test func lookAheadTakesNothingFromOthers() {
    var memory = PageGroups(groupTokens: 4, capacity: 3)
    let slot = memory.takeSlot(tokens: 8)
    _ = memory.grow(slot, tokens: 8)
    #expect(memory.lookAhead(slot, tokens: 18, limit: 2) == 1)
    #expect(memory.lookAhead(slot, tokens: 18, limit: 2) == 0)
    #expect(memory.grow(slot, tokens: 12) == 0)
  }

  /// Against a list of slots, each searched from end to end.
  @Test(arguments: 0..<40) func agreesWithAListOfSlots(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "page groups")
    let size = 1 + chance.below(8)
    let capacity = 8 + chance.below(60)
    let isDeferred = seed % 4 > 0
    var memory = PageGroups(
      groupTokens: size, capacity: capacity, isReclamationDeferred: isDeferred)
    var naive = NaivePageGroups(capacity: capacity, isDeferred: isDeferred)
    for _ in 0..<600 {
      let used = naive.slots.indices.filter { naive.slots[$0].isUsed }
      switch chance.below(4) {
      case 0 where used.count < 6:
        let tokens = 1 + chance.below(size * 8)
        #expect(
          memory.takeSlot(tokens: tokens) == naive.take((tokens + size - 1) / size), "seed \(seed)")
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
        #expect(memory.grow(slot, tokens: tokens) == naive.grow(slot, groups), "seed \(seed)")
      default:
        guard !used.isEmpty else { continue }
        let slot = used[chance.below(used.count)]
        let tokens = 1 + chance.below(size * 10)
        let limit = chance.below(4)
        #expect(
          memory.lookAhead(slot, tokens: tokens, limit: limit)
            == naive.lookAhead(slot, (tokens + size - 1) / size, limit), "seed \(seed)")
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
    var mapped = 0
    var needed = 0
    var isUsed = true
  }

  let capacity: Int
  let isDeferred: Bool
  var slots: [Slot] = []

  var freeCount: Int { capacity - slots.reduce(0) { $0 + $1.mapped } }

  mutating func take(_ wanted: Int) -> Int {
    let unused = slots.indices.filter { !slots[$0].isUsed }
    let enough = unused.filter { slots[$0].mapped >= wanted }
    // The first of the smallest that are enough, else the first of the largest.
    let best =
      enough.min { (slots[$0].mapped, $0) < (slots[$1].mapped, $1) }
      ?? unused.min { (-slots[$0].mapped, $0) < (-slots[$1].mapped, $1) }
    if let best {
      slots[best].isUsed = true
      return best
    }
    slots.append(Slot())
    return slots.count - 1
  }

  mutating func give(_ slot: Int) {
    slots[slot].isUsed = false
    slots[slot].needed = 0
    if !isDeferred { slots[slot].mapped = 0 }
  }

  mutating func grow(_ slot: Int, _ groups: Int) -> Int {
    slots[slot].needed = max(slots[slot].needed, groups)
    var taken = 0
    while slots[slot].mapped < groups {
      if freeCount == 0, let idle = slots.lastIndex(where: { $0.mapped > $0.needed }) {
        slots[idle].mapped -= 1
      }
      slots[slot].mapped += 1
      taken += 1
    }
    return taken
  }

  mutating func lookAhead(_ slot: Int, _ groups: Int, _ limit: Int) -> Int {
    let count = max(0, min(limit, groups - slots[slot].mapped, freeCount))
    slots[slot].mapped += count
    return count
  }
}
