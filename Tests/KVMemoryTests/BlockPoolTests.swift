import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct BlockPoolTests {
  @Test func takesTheBlockGivenBackLast() {
    var pool = BlockPool(capacity: 4)
    #expect([pool.take(), pool.take(), pool.take()] == [3, 2, 1])
    pool.give(3)
    pool.give(1)
    #expect(pool.freeStack == [0, 3, 1])
    #expect([pool.take(), pool.take(), pool.take()] == [1, 3, 0])
  }

  @Test func freesABlockWithItsLastReference() {
    var pool = BlockPool(capacity: 2)
    let block = pool.take()
    pool.share(block)
    pool.share(block)
    #expect(pool.sharedCount == 1)
    #expect(pool.give(block) == false)
    #expect(pool.give(block) == false)
    #expect(pool.sharedCount == 0)
    #expect(pool.give(block) == true)
    #expect(pool.freeCount == 2)
  }

  /// Against a model that anyone can see is right: a list of free blocks and a dictionary of counts.
  @Test(arguments: 0..<20) func agreesWithANaivePool(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "pool")
    let capacity = 1 + chance.below(40)
    var pool = BlockPool(capacity: capacity)
    var free = Array(0..<Int32(capacity))
    var references: [BlockID: Int] = [:]
    for _ in 0..<2000 {
      let held = references.keys.sorted()
      switch chance.below(3) {
      case 0 where !free.isEmpty:
        let block = pool.take()
        #expect(block == free.removeLast())
        references[block] = 1
      case 1 where !held.isEmpty:
        let block = held[chance.below(held.count)]
        pool.share(block)
        references[block]! += 1
      case 2 where !held.isEmpty:
        let block = held[chance.below(held.count)]
        references[block]! -= 1
        if references[block] == 0 {
          references[block] = nil
          free.append(block)
        }
        #expect(pool.give(block) == (references[block] == nil))
      default: break
      }
      #expect(pool.freeStack == free)
      #expect(pool.heldCount == references.count)
      #expect(pool.sharedCount == references.values.count { $0 > 1 })
      #expect(pool.brokenInvariant == nil, "seed \(seed)")
    }
  }
}
