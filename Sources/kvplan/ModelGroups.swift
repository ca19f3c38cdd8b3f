import CostModel
import KVMemory
import Serving

/// What a model keeps of a sequence, and how `vllm-v1` holds it, 16-bit and on one GPU.
struct ModelGroups {
  private let model: ModelSpec
  private let layers: KVCacheSpec
  private let pool: KVCacheSpec

  init(_ model: ModelSpec) {
    self.model = model
    let system = ServingSystem.vllmV1
    let blockTokens = 16
    layers = KVCacheSpec(
      model, tensorParallel: 1, elements: .bfloat16, blockTokens: blockTokens)
    guard let rules = system.kvGroups(release: system.defaultRelease) else {
      preconditionFailure("`\(system.name)` groups no layers")
    }
    pool = KVCacheSpec(
      model, tensorParallel: 1, elements: .bfloat16, blockTokens: blockTokens,
      grouping: KVGrouping(rules: rules, prefixCaching: true, modelLength: model.maxPositions))
  }

  /// Such as `52 window of 1024, 10 all`.
  var layersByKind: String {
    layers.groups.map { "\($0.layers) \($0.keeps.name)" }.joined(separator: ", ")
  }

  /// Bytes of a token that stays in a group, such as `6 × 65536 window of 1024, 65536 all`; of a state, its bytes.
  var tokenBytesByGroup: String {
    pool.countedGroups.map { group, count in
      let bytes = group.keeps.isState ? group.blockBytes : group.bytesPerToken
      return (count > 1 ? "\(count) × " : "") + "\(bytes) \(group.keeps.name)"
    }.joined(separator: ", ")
  }

  /// Bytes of the blocks that a sequence holds once so many tokens are computed; `nil` beyond the model's positions.
  func contextBytes(_ tokens: Int) -> Int? {
    guard tokens <= model.maxPositions else { return nil }
    return pool.groups.reduce(0) { $0 + $1.blocks(forTokens: tokens) } * pool.blockBytes
  }
}
