import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct RadixMemoryTests {
  private func text(_ stream: Int64, prompt: Int, answer: Int64, _ count: Int) -> TokenText {
    var text = TokenText()
    text.append(stream: stream, start: 0, count: prompt)
    text.append(stream: answer, start: 0, count: count)
    return text
  }

  /// Pages of 4, a pool of 40. A prompt of 10 and an answer of 6, whose last token has no slot: 15 tokens, 4 pages.
  @Test func aSequenceHandsItsWholeBlocksToTheTree() {
    var memory = RadixMemory(blockSize: 4, poolTokens: 40)
    let text = text(1, prompt: 10, answer: 100, 6)
    var hold = RadixMemory.Hold()
    memory.begin(&hold, at: memory.match(text, limit: 9), finalTokens: 15)
    memory.extend(&hold, to: 10)
    #expect(memory.free == 28 && memory.ledger.tokenState == 10 && memory.ledger.reserved == 2)
    memory.checkpoint(&hold, text, upTo: 10, promptTokens: 10)
    #expect(memory.tree.protected == 8 && memory.ownTokens == 2 && memory.ownSlots == 4)
    memory.extend(&hold, to: 15)
    // The last page has one slot that no token will ever fill.
    #expect(memory.ledger.internalFragmentation == 1 && memory.ledger.tokenState == 15)
    #expect(memory.brokenInvariant([hold]) == nil)
    memory.checkpoint(&hold, text, upTo: 15, promptTokens: 10)
    memory.release(&hold)
    // 12 tokens stay: two pages of the prompt, and a page that holds its end and the beginning of the answer.
    #expect(memory.tree.evictable == 12 && memory.free == 28 && memory.tree.nodeCount == 2)
    memory.evict(toFree: 29)
    #expect(memory.free == 32 && memory.tree.evictable == 8, "the answer goes before its prompt")
    #expect(memory.brokenInvariant([]) == nil)
  }

  /// Two sequences compute the same prompt at once; the second finds it when it hands its own over, which is freed.
  @Test func duplicatesAreFreed() {
    var memory = RadixMemory(blockSize: 1, poolTokens: 50)
    var holds = [RadixMemory.Hold(), RadixMemory.Hold()]
    let texts = [text(1, prompt: 12, answer: 100, 5), text(1, prompt: 12, answer: 101, 5)]
    for index in 0...1 {
      memory.begin(&holds[index], at: memory.match(texts[index], limit: 11), finalTokens: 16)
      memory.extend(&holds[index], to: 12)
    }
    #expect(memory.free == 26)
    for index in 0...1 {
      memory.checkpoint(&holds[index], texts[index], upTo: 12, promptTokens: 12)
    }
    #expect(memory.free == 38 && memory.tree.protected == 12)
    #expect(memory.logicalBlockCount == 24)
    #expect(memory.brokenInvariant(holds) == nil)
  }

  /// What is handed over at once is cut at the prompt's last whole page.
  @Test func promptAndAnswerAreTwoNodes() {
    var memory = RadixMemory(blockSize: 4, poolTokens: 40)
    var hold = RadixMemory.Hold()
    let text = text(1, prompt: 10, answer: 100, 6)
    memory.begin(&hold, at: .root, finalTokens: 15)
    memory.extend(&hold, to: 15)
    memory.checkpoint(&hold, text, upTo: 15, promptTokens: 10)
    #expect(memory.tree.nodeCount == 2 && memory.tree.protected == 12)
    #expect(memory.brokenInvariant([hold]) == nil)
  }

  @Test func withoutACacheNothingStays() {
    var memory = RadixMemory(blockSize: 1, poolTokens: 50, isCaching: false)
    var hold = RadixMemory.Hold()
    let text = text(1, prompt: 12, answer: 100, 5)
    memory.begin(&hold, at: memory.match(text, limit: 11), finalTokens: 16)
    memory.extend(&hold, to: 12)
    memory.checkpoint(&hold, text, upTo: 12, promptTokens: 12)
    #expect(memory.tree.size == 0 && memory.match(text, limit: 12) == .root)
    memory.release(&hold)
    #expect(memory.free == 50 && memory.brokenInvariant([]) == nil)
  }

  /// Sequences that come, grow, are handed over and leave at random: the pool is conserved at each step.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func conservesThePool(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "radix memory")
    var memory = RadixMemory(
      blockSize: [1, 3, 4][chance.below(3)], poolTokens: 12 * (4 + chance.below(10)),
      isCaching: chance.below(5) > 0)
    var flying: [(hold: RadixMemory.Hold, text: TokenText, prompt: Int)] = []
    for step in 0..<300 {
      if flying.count < 4 {
        let prompt = 1 + chance.below(14)
        let text = text(Int64(chance.below(3)), prompt: prompt, answer: Int64(100 + step), 12)
        let place = memory.match(text, limit: prompt - 1)
        memory.lock(place.node)
        memory.evict(toFree: prompt + memory.blockSize)
        var hold = RadixMemory.Hold()
        memory.begin(&hold, at: place, finalTokens: prompt + 11)
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
            promptTokens: flying[index].prompt)
        }
        memory.evict(toFree: memory.blockSize)
        let canGrow = memory.missing(flying[index].hold, for: tokens + 1) <= memory.free
        if canGrow && tokens < flying[index].text.count - 1 && chance.below(8) > 0 {
          memory.extend(&flying[index].hold, to: tokens + 1)
        } else {
          memory.release(&flying[index].hold)
          flying.remove(at: index)
        }
        let broken = memory.brokenInvariant(flying.map(\.hold))
        try #require(broken == nil, "seed \(seed), step \(step)")
      }
    }
  }
}
