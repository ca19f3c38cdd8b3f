import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct FreeBlockQueueTests {
  private func take(_ count: Int, from queue: inout FreeBlockQueue) -> [BlockID] {
    var blocks = [BlockID](repeating: -1, count: count)
    blocks.withUnsafeMutableBufferPointer { queue.removeFirst(into: $0) }
    return blocks
  }

  @Test func blocksComeInOrderAndCanBeFetchedBack() {
    var queue = FreeBlockQueue(capacity: 6)
    var places: [BlockID: Int32] = [:]
    #expect(queue.blocks == [1, 2, 3, 4, 5])
    #expect(take(5, from: &queue) == [1, 2, 3, 4, 5] && queue.blocks == [])
    _ = [5, 4, 3].withUnsafeBufferPointer {
      queue.append(lastToFirst: $0, { places[$0] = $1 })
    }
    queue.remove(4, at: places[4]!)
    #expect(queue.blocks == [3, 5])
    let kept: BlockID = 2
    let free = [4, 2, 1].withUnsafeBufferPointer { blocks in
      queue.append(lastToFirst: blocks, { places[$0] = $1 }) { $0 != kept }
    }
    #expect(free == 2)
    [2].withUnsafeBufferPointer {
      queue.prepend(unfetchedLastToFirst: $0, { places[$0] = $1 })
    }
    #expect(queue.blocks == [2, 3, 5, 1, 4])
    #expect(take(5, from: &queue) == [2, 3, 5, 1, 4] && queue.blocks == [])
  }

  /// Against a list, long enough that the entries are closed up many times.
  @Test(arguments: 1...20)
  func agreesWithAList(seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "queue")
    let capacity = 1 + random.below(30)
    var queue = FreeBlockQueue(capacity: capacity)
    var list = (1..<BlockID(capacity)).map { $0 }
    var held: [BlockID] = []
    // Of those that came back at the tail: where they are.
    var places: [BlockID: Int32] = [:]
    var fetchable: Set<BlockID> = []
    for step in 0..<2000 {
      switch random.below(4) {
      case 0:
        let count = random.below(list.count + 1)
        try #require(take(count, from: &queue) == Array(list[..<count]), "seed \(seed), \(step)")
        held += list[..<count]
        list.removeFirst(count)
      case 1:
        let indices = list.indices.filter { fetchable.contains(list[$0]) }
        guard !indices.isEmpty else { continue }
        let block = list.remove(at: indices[random.below(indices.count)])
        queue.remove(block, at: places[block]!)
        held.append(block)
      case 2:
        let blocks = Array(held.suffix(random.below(held.count + 1)))
        held.removeLast(blocks.count)
        _ = blocks.withUnsafeBufferPointer {
          queue.append(lastToFirst: $0, { places[$0] = $1 })
        }
        list += blocks.reversed()
        fetchable.formUnion(blocks)
      default:
        let blocks = Array(held.suffix(random.below(min(3, held.count) + 1)))
        held.removeLast(blocks.count)
        blocks.withUnsafeBufferPointer {
          queue.prepend(unfetchedLastToFirst: $0, { places[$0] = $1 })
        }
        list = blocks.reversed() + list
        fetchable.subtract(blocks)
      }
      try #require(queue.blocks == list, "seed \(seed), step \(step)")
      try #require(queue.brokenInvariant == nil, "seed \(seed), step \(step)")
    }
  }
}
