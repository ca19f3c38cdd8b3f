import CostModel
import KVMemory
import Serving

/// A model, a pool and an engine's limits, as managers of KV memory are made for them.
package struct MemoryModel: Sendable {
  /// Bytes of the pool on one GPU, the same for every manager.
  package var bytes: Int
  /// Layers by what they keep, on one GPU.
  package var layers: [KeptLayers]
  /// The groups of vLLM's V1 engine, and the bytes of their pages.
  package var vllmGroups: [KVGroup]
  package var vllmPageBytes: Int
  package var blockTokens: Int
  package var batchedTokens: Int
  package var modelLength: Int
  /// Tensors of a layer that managers of virtual memory map: K and V, or one of latent vectors.
  package var tensorsPerLayer: Int
  /// Whether the trace says what its prompts consist of, so that there is something to cache.
  package var isCaching: Bool
  /// Tokens that rules keep that drop tokens.
  package var capTokens = 2048

  /// - Precondition: The system of the scenario groups layers as vLLM's V1 engine does.
  package init(_ resolved: ResolvedScenario, isCaching: Bool) {
    var scenario = resolved.scenario
    scenario.prefixCaching = isCaching
    bytes = resolved.kvBudget?.kvBytes ?? resolved.kvCapacity.bytes
    let stage = scenario.model.stage(of: scenario.pipelineParallel)
    let spec = KVCacheSpec(
      stage, tensorParallel: scenario.tensorParallel, elements: scenario.kvCache,
      blockTokens: scenario.blockSize)
    layers = spec.groups.map { group in
      KeptLayers(
        keeps: group.keeps, layers: group.layers,
        bytes: group.keeps.isState
          ? group.blockBytes : (group.blockBytes + group.blockTokens - 1) / group.blockTokens)
    }
    let grouped = scenario.kvCacheSpec
    vllmGroups = grouped.groups
    vllmPageBytes = grouped.blockBytes
    blockTokens = scenario.blockSize
    batchedTokens = resolved.settings.maxBatchedTokens
    modelLength = resolved.settings.maxModelLength
    let isLatent = stage.layers.kinds.contains { run in
      if case .latent = run.layer.attention { true } else { false }
    }
    tensorsPerLayer = isLatent ? 1 : 2
    self.isCaching = isCaching
  }

  /// Layers that have tokens, and those that have a state.
  package var tokenLayers: [KeptLayers] { layers.filter { !$0.keeps.isState } }
  package var stateLayers: [KeptLayers] { layers.filter(\.keeps.isState) }
  package var hasStates: Bool { !stateLayers.isEmpty }
  /// Whether some layer reads less than every token.
  package var hasWindows: Bool { tokenLayers.contains { $0.keeps != .all } }
  package var isPlain: Bool { layers.count == 1 && !hasWindows && !hasStates }

  /// K and V of every layer that has tokens.
  package var tensors: Int { tensorsPerLayer * tokenLayers.reduce(0) { $0 + $1.layers } }
}
