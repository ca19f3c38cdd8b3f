import KVMemory

extension ServingSystem {
  /// vLLM as the PagedAttention paper evaluates it.
  ///
  /// - Source: the SOSP'23 artifact: 2,048 sequences, 2,560 tokens, 95 % of the memory, 20 GiB of swap
  ///   space for each GPU.
  package static let vllmSOSP23 = ServingSystem(
    name: "vllm-sosp23",
    summary:
      "paged KV with copy-on-write; mixed iterations, first come first served, preempts the tail",
    capabilities: Capabilities(isPaged: true, swaps: true),
    defaults: { _ in
      Defaults(
        maxSequences: 2048, maxBatchedTokens: 2560, gpuMemoryUtilization: 0.95, swapSpaceGiB: 20)
    },
    make: {
      let memory = PagedMemory(sosp23: $0.settings)
      return $0.replica(
        MixedIterationScheduler(requests: $0.requests, settings: $0.settings, memory: memory))
    })
}

extension PagedMemory {
  /// The memory of the SOSP'23 artifact: 1 % of the blocks are its watermark.
  package init(sosp23 settings: EngineSettings) {
    self.init(
      blockSize: settings.blockSize, deviceBlocks: settings.deviceBlocks,
      hostBlocks: settings.hostBlocks, watermarkBlocks: settings.deviceBlocks / 100)
  }
}
