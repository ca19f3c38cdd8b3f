import CostModel
import Serving

extension ServingSystem {
  static let halfPool = ServingSystem(
    name: "half-pool",
    summary: "vllm-0.2 that admits a request only into the first half of its pool",
    capabilities: Capabilities(isPaged: true, swaps: true),
    defaults: { _ in
      Defaults(
        maxSequences: 256, maxBatchedTokens: 2560, gpuMemoryUtilization: 0.90, swapSpaceGiB: 4)
    },
    make: {
      $0.replica(
        PromptOrDecodeScheduler(
          requests: $0.requests, settings: $0.settings,
          watermarkBlocks: $0.settings.deviceBlocks / 2))
    })
}
