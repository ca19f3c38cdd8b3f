import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct ContiguousMemoryTests {
  /// One chunk of 8 blocks for a reservation of 20 tokens in blocks of 4:
  ///
  ///     | token 6 | reserved 9 | never used 5 | rounding 12 |      6 + 9 = 15 final, 20 reserved, 32 held
  @Test func classifiesAChunk() {
    var memory = ReservedMemory(
      blockSize: 4, blocks: 20, largestReservation: 32)
    memory.reserve(0, reservation: 20, tokens: 6, finalTokens: 15)
    var ledger = memory.ledger(headIsBlocked: false)
    #expect(ledger.tokenState == 6)
    #expect(ledger.reserved == 9)
    #expect(ledger.internalFragmentation == 5)
    #expect(ledger.externalFragmentation == 12)
    #expect(ledger.free == 48)
    #expect(ledger.total == 80)
    memory.append(0)
    ledger = memory.ledger(headIsBlocked: true)
    #expect(ledger.tokenState == 7)
    #expect(ledger.reserved == 8)
    #expect(ledger.externalFragmentation == 12 + 48)
    #expect(ledger.free == 0)
    memory.free(0)
    #expect(memory.ledger(headIsBlocked: false).free == 80)
  }

  /// Chunks come and go, one slot at a time or in a cruise that is settled in the end.
  @Test(arguments: 0..<20) func keepsItsLawsUnderRandomUse(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "reserved memory")
    let blocks = 20 + chance.below(200)
    var memory = ReservedMemory(
      blockSize: 4, blocks: blocks, largestReservation: 64)
    for _ in 0..<1000 {
      let sequence = chance.below(8)
      let chunk = memory[sequence]
      if chunk.size == 0 {
        let reservation = 1 + chance.below(64)
        let final = 1 + chance.below(reservation)
        guard memory.canReserve(1, tokens: reservation) else { continue }
        memory.reserve(
          sequence, reservation: reservation, tokens: 1 + chance.below(final), finalTokens: final)
      } else if chunk.tokens == chunk.finalTokens {
        memory.free(sequence)
      } else if chance.below(2) == 0 {
        memory.append(sequence)
      } else {
        let tokens = Int(chunk.finalTokens - chunk.tokens)
        for unsettled in 1...tokens {
          memory.cruise(sequences: 1)
          #expect(memory.brokenInvariant(unsettledTokens: unsettled) == nil, "seed \(seed)")
        }
        memory.settle(sequence, tokens: Int(chunk.finalTokens))
      }
      #expect(memory.brokenInvariant() == nil, "seed \(seed)")
      let blocked = memory.ledger(headIsBlocked: true)
      #expect(blocked.total == blocks * 4 && blocked.free == 0, "seed \(seed)")
    }
  }

  /// A pool of 70 tokens has two slots of 32; the last 6 tokens are nobody's.
  @Test func staticSlotsLeaveARemainder() {
    var slots = StaticSlots(poolTokens: 70, slotTokens: 32)
    #expect(slots.slotCount == 2)
    slots.take(tokens: 5, finalTokens: 12)
    slots.append(sequences: 1)
    let ledger = slots.ledger(headIsBlocked: false)
    #expect(ledger.tokenState == 6)
    #expect(ledger.reserved == 6)
    #expect(ledger.internalFragmentation == 20)
    #expect(ledger.externalFragmentation == 6)
    #expect(ledger.free == 32)
    #expect(slots.ledger(headIsBlocked: true).externalFragmentation == 38)
    slots.give(tokens: 6, finalTokens: 12)
    #expect(slots.ledger(headIsBlocked: false).free == 64)
  }

  /// Against a list of who holds a slot.
  @Test(arguments: 0..<20) func staticSlotsKeepTheirLaws(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "static slots")
    let slotTokens = 1 + chance.below(40)
    var slots = StaticSlots(poolTokens: chance.below(400), slotTokens: slotTokens)
    var held: [(tokens: Int, finalTokens: Int)] = []
    for _ in 0..<500 {
      switch chance.below(3) {
      case 0 where held.count < slots.slotCount:
        let final = 1 + chance.below(slotTokens)
        held.append((1 + chance.below(final), final))
        slots.take(tokens: held[held.count - 1].tokens, finalTokens: final)
      case 1 where !held.isEmpty:
        let (tokens, finalTokens) = held.remove(at: chance.below(held.count))
        slots.give(tokens: tokens, finalTokens: finalTokens)
      default:
        let growing = held.indices.filter { held[$0].tokens < held[$0].finalTokens }
        for index in growing { held[index].tokens += 1 }
        slots.append(sequences: growing.count)
      }
      #expect(slots.brokenInvariant(sequences: held) == nil, "seed \(seed)")
      #expect(slots.freeCount == slots.slotCount - held.count, "seed \(seed)")
    }
  }
}
