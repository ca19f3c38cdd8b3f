import KVMemory
import SimulationKernel
import Workload

@testable import Serving

/// Schedulers as tests make them: of a list of requests, at no time in particular.
extension MixedIterationScheduler {
  init(requests: [Request], settings: EngineSettings, memory: Memory) {
    self.init(requests: RunRequests(requests), settings: settings, memory: memory)
  }
}

extension PromptOrDecodeScheduler {
  init(
    requests: [Request], settings: EngineSettings, watermarkBlocks: Int? = nil,
    sampleTargets: [RequestID: [Int32]] = [:]
  ) {
    self.init(
      requests: RunRequests(requests), settings: settings, watermarkBlocks: watermarkBlocks,
      sampleTargets: sampleTargets)
  }
}

extension TokenBudgetScheduler {
  init(
    requests: [Request], settings: EngineSettings, contents: PromptContents? = nil,
    priorities: [Int32]? = nil
  ) {
    self.init(
      requests: RunRequests(requests), settings: settings, contents: contents,
      priorities: priorities)
  }
}

extension StaticBatchScheduler {
  init(requests: [Request], settings: EngineSettings) {
    self.init(requests: RunRequests(requests), settings: settings)
  }
}

extension Scheduler {
  mutating func schedule(into plan: inout IterationPlan) { schedule(at: .zero, into: &plan) }
}
