import CostModel
import KVMemory
import Messages
import ModelFiles
import Serving
import SimulationKernel
import Workload

/// Everything that decides a simulation but the trace itself: a pure value, validated when it is resolved.
///
/// `nil` stands for the default of the system or the model, which ``resolved()`` fills in and every result
/// repeats.
package struct Scenario: Sendable {
  package var system: ServingSystem
  package var model: ModelSpec
  package var device: DeviceSpec
  /// GPUs that share the model (`--tensor-parallel-size`).
  package var tensorParallel = 1
  /// Ranks of so many GPUs that share the layers of experts, each with requests of its own (`--data-parallel-size`).
  package var dataParallel = 1
  /// Whether one of the ranks is simulated, with its share of the requests, as if the others did the same
  /// (`validate points`).
  package var simulatesOneRank = false
  /// Whether routed experts are spread whole over all GPUs, not each cut over them (`--enable-expert-parallel`).
  package var enableExpertParallel: Bool?
  /// GPUs that routed experts are spread over, where that is neither all nor none (`validate points`).
  package var expertParallelGiven: Int?
  /// GPUs that routed experts are spread over whole; 1 where each is cut over all.
  package var expertParallel: Int {
    expertParallelGiven ?? (enableExpertParallel == true ? tensorParallel * dataParallel : 1)
  }
  /// Exponent of the power law by which tokens fall on routed experts (`--expert-skew`); `nil` for that of real traffic.
  package var expertSkew: Double?
  /// Stages that the layers are cut into (`--pipeline-parallel-size`).
  package var pipelineParallel = 1
  /// How the layers' matrices are stored (`--quantization`); `nil` for as the checkpoint has them.
  package var quantization: ElementType?
  /// How keys and values are stored (`--kv-cache-dtype`).
  package var kvCache = ElementType.bfloat16
  /// Token slots in a KV block (`--block-size`).
  package var blockSize: Int {
    get { blockSizeGiven ?? system.blockTokens(of: model, on: device) }
    set { blockSizeGiven = newValue }
  }
  /// The same, as given; `nil` for the system's own.
  package var blockSizeGiven: Int?
  /// Memory of a GPU as its engine sees it, GiB, in place of the catalogue's (`--device-memory`).
  package var deviceMemoryGiB: Double?
  /// Share of the device's memory that the engine may use (`--gpu-memory-utilization`).
  package var gpuMemoryUtilization: Double?
  /// Bytes of the KV cache on a GPU, in place of what is left (`--kv-cache-memory-bytes`).
  package var kvCacheBytes: Int?
  /// Whether no CUDA graphs are recorded (`--enforce-eager`).
  package var enforceEager: Bool?
  /// Tokens of the largest CUDA graph (`--max-cudagraph-capture-size`); `nil` for the engine's own.
  package var graphTokensMax: Int?
  /// Blocks in the pool, in place of the KV budget's (`--num-gpu-blocks-override`).
  package var deviceBlocksOverride: Int?
  /// Host memory for swapped blocks, GiB for each GPU (`--swap-space`).
  package var swapSpaceGiB: Double?
  /// Host memory for KV that the prefix cache has lost, GiB over all GPUs (`--kv-offloading-size`); `nil` for none.
  package var kvOffloadingGiB: Double?
  /// What a GPU reaches it with each way, GB/s (`--kv-offloading-bandwidth`); `nil` for the device's PCIe.
  package var kvOffloadingGBps: Double?
  /// What keeps it there (`--kv-offloading-backend`); `nil` for vLLM's own.
  package var kvOffloadingBackend: OffloadingBackend?
  /// Disks for KV below the host's memory, GiB (`--kv-disk-size`); `nil` for none.
  package var kvDiskGiB: Double?
  /// What they read and write (`--kv-disk-bandwidth`).
  package var kvDiskBandwidth: DiskBandwidth?
  /// What each of their jobs takes beside its bytes, ms (`--kv-disk-latency`); `nil` for nothing.
  package var kvDiskLatency: Double?
  /// How what it holds comes back (`--kv-restore`); `nil` for the engine's own, which loads.
  package var kvRestore: RestoreRule?
  /// Measured kernels of the device, in place of those that the tool carries (`--device-profile`).
  package var deviceProfile: DeviceProfile?
  /// What the engine adds to its kernels (`--engine-overheads`).
  package var engineOverheads: OverheadsChoice?
  package var maxSequences: Int?
  package var maxBatchedTokens: Int?
  package var maxModelLength: Int?
  /// What the model's configuration says of positions otherwise than its publisher (`--hf-overrides`).
  package var hfOverrides: PositionOverrides?
  package var preemptionMode = PreemptionMode.automatic
  /// One of the system's ``ServingSystem/releases`` (`--engine-release`).
  package var engineRelease: String?
  /// `--enable-prefix-caching`, `--enable-chunked-prefill`.
  package var prefixCaching: Bool?
  package var chunkedPrefill: Bool?
  /// `--long-prefill-token-threshold`.
  package var longPrefillTokenThreshold: Int?
  /// `--async-scheduling`; `nil` for no.
  package var asyncScheduling: Bool?
  /// `--disable-cascade-attn`; `nil` for yes.
  package var disableCascade: Bool?
  /// How prompts and decodes of an iteration share a GPU (`--overlap`); `nil` for one after the other.
  package var overlap: OverlapRule?
  /// `--enable-two-batch-overlap`; `nil` for no.
  package var twoBatchOverlap: Bool?
  /// `--preemption-policy`; `nil` for the engine's own.
  package var victims: VictimPolicy?
  /// In which order requests are served (`--scheduling-policy`); `nil` for the engine's own.
  package var service: ServicePolicy?
  /// What classes of requests are to be served within (`--class`).
  package var targets: ServiceTargets?
  /// `--eviction-policy`; `nil` for the engine's own.
  package var eviction: EvictionPolicy?
  /// How tokens are drafted (`--speculative-config`); `nil` for not.
  package var speculativeConfig: SpeculativeConfig?
  /// Drafts behind each token, in place of the configuration's (`--num-speculative-tokens`).
  package var speculativeTokens: Int?
  /// How many drafts are accepted (`--acceptance`).
  package var acceptance: Acceptance?
  /// Poisson arrivals at this rate, requests per second, in place of the trace's own.
  ///
  /// Infinite for all at once.
  package var requestRate: Double?
  /// Most requests in flight (`--max-concurrency`): closed-loop clients where no rate is given.
  package var maxConcurrency: Int?
  /// Turns of sessions wait for the answer before and so long (`--session-think-time`); `nil` for those that come when they
  /// are due.
  package var thinkTime: ThinkTime?
  /// Copies of the first request that are served before the others and not measured
  /// (`--num-warmups`).
  package var warmups = 0
  /// Requests to serve; `nil` for the rows of the trace.
  package var promptCount: Int?
  /// Whether fewer requests than the trace has are its first rows (`--first`), and not a sample spread over it.
  package var firstRows: Bool?
  /// Start and end of the measuring window, seconds; no end measures to the last token.
  package var windowFrom = 0.0
  package var windowTo: Double?
  package var oversized = OversizedPolicy.skip
  package var seed: UInt64 = 0
  /// By events unless asked otherwise: the results are the same bytes, and come sooner.
  package var stepping = Stepping.event
  /// Most output tokens that each client asks for (`--client-max-tokens`); `nil` for its output.
  package var clientMaxTokens: Int?
  /// What only systems have that admit by estimate.
  package var sglang = SGLangChoices()
  /// What only systems have with policies of capacity.
  package var trtllm = TRTLLMChoices()
  /// How systems whose blocks are page-groups map memory.
  package var virtualMemory = VirtualMemoryOptions()

  package init(system: ServingSystem, model: ModelSpec, device: DeviceSpec) {
    self.system = system
    self.model = model
    self.device = device
  }

  /// How the layers' matrices are stored: as `--quantization` says, or else the checkpoint.
  package var weights: ElementType {
    get { quantization ?? model.stored.elements }
    set { quantization = newValue }
  }

  /// What people call the way in which the matrices are stored: `mxfp4` of a checkpoint that says so.
  package var weightsName: String {
    weights == model.stored.elements ? model.stored.name : weights.rawValue
  }

  /// A checkpoint that is quantized cannot be quantized otherwise when it is loaded.
  ///
  /// - Throws: ``UserError`` that names both.
  func requireQuantization() throws {
    let stored = model.stored
    guard let quantization, stored != .bfloat16, quantization != stored.elements else { return }
    throw UserError(
      "`--quantization \(quantization.quantizationName)` contradicts `\(model.reference)`, whose "
        + "weights are stored as \(stored.name)",
      hint: "leave out `--quantization`, or give the configuration of a 16-bit checkpoint")
  }
}

/// A scenario with every default filled in, sizes turned into blocks, and the prices at hand.
package struct ResolvedScenario: Sendable {
  package let scenario: Scenario
  package let settings: EngineSettings
  package let costModel: any IterationCostModel
  /// Kernels that are priced without measurements of their kind, in words.
  package let unmeasured: [String]
  package let window: MeasuringWindow
}

extension ElementType {
  /// As `--quantization` names it.
  package var quantizationName: String { self == .bfloat16 ? "none" : rawValue }
  /// As `--kv-cache-dtype` names it: the type of the model's activations is `auto`.
  package var cacheName: String { self == .bfloat16 ? "auto" : rawValue }
}
