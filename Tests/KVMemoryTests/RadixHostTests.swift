import SimulationKernel
import Testing

@testable import KVMemory

/// A host's memory behind the prefix tree, as HiCache keeps it.
@Suite struct RadixHostTests {
  private func text(_ stream: Int64, prompt: Int, answer: Int64, _ count: Int) -> TokenText {
    var text = TokenText()
    text.append(stream: stream, start: 0, count: prompt)
    text.append(stream: answer, start: 0, count: count)
    return text
  }

  private func memory(_ policy: RadixHost.WritePolicy, host: Int = 40) -> RadixMemory {
    RadixMemory(
      blockSize: 1, poolTokens: 30, host: RadixHost(capacity: host, policy: policy))
  }

  /// A prompt of 12 is handed in, then with 4 tokens of its answer; the request leaves.
  ///
  /// - Returns: The tokens of the copies that each time were decided.
  private func serve(_ text: TokenText, _ memory: inout RadixMemory) -> [[RadixHost.Copy]] {
    var hold = RadixMemory.Hold()
    memory.begin(&hold, at: .root, finalTokens: 16)
    memory.extend(&hold, to: 12)
    memory.checkpoint(&hold, text, upTo: 12, promptTokens: 12)
    let first = memory.takeCopies()
    memory.extend(&hold, to: 16)
    memory.checkpoint(&hold, text, upTo: 16, promptTokens: 12)
    let second = memory.takeCopies()
    memory.release(&hold)
    return [first, second]
  }

  @Test func writeThroughCopiesAtTheFirstUseAndKeepsWhatIsCopied() {
    var memory = memory(.writeThrough)
    let text = text(1, prompt: 12, answer: 100, 5)
    let copies = serve(text, &memory)
    #expect(copies.map { $0.map(\.tokens) } == [[12], [4]])
    // What is being copied cannot be evicted.
    memory.evict(toFree: 30)
    #expect(memory.free == 14 && memory.tree.evictable == 0 && memory.tree.protected == 16)
    for copy in copies.joined() { memory.unlock(copy.node) }
    memory.evict(toFree: 30)
    #expect(memory.free == 30 && memory.tree.size == 0)
    let place = memory.match(text, limit: 16)
    #expect(place.tokens == 16 && memory.tree.onDevice(place) == .root)
    #expect(memory.tree.host?.free == 24)
    // It comes back as a whole, and stays on the host.
    #expect(memory.loadBack(place) == 16)
    #expect(memory.free == 14 && memory.tree.protected == 16 && memory.tree.host?.free == 24)
    #expect(memory.brokenInvariant([], moving: [place.node]) == nil)
    memory.unlock(place.node)
    #expect(memory.tree.evictable == 16 && memory.takeCopies() == [])
  }

  /// The prompt is used when it was computed and when its request is complete, the answer once.
  @Test func selectiveCopiesAtTheSecondUse() {
    var memory = memory(.writeThroughSelective)
    let text = text(1, prompt: 12, answer: 100, 5)
    let copies = serve(text, &memory)
    #expect(copies.map { $0.map(\.tokens) } == [[], [12]])
    memory.unlock(copies[1][0].node)
    memory.evict(toFree: 30)
    #expect(memory.match(text, limit: 16).tokens == 12, "the answer is lost")
  }

  @Test func writeBackCopiesWhatIsEvicted() {
    var memory = memory(.writeBack)
    let text = text(1, prompt: 12, answer: 100, 5)
    #expect(serve(text, &memory) == [[], []])
    memory.evict(toFree: 18)
    #expect(memory.takeCopies().map(\.tokens) == [4] && memory.free == 18)
    memory.evict(toFree: 19)
    #expect(memory.takeCopies().map(\.tokens) == [12] && memory.free == 30)
    #expect(memory.match(text, limit: 16).tokens == 16)
    #expect(memory.brokenInvariant([]) == nil)
  }

  /// A chunk of a prompt is no use of it.
  @Test func chunksAreNotCounted() {
    var memory = memory(.writeThrough)
    let text = text(1, prompt: 12, answer: 100, 5)
    var hold = RadixMemory.Hold()
    memory.begin(&hold, at: .root, finalTokens: 16)
    memory.extend(&hold, to: 6)
    memory.checkpoint(&hold, text, upTo: 6, promptTokens: 12, isUse: false)
    #expect(memory.takeCopies() == [])
    memory.extend(&hold, to: 12)
    memory.checkpoint(&hold, text, upTo: 12, promptTokens: 12)
    #expect(memory.takeCopies().map(\.tokens) == [6, 6])
  }

