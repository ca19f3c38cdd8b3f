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
}
