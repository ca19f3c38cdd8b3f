import KVMemory
import SimulationKernel
import Workload

/// A serving system by the name that users type: a memory manager and a scheduler.
package enum ServingSystem: String, CaseIterable, Sendable {
  case vllmSOSP23 = "vllm-sosp23"
  case vllm02 = "vllm-0.2"
  case vllmV1 = "vllm-v1"
  case orcaOracle = "orca-oracle"
  case orcaPow2 = "orca-pow2"
  case orcaMax = "orca-max"
  case fasterTransformer = "fastertransformer"
  case vattention

  /// The systems of the PagedAttention paper's comparison.
  package static let paperComparison: [ServingSystem] = [
    .vllmSOSP23, .orcaOracle, .orcaPow2, .orcaMax, .fasterTransformer,
  ]

  /// One line for the catalogue.
  package var summary: String {
    switch self {
    case .vllmSOSP23:
      "paged KV with copy-on-write; mixed iterations, first come first served, preempts the tail"
    case .vllm02: "paged KV with copy-on-write and watermark; prompt-only or decode-only iterations"
    case .vllmV1:
      "paged KV with a prefix cache; token budget, chunked prefill, running first, recompute"
    case .orcaOracle: "buddy allocator, reserves the true output length; no preemption"
    case .orcaPow2: "buddy allocator, reserves the output rounded to a power of two"
    case .orcaMax: "buddy allocator, reserves the longest sequence"
    case .fasterTransformer: "static slots of the longest sequence; a batch runs to its end"
    case .vattention: "virtual tensors, page-groups mapped on demand; scheduled as vllm-0.2"
    }
  }

  /// Whether attention reads its keys and values through block tables.
  package var isPaged: Bool { [.vllmSOSP23, .vllm02, .vllmV1].contains(self) }

  /// An engine of this system that has not served anything yet.
  ///
  /// - Throws: ``RunFailure`` where the system cannot serve such requests at all.
  package func replica(
    _ run: ReplicaSetup, settings: EngineSettings, executor: any IterationExecutor
  ) throws -> any Replica {
    let requests = run.requests
    switch self {
    case .vllmSOSP23:
      return EngineReplica(
        run,
        MixedIterationScheduler(
          requests: requests, settings: settings, memory: PagedMemory(sosp23: settings)), executor)
    case .vllm02:
      return EngineReplica(
        run, PromptOrDecodeScheduler(requests: requests, settings: settings), executor)
    case .vllmV1:
      return EngineReplica(
        run,
        TokenBudgetScheduler(requests: requests, settings: settings, contents: run.contents),
        executor)
    case .orcaOracle: return orca(.oracle, run, settings, executor)
    case .orcaPow2: return orca(.pow2, run, settings, executor)
    case .orcaMax: return orca(.max, run, settings, executor)
    case .fasterTransformer:
      return EngineReplica(
        run, StaticBatchScheduler(requests: requests, settings: settings), executor)
    case .vattention:
      try requireSingleSequences(requests.requests)
      // The driver maps memory request by request, so each iteration has to list who runs.
      var listed = settings
      listed.stepping = .iteration
      return EngineReplica(
        run, PromptOrDecodeScheduler(requests: requests, settings: listed, watermarkBlocks: 0),
        VirtualTensorExecutor(executor, requests: requests.requests, engine: settings))
    }
  }

  private func orca(
    _ estimator: ReservationEstimator, _ run: ReplicaSetup, _ settings: EngineSettings,
    _ executor: any IterationExecutor
  ) -> any Replica {
    EngineReplica(
      run,
      MixedIterationScheduler(
        requests: run.requests, settings: settings,
        memory: OrcaMemory(settings, estimator: estimator)), executor)
  }
}

/// Virtual tensors belong to one request each and share nothing.
///
/// - Throws: ``RunFailure/oversized(_:_:)`` for the first request with several sequences.
private func requireSingleSequences(_ requests: [Request]) throws {
  guard let index = requests.firstIndex(where: { $0.sequenceCount > 1 }) else { return }
  throw RunFailure.oversized(
    RequestID(index),
    .never(.sequences, required: Int(requests[index].sequenceCount), capacity: 1))
}

extension PagedMemory {
  /// The memory of the SOSP'23 artifact: 1 % of the blocks are its watermark.
  package init(sosp23 settings: EngineSettings) {
    self.init(
      blockSize: settings.blockSize, deviceBlocks: settings.deviceBlocks,
      hostBlocks: settings.hostBlocks, watermarkBlocks: settings.deviceBlocks / 100)
  }
}