  /// 20 tokens on the host: the second request's 16 take the places of the first one's 4 and 12, its end first.
  @Test func theHostDropsTheLeastRecentlyUsed() {
    var memory = memory(.writeThrough, host: 20)
    let texts = [text(1, prompt: 12, answer: 100, 5), text(2, prompt: 12, answer: 101, 5)]
    for copy in serve(texts[0], &memory).joined() { memory.unlock(copy.node) }
    memory.evict(toFree: 30)
    for copy in serve(texts[1], &memory).joined() { memory.unlock(copy.node) }
    #expect(memory.match(texts[0], limit: 16).tokens == 0 && memory.tree.host?.free == 4)
    #expect(memory.tree.onDevice(memory.match(texts[1], limit: 16)).tokens == 16)
    #expect(memory.brokenInvariant([]) == nil)
  }

  /// Nine tokens are computed again; so is what finds no room beside what is locked.
  @Test func fewTokensAndFullPoolsAreNotLoaded() {
    var memory = memory(.writeThrough)
    let text = text(1, prompt: 12, answer: 100, 5)
    for copy in serve(text, &memory).joined() { memory.unlock(copy.node) }
    memory.evict(toFree: 30)
    #expect(memory.loadBack(memory.match(text, limit: 9)) == 0)
    var other = RadixMemory.Hold()
    memory.begin(&other, at: .root, finalTokens: 21)
    memory.extend(&other, to: 21)
    #expect(memory.loadBack(memory.match(text, limit: 12)) == 0 && memory.free == 9)
    #expect(memory.brokenInvariant([other]) == nil)
  }

  /// Sequences that come, grow, are handed over and leave, copies and loads that end at random: slots on the device and on
  /// the host are conserved, what is on neither is not in the tree, and what is copied or loaded stays on the device.
  @Test(arguments: 0..<60 as Range<UInt64>)
  func bytesAreConserved(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "radix host")
    let block = [1, 3, 4][chance.below(3)]
    let pool = 12 * (4 + chance.below(10))
    var memory = RadixMemory(
      blockSize: block, poolTokens: pool,
      host: RadixHost(
        capacity: block * (3 + chance.below(pool)),
        policy: RadixHost.WritePolicy.allCases[chance.below(3)]))
    var flying: [(hold: RadixMemory.Hold, text: TokenText, prompt: Int)] = []
    var moving: [RadixTree.NodeID] = []
    var loaded = 0
    for step in 0..<300 {
      if flying.count < 4 {
        let prompt = 1 + chance.below(30)
        let text = text(Int64(chance.below(4)), prompt: prompt, answer: Int64(100 + step), 12)
        let place = memory.match(text, limit: prompt - 1)
        var start = memory.tree.onDevice(place)
        let tokens = memory.loadBack(place)
        if tokens > 0 {
          (start, loaded) = (place, loaded + tokens)
          moving.append(place.node)
        }
        memory.lock(start.node)
        memory.evict(toFree: prompt + block)
        var hold = RadixMemory.Hold()
        memory.begin(&hold, at: start, finalTokens: prompt + 11)
        if memory.missing(hold, for: prompt) <= memory.free {
          memory.extend(&hold, to: prompt)
          flying.append((hold, text, prompt))
        } else {
          memory.release(&hold)
        }
      }
      for index in flying.indices.reversed() {
        let tokens = flying[index].hold.tokens
        if chance.below(3) == 0 {
          memory.checkpoint(
            &flying[index].hold, flying[index].text, upTo: tokens,
            promptTokens: flying[index].prompt, isUse: chance.below(4) > 0)
        }
        memory.evict(toFree: block)
        let canGrow = memory.missing(flying[index].hold, for: tokens + 1) <= memory.free
        if canGrow && tokens < flying[index].text.count - 1 && chance.below(8) > 0 {
          memory.extend(&flying[index].hold, to: tokens + 1)
        } else {
          memory.release(&flying[index].hold)
          flying.remove(at: index)
        }
        let copies = memory.takeCopies().map(\.node)
        if memory.tree.host?.policy != .writeBack { moving += copies }
        let broken = memory.brokenInvariant(flying.map(\.hold), moving: moving)
        try #require(broken == nil, "seed \(seed), step \(step)")
      }
      while !moving.isEmpty, chance.below(3) > 0 {
        memory.unlock(moving.remove(at: chance.below(moving.count)))
      }
    }
  }
}
