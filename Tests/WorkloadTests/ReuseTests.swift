import SimulationKernel
import Statistics
import Testing

@testable import Workload

/// One pass against replays, and replays against what anyone can see.
@Suite struct ReuseTests {
  /// Prompts over a few texts: requests extend, repeat and branch; some generate what others quote.
  static func trace(
    _ seed: UInt64, requests count: Int, quotes: Bool = false
  ) -> ([Request], PromptContents) {
    var numbers = RandomStream(seed: seed, label: "reuse")
    var requests: [Request] = []
    var contents = PromptContents()
    for id in 0..<count {
      var pieces: [TokenPiece] = []
      for level in 0..<(1 + numbers.below(3)) {
        let stream = Int64(10 * level + numbers.below(3))
        pieces.append(TokenPiece(stream: stream, start: 0, count: Int32(1 + numbers.below(9))))
        if quotes, id > 0, numbers.below(3) == 0 {
          let earlier = numbers.below(id)
          pieces = Array(contents.pieces(of: earlier))
          pieces.append(
            TokenPiece(
              stream: PromptContents.outputStream(of: earlier), start: 0,
              count: requests[earlier].outputTokens))
        }
      }
      contents.append(pieces)
      let tokens = contents.promptTokens(of: id)
      requests.append(
        Request(promptTokens: Int32(tokens), outputTokens: Int32(1 + numbers.below(6))))
    }
    return (requests, contents)
  }

  /// A plain list of blocks, the most recent first.
  static func plainFinds(_ replay: BlockReplay, capacity: Int) -> BlockReplay.Finds {
    var cached: [Int32] = []
    var finds = BlockReplay.Finds()
    for path in replay.paths {
      let found = path.prompt.prefix { cached.contains($0) }.count
      finds.blocks += found
      finds.tokens += min(found * replay.blockTokens, path.promptTokens)
      for block in path.used {
        cached.removeAll { $0 == block }
        cached.insert(block, at: 0)
        if cached.count > capacity { cached.removeLast() }
      }
    }
    return finds
  }

  @Test(arguments: 0..<30) func onePassFindsWhatReplaysFind(seed: UInt64) {
    let (requests, contents) = Self.trace(seed, requests: 60, quotes: seed % 2 == 1)
    let blockTokens = 1 + Int(seed % 4)
    let curve = ReuseCurve(requests, contents, blockTokens: blockTokens)
    let replay = BlockReplay(requests, contents, blockTokens: blockTokens)
    #expect(curve.blocks == replay.promptBlocks)
    #expect(curve.tokens == replay.promptTokens)
    for capacity in [1, 2, 3, 5, 8, 13, 21, 34, 55, 1000] {
      let plain = Self.plainFinds(replay, capacity: capacity)
      #expect(replay.finds(.lru, capacity: capacity) == plain, "\(capacity)")
      let blocks = curve.blockHitRatio(capacity: capacity).mean * Double(curve.blocks)
      let tokens = curve.tokenHitRatio(capacity: capacity).mean * Double(curve.tokens)
      #expect(Int(blocks.rounded()) == plain.blocks, "\(capacity)")
      #expect(Int(tokens.rounded()) == plain.tokens, "\(capacity)")
    }
    let saturated = curve.blockHitRatio(capacity: curve.saturation)
    #expect(saturated == curve.blockHitRatio(capacity: .max))
    if curve.saturation > 1 {
      #expect(curve.blockHitRatio(capacity: curve.saturation - 1).mean < saturated.mean)
    }
  }

  /// What each request finds at given depths adds up to the curve.
  @Test(arguments: 0..<10) func visitsAddUp(seed: UInt64) {
    let (requests, contents) = Self.trace(seed, requests: 80, quotes: true)
    let depths = [3, 9, 40]
    var sums = [0, 0, 0]
    var visits = 0
    let curve = ReuseCurve(
      requests, contents, blockTokens: 2, depths: depths,
      visit: { request, tokens in
        #expect(request == visits)
        visits += 1
        #expect(tokens == tokens.sorted())
        for index in tokens.indices { sums[index] += tokens[index] }
      })
    #expect(visits == requests.count)
    for (depth, sum) in zip(depths, sums) {
      let tokens = curve.tokenHitRatio(capacity: depth).mean * Double(curve.tokens)
      #expect(Int(tokens.rounded()) == sum)
    }
  }

