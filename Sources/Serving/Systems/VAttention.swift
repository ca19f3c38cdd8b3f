import SimulationKernel

extension ServingSystem {
  /// vAttention under the scheduler of `vllm-0.2`, over blocks as large as a page-group.
  ///
  /// - Source: vAttention (Prabhu et al., ASPLOS 2025); the defaults are those of vLLM 0.2.
  package static let vattention = ServingSystem(
    name: "vattention",
    summary: "virtual tensors, page-groups mapped on demand; scheduled as vllm-0.2",
    capabilities: Capabilities(
      // Virtual tensors belong to one request each and share nothing.
      sequences: .one, mapsPageGroups: true, cpuStandIn: "vllm-0.2"),
    defaults: { _ in
      Defaults(maxSequences: 256, maxBatchedTokens: 2560, gpuMemoryUtilization: 0.90)
    },
    configure: { choices, settings in settings.pageGroups = choices.pageGroups },
    make: {
      // The driver maps memory request by request, so each iteration has to list who runs.
      var listed = $0.settings
      listed.stepping = .iteration
      return $0.replica(
        PromptOrDecodeScheduler(requests: $0.requests, settings: listed, watermarkBlocks: 0),
        executor: VirtualTensorExecutor(
          $0.executor, requests: $0.requests.requests, engine: $0.settings))
    })
}

extension EngineSettings {
  /// How `vattention` maps memory.
  package var pageGroups: PageGroupSettings {
    get { self[PageGroupSettings.self] }
    set { self[PageGroupSettings.self] = newValue }
  }
}

extension PageGroupSettings: SystemOptions {
  /// Mapping that takes no time.
  package init() { self.init(mappingTime: .zero) }
}
