import CostModel
import KVMemory

extension ServingSystem {
  /// What a system can do that not every system can: what other rooms ask before they offer a setting or count on a
  /// behaviour.
  package struct Capabilities: Equatable, Sendable {
    /// What a request may ask for.
    package enum Sequences: Sendable {
      /// One sequence.
      case one
      /// Several samples of its prompt.
      case samples
      /// Several samples, or a beam search.
      case beams
    }

    /// Whether attention reads its keys and values through block tables.
    package var isPaged = false
    /// Whether an iteration may compute a part of a prompt (`--enable-chunked-prefill`).
    package var cutsPrompts = false
    /// Whether such parts can be kept short (`--long-prefill-token-threshold`).
    package var limitsLongPrompts = false
    /// Whether prompts start behind blocks that are still cached (`--enable-prefix-caching`).
    package var hasPrefixCache = false
    /// Whether another cached block than the engine's own choice can be evicted first (`--eviction-policy`).
    package var choosesEvictions = false
    /// Whether prompts are admitted by an estimate of what running requests will generate, in an order of choice
    /// (`--schedule-policy`, `--schedule-conservativeness`, …).
    package var admitsByEstimate = false
    /// Whether the requests that may run together follow a policy of choice (`--capacity-scheduler-policy`).
    package var hasCapacityPolicies = false
    /// Whether room is kept for as long an answer as the client asks for (`--client-max-tokens`).
    package var reservesAnswers: Bool { admitsByEstimate || hasCapacityPolicies }
    /// Whether another running sequence than the last can be preempted (`--preemption-policy`).
    package var choosesVictims = false
    /// Whether waiting prompts can be served in another order than that of their arrival (`--scheduling-policy`).
    package var ordersService = false
    /// The first release whose order of iterations decided ahead (`--async-scheduling`) is known; `nil` where none are.
    package var decidesAheadFrom: VLLMRelease?
    /// Whether a tier in the host's memory can stand behind the prefix cache (`--kv-offloading-size`).
    package var offloads = false
    /// Whether ranks with requests of their own can share layers of experts (`--data-parallel-size`).
    package var hasRanks = false
    /// Whether tokens are drafted and verified (`--speculative-config`).
    package var speculates = false
    /// Whether prompts can be computed by one replica for another that decodes (`--replica role=prefill`).
    package var handsOff = false
    /// Whether a router can know what its prefix cache holds (`--router llm-d-precise`).
    package var tellsCache = false
    /// Whether attention may read once what all running sequences begin with (`--no-disable-cascade-attn`), and prompts and
    /// decodes of an iteration may run side by side (`--overlap`).
    package var choosesKernels = false
    /// Whether preempted requests can move to the host (`--swap-space`, `--preemption-mode`).
    package var swaps = false
    /// Whether requests are served in the order of the trace, so that none may come behind those after it.
    package var keepsTraceOrder: Bool { swaps || mapsPageGroups }
    package var sequences = Sequences.beams
    /// Whether a batch is formed once, in slots of the longest sequence, and runs to its end.
    package var hasStaticBatches = false
    /// Whether the engine is compiled code; else Python around eager kernels, which costs the host time and whose
    /// attention reads block tables. Only the prices of 2023 ask.
    package var isCompiled = false
    /// Whether a block is a page-group that a GPU's driver maps (`--page-group-size`).
    package var mapsPageGroups = false
    /// The system with the same scheduler that a CPU can serve with; `nil` where it can with this one.
    package var cpuStandIn: String?
    /// Whether its KV cache can be given in bytes (`--kv-cache-memory-bytes`), and CUDA graphs left out or limited
    /// (`--enforce-eager`, `--max-cudagraph-capture-size`).
    package var measuresMemory = false
    /// The command that starts a server of today with such an engine, whose flags ours are; `nil` for none.
    package var serveCommand: String?

    package init(
      isPaged: Bool = false, cutsPrompts: Bool = false, limitsLongPrompts: Bool = false,
      hasPrefixCache: Bool = false, choosesEvictions: Bool = false, admitsByEstimate: Bool = false,
      hasCapacityPolicies: Bool = false,
      choosesVictims: Bool = false, ordersService: Bool = false,
      decidesAheadFrom: VLLMRelease? = nil, swaps: Bool = false,
      sequences: Sequences = .beams, offloads: Bool = false, hasRanks: Bool = false,
      speculates: Bool = false, handsOff: Bool = false,
      tellsCache: Bool = false, choosesKernels: Bool = false,
      hasStaticBatches: Bool = false, isCompiled: Bool = false, mapsPageGroups: Bool = false,
      cpuStandIn: String? = nil, measuresMemory: Bool = false, serveCommand: String? = nil
    ) {
      self.isPaged = isPaged
      self.cutsPrompts = cutsPrompts
      self.limitsLongPrompts = limitsLongPrompts
      self.hasPrefixCache = hasPrefixCache
      self.choosesEvictions = choosesEvictions
      self.admitsByEstimate = admitsByEstimate
      self.hasCapacityPolicies = hasCapacityPolicies
      self.choosesVictims = choosesVictims
      self.ordersService = ordersService
      self.decidesAheadFrom = decidesAheadFrom
      self.hasRanks = hasRanks
      self.swaps = swaps
      self.sequences = sequences
      self.offloads = offloads
      self.speculates = speculates
      self.handsOff = handsOff
      self.tellsCache = tellsCache
      self.choosesKernels = choosesKernels
      self.hasStaticBatches = hasStaticBatches
      self.isCompiled = isCompiled
      self.mapsPageGroups = mapsPageGroups
      self.cpuStandIn = cpuStandIn
      self.measuresMemory = measuresMemory
      self.serveCommand = serveCommand
    }
  }

