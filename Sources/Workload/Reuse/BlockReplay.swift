/// Prompts past one cache of a given size: for policies whose finds of every size do not follow from one pass.
///
/// As ``ReuseCurve``: one request after the other, its blocks used from the last to the first. A block counts as found if
/// it is cached when the request comes, and all before it are.
package struct BlockReplay: Sendable {
  /// What is dropped.
  package enum Policy: String, CaseIterable, Sendable {
    /// The block that was not used for longest.
    case lru
    /// By recency and frequency, which share the cache as finds of dropped blocks say (``ARCCache``).
    case arc
    /// The block that is not needed for longest: no policy finds more.
    case optimal
  }

  /// What a cache found of all prompts.
  package struct Finds: Equatable, Sendable {
    package var blocks = 0
    package var tokens = 0
  }

  /// The blocks that each request leaves, by number, those of its prompt first; a partial last block of a prompt that its
  /// output fills is behind them.
  struct Path: Equatable, Sendable {
    /// Blocks of the prompt.
    var prompt: [Int32]
    /// What is used, from the last to the first.
    var used: [Int32]
    var promptTokens: Int
  }

  let paths: [Path]
  /// Distinct blocks.
  package let distinctBlocks: Int
  package let blockTokens: Int
  package let promptBlocks: Int
  package let promptTokens: Int

  /// - Precondition: `contents` describes `requests`; `blockTokens` is positive.
  package init(_ requests: [Request], _ contents: PromptContents, blockTokens: Int) {
    var numbers: [UInt64: Int32] = [:]
    func number(_ hash: UInt64) -> Int32 {
      let next = Int32(numbers.count)
      return numbers[hash]
        ?? {
          numbers[hash] = next
          return next
        }()
    }
    let keepsOutput = contents.quotesOutputs
    var paths: [Path] = []
    paths.reserveCapacity(requests.count)
    var blocks = PromptBlocks(blockTokens: blockTokens)
    for id in requests.indices {
      blocks.read(contents, of: id, requests[id], keepsOutput: keepsOutput)
      paths.append(
        Path(
          prompt: blocks.prompt.map(number), used: blocks.left.reversed().map(number),
          promptTokens: Int(requests[id].promptTokens)))
    }
    self.init(paths, distinctBlocks: numbers.count, blockTokens: blockTokens)
  }

  init(_ paths: [Path], distinctBlocks: Int, blockTokens: Int) {
    self.paths = paths
    self.distinctBlocks = distinctBlocks
    self.blockTokens = blockTokens
    promptBlocks = paths.reduce(0) { $0 + $1.prompt.count }
    promptTokens = paths.reduce(0) { $0 + $1.promptTokens }
  }

  /// What a cache of `capacity` blocks, at least 1, finds.
  ///
  /// - Complexity: O(blocks used), times O(log capacity) for ``Policy/optimal``.
  package func finds(_ policy: Policy, capacity: Int) -> Finds {
    switch policy {
    case .lru:
      var cache = LRUCache(capacity: capacity, blocks: distinctBlocks)
      return replay({ cache.contains($0) }, { for block in $0.used { cache.use(block) } })
    case .arc:
      var cache = ARCCache(capacity: capacity, blocks: distinctBlocks)
      return replay({ cache.contains($0) }, { for block in $0.used { cache.use(block) } })
    case .optimal:
      var cache = OptimalCache(capacity: capacity, blocks: distinctBlocks)
      let needs = nextNeeds
      var index = 0
      func use(_ path: Path) {
        cache.use(path.used, nextNeeds: needs[index])
        index += 1
      }
      return replay({ cache.contains($0) }, use)
    }
  }

  private func replay(_ contains: (Int32) -> Bool, _ use: (Path) -> Void) -> Finds {
    var finds = Finds()
    for path in paths {
      let found = path.prompt.prefix { contains($0) }.count
      finds.blocks += found
      finds.tokens += min(found * blockTokens, path.promptTokens)
      use(path)
    }
    return finds
  }

  /// Of each use, the next request that has the block in its prompt; none is `Int32.max`.
  private var nextNeeds: [[Int32]] {
    var next = [Int32](repeating: .max, count: distinctBlocks)
    var needs: [[Int32]] = Array(repeating: [], count: paths.count)
    for request in paths.indices.reversed() {
      needs[request] = paths[request].used.map { next[Int($0)] }
      for block in paths[request].prompt { next[Int(block)] = Int32(request) }
    }
    return needs
  }
}
