import CostModel
import KVMemory
import Planning
import Results

/// A pool that several KV groups share: what a block is worth in each, and what a sequence takes.
struct FitGroups {
  private let capacity: KVCapacity
  private let modelLength: Int
  /// Equal groups once, with how many there are.
  private let groups: [(group: KVGroup, count: Int)]

  /// `nil` where all layers share one block table.
  init?(_ fit: MemoryFit) {
    guard fit.capacity.cache.countsNullBlock else { return nil }
    capacity = fit.capacity
    modelLength = fit.maxModelLength
    groups = capacity.cache.countedGroups
  }

  var rendered: String {
    var table = TextTable([
      .init("KV groups", .right), .init("keep", .left), .init("layers", .right),
      .init("tokens of a block", .right), .init("bytes", .right),
      .init("blocks of a sequence", .right),
    ])
    table.rows = groups.map { group, count in
      [
        "\(count)", group.keeps.name, "\(group.layers)", "\(group.blockTokens)",
        "\(group.blockBytes)", "\(blocks(group))",
      ]
    }
    return table.rendered(maxWidth: Terminal.width)
  }

  /// The sequences that the pool holds are to follow.
  var conclusion: String {
    "\(capacity.blocks) blocks (\(capacity.blockBytes) bytes each, one stands for none); a sequence of "
      + "\(modelLength) takes \(capacity.blocksReserved(forTokens: modelLength)): \(capacity.tokens(inSequencesOf: modelLength)) tokens, "
  }

  var members: [JSONValue.Member] {
    [
      .init("blocks_per_sequence", .integer(capacity.blocksReserved(forTokens: modelLength))),
      .init("scheduler_block_size", .integer(capacity.cache.schedulerBlockTokens)),
      .init("hash_block_size", .integer(capacity.cache.hashBlockTokens)),
      .init(
        "kv_groups",
        .array(
          groups.map { group, count in
            .object([
              .init("groups", .integer(count)), .init("keeps", .text(group.keeps.name)),
              .init("layers", .integer(group.layers)),
              .init("block_size", .integer(group.blockTokens)),
              .init("block_bytes", .integer(group.blockBytes)),
              .init("blocks_per_sequence", .integer(blocks(group))),
            ])
          })),
    ]
  }

  private func blocks(_ group: KVGroup) -> Int {
    group.blocksReserved(forTokens: modelLength, inFlight: capacity.inFlight)
  }
}