  /// A sample of everything but a hair is everything, in eight parts.
  @Test func aSampleIsNearTheWhole() {
    let (requests, contents) = Self.trace(5, requests: 20_000, quotes: false)
    var longer = PromptContents()
    var rows = requests
    var numbers = RandomStream(seed: 5, label: "long")
    for id in requests.indices {
      let text = TokenPiece(
        stream: Int64(numbers.below(400)), start: 0, count: Int32(1 + numbers.below(300)))
      longer.append([text])
      rows[id].promptTokens = text.count
    }
    _ = contents
    let whole = ReuseCurve(rows, longer, blockTokens: 1)
    let part = ReuseCurve(rows, longer, blockTokens: 1, rate: 0.05)
    for capacity in [2_000, 10_000, 40_000, 100_000] {
      let exact = whole.blockHitRatio(capacity: capacity).mean
      let estimate = part.blockHitRatio(capacity: capacity)
      #expect(estimate.half != nil && whole.blockHitRatio(capacity: capacity).half == nil)
      // 95 % intervals: one that misses by half as much again would be news.
      #expect(
        abs(estimate.mean - exact) <= 1.5 * (estimate.half ?? 0) + 0.002,
        "\(capacity): \(estimate), \(exact)")
    }
  }

  // MARK: ARC

  /// The rules of ARC on plain arrays, the most recent first.
  private struct PlainARC {
    var lists: [[Int32]] = [[], [], [], []]
    var target = 0.0
    let capacity: Int

    func place(_ block: Int32) -> Int? { lists.firstIndex { $0.contains(block) } }

    mutating func replace(_ isInB2: Bool) {
      let recent = Double(lists[0].count)
      if !lists[0].isEmpty, recent > target || (isInB2 && recent == target) {
        lists[2].insert(lists[0].removeLast(), at: 0)
      } else if !lists[1].isEmpty {
        lists[3].insert(lists[1].removeLast(), at: 0)
      }
    }

    mutating func use(_ block: Int32) {
      let (b1, b2) = (Double(lists[2].count), Double(lists[3].count))
      let place = place(block)
      switch place {
      case 2:
        target = min(Double(capacity), target + max(1, b2 / b1))
        replace(false)
      case 3:
        target = max(0, target - max(1, b1 / b2))
        replace(true)
      case nil:
        if lists[0].count + lists[2].count == capacity {
          if lists[0].count < capacity {
            lists[2].removeLast()
            replace(false)
          } else {
            lists[0].removeLast()
          }
        } else if lists.map(\.count).reduce(0, +) >= capacity {
          if lists.map(\.count).reduce(0, +) == 2 * capacity { lists[3].removeLast() }
          replace(false)
        }
      default: break
      }
      if let place { lists[place].removeAll { $0 == block } }
      lists[place == nil ? 0 : 1].insert(block, at: 0)
    }
  }

  @Test(arguments: 0..<20) func arcFollowsItsRules(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "arc")
    let capacity = 1 + numbers.below(9)
    var cache = ARCCache(capacity: capacity, blocks: 30)
    var plain = PlainARC(capacity: capacity)
    for step in 0..<600 {
      let spread = step / 200 % 2 == 0 ? 30 : 12
      let block = Int32(min(numbers.below(spread), numbers.below(spread)))
      cache.use(block)
      plain.use(block)
      #expect(cache.counts == plain.lists.map(\.count), "step \(step)")
      #expect(cache.target == plain.target, "step \(step)")
      for block in 0..<Int32(30) {
        #expect(cache.contains(block) == (plain.place(block).map { $0 < 2 } ?? false))
      }
      #expect(cache.counts[0] + cache.counts[1] <= capacity)
    }
  }

  // MARK: The optimum

  /// The most blocks that any choice of what to keep finds, by trying all.
  private static func best(_ replay: BlockReplay, capacity: Int) -> Int {
    var reached: [Set<Int32>: Int] = [[]: 0]
    for path in replay.paths {
      var next: [Set<Int32>: Int] = [:]
      for (cached, finds) in reached {
        let found = path.prompt.prefix { cached.contains($0) }.count
        let choices = Array(cached.union(path.used)).sorted()
        for mask in 0..<(1 << choices.count) where mask.nonzeroBitCount <= capacity {
          let kept = Set(choices.indices.filter { mask >> $0 & 1 == 1 }.map { choices[$0] })
          next[kept] = max(next[kept] ?? 0, finds + found)
        }
      }
      reached = next
    }
    return reached.values.max() ?? 0
  }

  @Test(arguments: 0..<12) func theOptimumIsOne(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "optimum")
    let texts: [[Int32]] = [[0, 1, 2], [0, 1, 3], [4, 5], [0, 6]]
    let paths = (0..<9).map { _ -> BlockReplay.Path in
      let text = texts[numbers.below(texts.count)].prefix(1 + numbers.below(3))
      return BlockReplay.Path(
        prompt: Array(text), used: text.reversed(), promptTokens: text.count)
    }
    let replay = BlockReplay(paths, distinctBlocks: 7, blockTokens: 1)
    for capacity in 1...4 {
      let optimal = replay.finds(.optimal, capacity: capacity).blocks
      #expect(optimal == Self.best(replay, capacity: capacity), "\(capacity)")
    }
  }

  @Test(arguments: 0..<10) func nothingBeatsTheOptimum(seed: UInt64) {
    let (requests, contents) = Self.trace(seed, requests: 300, quotes: seed % 2 == 0)
    let replay = BlockReplay(requests, contents, blockTokens: 2)
    for capacity in [1, 4, 10, 25] {
      let optimal = replay.finds(.optimal, capacity: capacity).blocks
      #expect(optimal >= replay.finds(.lru, capacity: capacity).blocks)
      #expect(optimal >= replay.finds(.arc, capacity: capacity).blocks)
    }
    let all = replay.finds(.lru, capacity: replay.distinctBlocks)
    #expect(replay.finds(.optimal, capacity: replay.distinctBlocks) == all)
    #expect(replay.finds(.arc, capacity: replay.distinctBlocks) == all)
  }
}
