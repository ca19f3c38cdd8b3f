/// What a prefix cache would find of a trace's prompts, by its size.
///
/// Every prompt is cut into blocks from its first token, the last one partial, and a block is the
/// same as another if all tokens up to its end are. A request finds the blocks, from the first on,
/// that requests before it left. Requests are taken one after another, as if each ended before the
/// next began, and the cache drops the block least recently used, the later one of two that one
/// request used. Where prompts quote outputs of the trace, as in chats, generated tokens are left
/// in the cache too.
///
/// We differ from engines in two ways: these keep full blocks only, and compute the last token of a
/// prompt again even if it is cached.
package struct PrefixCacheCurve: Equatable, Sendable {
  /// A cache size, and the share of all prompt tokens that it finds.
  package struct Point: Equatable, Sendable {
    package let cacheTokens: Int
    package let tokenHitRatio: Double
  }

  package let blockTokens: Int
  /// Blocks of all prompts.
  package private(set) var blocks = 0
  /// Blocks that differ.
  package private(set) var uniqueBlocks = 0
  /// Share of the blocks found in a cache without bound.
  package private(set) var blockHitRatio = 0.0
  /// Share of the prompt tokens found in a cache without bound.
  package private(set) var tokenHitRatio = 0.0
  /// The mean over requests of the share of their prompt that is found.
  package private(set) var meanRequestHitRatio = 0.0
  /// Share of the requests of which at least a block is found.
  package private(set) var requestHitShare = 0.0
  /// Caches of doubling size, up to the first that finds all that the unbounded one does.
  package private(set) var points: [Point] = []

  /// Runs the prompts of `requests` past caches of every size at once.
  ///
  /// - Parameter progress: Told how many requests are done, every few.
  /// - Precondition: `contents` describes `requests`; `blockTokens` is positive.
  /// - Complexity: O(b log b) time and O(unique blocks) memory for b blocks.
  init(
    _ requests: [Request], _ contents: PromptContents, blockTokens: Int,
    progress: (_ done: Int) -> Void = { _ in }
  ) {
    self.blockTokens = blockTokens
    var distances = StackDistances()
    /// Last blocks that are not full; what is left behind may end otherwise than the prompt.
    var partials: Set<UInt64> = []
    var partialsTouched: Set<UInt64> = []
    /// Tokens found by caches of at least 2^index blocks but no smaller ones.
    var foundTokens = [Int](repeating: 0, count: Int.bitWidth)
    var (tokens, foundBlocks, requestsWithHit) = (0, 0, 0)
    var hitRatios = 0.0
    let quotes = contents.quotesOutputs
    var path = PromptBlocks(blockTokens: blockTokens)
    for id in requests.indices {
      if id % 256 == 0 { progress(id) }
      path.read(contents, of: id, requests[id], keepsOutput: quotes)
      let prompt = path.prompt
      let length = Int(requests[id].promptTokens)
      var hitTokens = 0
      tokens += length
      blocks += prompt.count
      distances.found(prompt) { distance, count in
        foundBlocks += count
        Self.spread(count, from: distance) { index, count in
          let found = min(count * blockTokens, length - hitTokens)
          foundTokens[index] += found
          hitTokens += found
        }
      }
      if hitTokens > 0 { requestsWithHit += 1 }
      hitRatios += Double(hitTokens) / Double(length)
      if let partial = path.partial { partials.insert(partial) }
      if let last = path.leftPartial { partialsTouched.insert(last) }
      distances.touch(path.left)
    }
    uniqueBlocks = distances.count + partials.subtracting(partialsTouched).count
    blockHitRatio = Double(foundBlocks) / Double(max(1, blocks))
    tokenHitRatio = Double(foundTokens.reduce(0, +)) / Double(max(1, tokens))
    meanRequestHitRatio = hitRatios / Double(requests.count)
    requestHitShare = Double(requestsWithHit) / Double(requests.count)
    points = Self.points(foundTokens, tokens: tokens, blockTokens: blockTokens)
  }

  /// `count` blocks at distances from `first` on, by the sizes of caches that find them.
  private static func spread(
    _ count: Int, from first: Int, _ body: (_ index: Int, _ count: Int) -> Void
  ) {
    var (distance, left) = (first, count)
    while left > 0 {
      let index = Int.bitWidth - distance.leadingZeroBitCount
      let here = min(left, (1 << index) - distance)
      body(index, here)
      distance += here
      left -= here
    }
  }

  /// A distance of 0 needs a cache of one block, 1 one of two, 2 and 3 one of four, and so on.
  private static func points(
    _ foundTokens: [Int], tokens: Int, blockTokens: Int
  ) -> [Point] {
    let last = foundTokens.lastIndex { $0 > 0 } ?? 0
    var found = 0
    return foundTokens[...last].enumerated().map { index, more in
      found += more
      return Point(
        cacheTokens: blockTokens << index, tokenHitRatio: Double(found) / Double(max(1, tokens)))
    }
  }
}
