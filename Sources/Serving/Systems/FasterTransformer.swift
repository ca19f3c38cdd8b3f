extension ServingSystem {
  /// FasterTransformer behind a scheduler that forms batches.
  ///
  /// - Source: the baseline of the SOSP'23 artifact. It takes as many sequences as its slots hold.
  package static let fasterTransformer = ServingSystem(
    name: "fastertransformer",
    summary: "static slots of the longest sequence; a batch runs to its end",
    capabilities: Capabilities(hasStaticBatches: true, isCompiled: true),
    defaults: { _ in
      Defaults(maxSequences: 2048, maxBatchedTokens: 2560, gpuMemoryUtilization: 0.95)
    },
    make: { $0.replica(StaticBatchScheduler(requests: $0.requests, settings: $0.settings)) })
}
