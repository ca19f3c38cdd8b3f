import CostModel
import KVMemory

extension HybridMemory.Found: FoundPrefix {
  package var missing: BlockKey? { nil }
  package func contains(_ block: BlockID) -> Bool { tables.contains { $0.contains(block) } }
}

extension HybridMemory: TokenBudgetMemory {
  /// The memory of a `vllm-v1` with these groups of layers.
  package init(_ settings: EngineSettings, groups: [BlockGroup]) {
    self.init(
      groups: groups, deviceBlocks: settings.deviceBlocks, isCaching: settings.v1.prefixCaching,
      retention: settings.v1.retention, freeQueueRule: settings.v1.freeQueueRule,
      evictionPolicy: settings.v1.eviction, longestSequence: settings.maxModelLength,
      drafting: settings.v1.speculation?.caching ?? DraftRules())
  }

  package typealias Growth = VisitingGrowth
  package static var onlyTakes: Bool { false }

  package func blocks(of sequence: Int) -> [BlockID] { blocks(of: sequence, group: 0) }

  package mutating func lastBlock(of sequence: Int) -> BlockID {
    blocks(of: sequence, group: 0).last ?? 0
  }

  package var groupCount: Int { groups.count }

  package func blocksBehind(_ tokens: Int) -> Int {
    groups.filter { !$0.keeps.isState }
      .reduce(0) { $0 + ($1.blockTokens - 1 + tokens) / $1.blockTokens }
  }

  package mutating func contentKey(ofBlock block: Int, of sequence: Int, group: Int) -> ContentKey {
    pool.contentKey(of: key(ofBlock: block, of: sequence, group))
  }

  package mutating func contentKeys(
    ofBlocks blocks: [Int], of sequence: Int, group: Int
  ) -> [ContentKey] {
    blocks.map { contentKey(ofBlock: $0, of: sequence, group: group) }
  }

  package mutating func tell(
    _ sequence: Int, promptTokens: Int,
    _ spans: (_ blockTokens: Int, _ enter: (RunIdentity, Int) -> Int32) -> [BlockSpan]
  ) {
    var all: [[BlockSpan]] = []
    all.reserveCapacity(groups.count)
    for group in groups.indices {
      let blockTokens = groups[group].blockTokens
      // Blocks of as many tokens end in the same runs.
      if group > 0, blockTokens == groups[0].blockTokens {
        all.append(enter(alike: all[0], group: group))
      } else {
        all.append(spans(blockTokens) { enter($0, blocks: $1, group: group) })
      }
    }
    setContents(of: sequence, promptTokens: promptTokens, all)
  }

  /// A group may find more wherever one of its blocks got a key.
  package mutating func cacheFullBlocks(of sequence: Int, missing: BlockKey?) -> Bool {
    cacheFullBlocks(of: sequence)
  }

  package mutating func cacheFullBlocks(
    of sequence: Int, tokens: Int, known: Int, missing: BlockKey?
  ) -> Bool {
    cacheFullBlocks(of: sequence, tokens: tokens, known: known)
  }
}