  /// What a system does unless its user says otherwise. A setting that it does not have is off.
  package struct Defaults: Equatable, Sendable {
    /// Most sequences in one iteration.
    package var maxSequences: Int
    /// Most tokens in one iteration.
    package var maxBatchedTokens: Int
    /// Share of the device's memory that the engine may use.
    package var gpuMemoryUtilization: Double
    /// Host memory for swapped blocks, GiB for each GPU.
    package var swapSpaceGiB: Double
    package var prefixCaching: Bool
    package var chunkedPrefill: Bool
    /// Most tokens of one request in an iteration while others are there; 0 for no limit.
    package var longPrefillTokenThreshold: Int
    /// Whether ``maxSequences`` falls to the tokens of an iteration that has fewer.
    package var sequencesWithinTokens = false
    /// Whether ``maxBatchedTokens`` falls to what the most sequences hold, each at its longest.
    package var tokensWithinSequences = false
    /// Whether ``maxSequences`` follows from the pool (``SGLangMemory/sequences(poolTokens:modelLength:)``).
    package var sequencesOfPool = false
    /// Whether a prompt longer than an iteration is refused where prompts are not cut; else ``maxBatchedTokens`` rises to
    /// the longest sequence.
    package var refusesLongPrompts = false

    package init(
      maxSequences: Int, maxBatchedTokens: Int, gpuMemoryUtilization: Double,
      swapSpaceGiB: Double = 0, prefixCaching: Bool = false, chunkedPrefill: Bool = false,
      longPrefillTokenThreshold: Int = 0
    ) {
      self.maxSequences = maxSequences
      self.maxBatchedTokens = maxBatchedTokens
      self.gpuMemoryUtilization = gpuMemoryUtilization
      self.swapSpaceGiB = swapSpaceGiB
      self.prefixCaching = prefixCaching
      self.chunkedPrefill = chunkedPrefill
      self.longPrefillTokenThreshold = longPrefillTokenThreshold
    }
  }
}

extension ServingSystem {
  /// What defaults depend on.
  package struct DefaultsCase: Sendable {
    /// `nil` for none in particular.
    package var device: DeviceSpec?
    /// One of the system's releases; `nil` where it has none.
    package var release: String?
    /// Longest sequence, in tokens; `nil` for none in particular.
    package var modelLength: Int?
    /// `nil` for none in particular.
    package var model: ModelSpec?
    package var tensorParallel = 1
    package var pipelineParallel = 1
    package var dataParallel = 1
    /// The most of an iteration, where the user says so.
    package var maxSequences: Int?
    package var maxBatchedTokens: Int?
    /// Whether tokens are drafted.
    package var drafts = false

    package init(device: DeviceSpec?, release: String?, modelLength: Int? = nil) {
      self.device = device
      self.release = release
      self.modelLength = modelLength
    }
  }

  /// What the memory that an engine sets aside depends on, beside model and device.
  package struct MemoryChoices: Sendable {
    /// One of the system's releases; `nil` where it has none.
    package var release: String?
    /// Most sequences of an iteration.
    package var sequences: Int
    /// Longest sequence, in tokens.
    package var modelLength: Int
    /// Whether CUDA graphs are recorded.
    package var recordsGraphs = true
    /// Tokens of the largest graph; `nil` for the engine's own.
    package var graphTokensMax: Int?

    package init(release: String?, sequences: Int, modelLength: Int) {
      self.release = release
      self.sequences = sequences
      self.modelLength = modelLength
    }
  }
}

/// The settings that only some systems have, with the defaults filled in: what a system makes its own options of.
package struct SystemChoices: Equatable, Sendable {
  /// One of the system's releases; `nil` where it has none.
  package var release: String?
  package var prefixCaching: Bool
  package var chunkedPrefill: Bool
  /// Most tokens of one request in an iteration while others are there; 0 for no limit.
  package var longPrefillTokenThreshold: Int
  /// Whether an iteration is decided before the output of the one before it is known.
  package var decidesAhead = false
  /// `nil` for what the engine does by itself.
  package var victims: VictimPolicy?
  package var eviction: EvictionPolicy?
  /// In which order requests are served; `nil` for that of the engine.
  package var service: ServicePolicy?
  /// What classes of requests are to be served within.
  package var targets: ServiceTargets?
  /// What the groups of the model's layers keep of a sequence; none for every token in all layers.
  package var groups: [BlockGroup] = []
  /// A tier behind the prefix cache; `nil` for none.
  package var offloading: OffloadingSettings?
  /// How tokens are drafted; `nil` if none are.
  package var speculation: Speculation?
  /// Whether attention may read once what all running sequences begin with.
  package var cascades = false
  package var pageGroups: PageGroupSettings
  /// Most output tokens that each client asks for; `nil` for its output.
  package var clientMaxTokens: Int?
  package var sglang = SGLangChoices()
  /// A tier behind SGLang's prefix tree; `nil` for none.
  package var hiCache: HiCacheSettings?
  package var trtllm = TRTLLMChoices()

  /// What a system does where its user chooses nothing.
  package init(release: String?, defaults: ServingSystem.Defaults) {
    self.release = release
    prefixCaching = defaults.prefixCaching
    chunkedPrefill = defaults.chunkedPrefill
    longPrefillTokenThreshold = defaults.longPrefillTokenThreshold
    pageGroups = PageGroupSettings()
  }
}
