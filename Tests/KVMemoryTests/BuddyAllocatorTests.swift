import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct BuddyAllocatorTests {
  /// The paper's pool: 983 blocks of 16 tokens, chunks of up to 2,048 tokens.
  @Test func carvesThePoolFromAddressZero() {
    let buddies = BuddyAllocator(capacity: 983, largest: 128)
    let chunks = buddies.freeChunks.map { [$0.address, $0.size] }
    #expect(
      chunks == [
        [982, 1], [980, 2], [976, 4], [960, 16], [896, 64], [0, 128], [128, 128], [256, 128],
        [384, 128], [512, 128], [640, 128], [768, 128],
      ])
    #expect(buddies.canAllocate(7, size: 128))
    #expect(!buddies.canAllocate(8, size: 128))
  }

  /// The highest chunk is split and its low half kept; halves that meet again merge.
  @Test func splitsLowAndMerges() {
    var buddies = BuddyAllocator(capacity: 16, largest: 8)
    #expect(buddies.allocate(2) == 8)
    #expect(buddies.freeChunks.map { [$0.address, $0.size] } == [[10, 2], [12, 4], [0, 8]])
    #expect(buddies.allocate(2) == 10)
    #expect(buddies.allocate(8) == 0)
    #expect(buddies.allocate(8) == nil)
    buddies.free(8, size: 2)
    #expect(buddies.freeChunks.map { [$0.address, $0.size] } == [[8, 2], [12, 4]])
    buddies.free(10, size: 2)
    #expect(buddies.freeChunks.map { [$0.address, $0.size] } == [[8, 8]])
  }

  @Test func roundsUpToPowersOfTwo() {
    let sizes = [1, 2, 3, 4, 5, 31, 32, 33].map { BuddyAllocator.chunkSize(forBlocks: $0) }
    #expect(sizes == [1, 2, 4, 4, 8, 32, 32, 64])
  }

  /// Against a model with plain lists and a trial on a copy.
  @Test(arguments: 0..<20) func agreesWithANaiveAllocator(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "buddies")
    let largest = 1 << chance.below(7)
    let capacity = 1 + chance.below(300)
    var buddies = BuddyAllocator(capacity: capacity, largest: largest)
    var naive = NaiveBuddies(capacity: capacity, largest: largest)
    var held: [(address: Int, size: Int)] = []
    for _ in 0..<1000 {
      let size = 1 << chance.below(8)
      let chunks = 1 + chance.below(3)
      #expect(buddies.canAllocate(chunks, size: size) == naive.canAllocate(chunks, size: size))
      if chance.below(2) == 0 {
        let address = buddies.allocate(size)
        #expect(address == naive.allocate(size))
        if let address { held.append((address, size)) }
      } else if !held.isEmpty {
        let chunk = held.remove(at: chance.below(held.count))
        buddies.free(chunk.address, size: chunk.size)
        naive.free(chunk.address, chunk.size)
      }
      #expect(buddies.freeChunks.map { [$0.address, $0.size] } == naive.chunks)
      #expect(buddies.brokenInvariant(held: held) == nil, "seed \(seed)")
    }
  }
}

/// Lists of free addresses by size, searched from end to end.
private struct NaiveBuddies {
  let capacity: Int
  let largest: Int
  var lists: [Int: [Int]] = [:]

  init(capacity: Int, largest: Int) {
    self.capacity = capacity
    self.largest = largest
    var address = 0
    var size = largest
    while size >= 1 {
      while address + size <= capacity {
        lists[size, default: []].append(address)
        address += size
      }
      size /= 2
    }
  }

  var chunks: [[Int]] {
    lists.keys.sorted().flatMap { size in lists[size]!.map { [$0, size] } }
  }

  func canAllocate(_ count: Int, size: Int) -> Bool {
    var copy = self
    return (0..<count).allSatisfy { _ in copy.allocate(size) != nil }
  }

  mutating func allocate(_ size: Int) -> Int? {
    var found = size
    while found <= largest, (lists[found] ?? []).isEmpty { found *= 2 }
    guard found <= largest else { return nil }
    let address = lists[found]!.removeLast()
    while found > size {
      found /= 2
      lists[found, default: []].append(address + found)
    }
    return address
  }

  mutating func free(_ address: Int, _ size: Int) {
    var (address, size) = (address, size)
    while size < largest, let place = lists[size]?.firstIndex(of: address ^ size) {
      lists[size]!.remove(at: place)
      address = min(address, address ^ size)
      size *= 2
    }
    lists[size, default: []].append(address)
  }
}
