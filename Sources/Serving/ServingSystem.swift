import KVMemory
import Messages
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

  /// Serves a list of requests, in order of arrival, and returns what happened.
  ///
  /// - Parameters:
  ///   - contents: What the prompts consist of; only a prefix cache looks at it.
  ///   - maxConcurrency: Most requests in flight, at least 1: closed-loop clients where all arrive at
  ///     once. `nil` for no limit.
  ///   - frontEnd: What such clients reach the engine through.
  ///   - warmups: Copies of the first request that are served before the others and not recorded.
  /// - Throws: ``RunFailure`` when the run cannot go on.
  package func serve(
    _ requests: [Request], settings: EngineSettings, executor: any IterationExecutor,
    window: MeasuringWindow = MeasuringWindow(), oversized: OversizedPolicy = .skip,
    contents: PromptContents? = nil, maxConcurrency: Int? = nil,
    frontEnd: FrontEnd = FrontEnd(), warmups: Int = 0
  ) throws -> RunRecord {
    var (all, contents) = (requests, contents)
    if warmups > 0, var first = requests.first {
      first.arrival = .zero
      all += Array(repeating: first, count: warmups)
      let pieces = contents?.pieces(of: 0) ?? []
      for _ in 0..<warmups { contents?.append(pieces) }
    }
    return try replica(
      all, settings: settings, executor: executor, window: window, oversized: oversized,
      contents: contents, clients: maxConcurrency.map { Clients($0, frontEnd: frontEnd) },
      warmups: all.count - requests.count
    ).run()
  }

  /// An engine of this system that has not served anything yet; the parameters are those of ``serve``.
  ///
  /// - Parameter warmups: How many of the requests, at their end, are warm-ups.
  /// - Throws: ``RunFailure`` where the system cannot serve such requests at all.
  package func replica(
    _ requests: [Request], settings: EngineSettings, executor: any IterationExecutor,
    window: MeasuringWindow = MeasuringWindow(), oversized: OversizedPolicy = .skip,
    contents: PromptContents? = nil, clients: Clients? = nil, warmups: Int = 0
  ) throws -> any Replica {
    func replica<S: Scheduler>(
      _ scheduler: S, _ executor: any IterationExecutor
    ) -> any Replica {
      EngineReplica(
        Engine(
          requests: requests, scheduler: scheduler, executor: executor, window: window,
          oversized: oversized, clients: clients, warmups: warmups))
    }
    func replica<S: Scheduler>(_ scheduler: S) -> any Replica { replica(scheduler, executor) }
    let sequenceCount = requests.reduce(0) { $0 + Int($1.sequenceCount) }
    func orca(_ estimator: ReservationEstimator) -> any Replica {
      let memory = OrcaMemory(settings, estimator: estimator)
      return replica(
        MixedIterationScheduler(requests: requests, settings: settings, memory: memory))
    }
    switch self {
    case .vllmSOSP23:
      let memory = PagedMemory(sosp23: settings, sequenceCount: sequenceCount)
      return replica(
        MixedIterationScheduler(requests: requests, settings: settings, memory: memory))
    case .vllm02:
      return replica(PromptOrDecodeScheduler(requests: requests, settings: settings))
    case .vllmV1:
      return replica(
        TokenBudgetScheduler(requests: requests, settings: settings, contents: contents))
    case .orcaOracle: return orca(.oracle)
    case .orcaPow2: return orca(.pow2)
    case .orcaMax: return orca(.max)
    case .fasterTransformer:
      return replica(StaticBatchScheduler(requests: requests, settings: settings))
    case .vattention:
      try requireSingleSequences(requests)
      // The driver maps memory request by request, so each iteration has to list who runs.
      var listed = settings
      listed.stepping = .iteration
      return replica(
        PromptOrDecodeScheduler(requests: requests, settings: listed, watermarkBlocks: 0),
        VirtualTensorExecutor(executor, requests: requests, engine: settings))
    }
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
  package init(sosp23 settings: EngineSettings, sequenceCount: Int) {
    self.init(
      blockSize: settings.blockSize, deviceBlocks: settings.deviceBlocks,
      hostBlocks: settings.hostBlocks, watermarkBlocks: settings.deviceBlocks / 100,
      sequenceCount: sequenceCount)
  }
}
