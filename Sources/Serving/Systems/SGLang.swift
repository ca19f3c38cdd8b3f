import CostModel
import KVMemory
import Messages

extension ServingSystem {
  /// SGLang 0.5.23: one worker; drafts in chains.
  package static let sglang05 = ServingSystem(
    name: "sglang",
    summary: "prefix tree; prompts first, admitted by what running requests may need; retraction",
    capabilities: Capabilities(
      isPaged: true, cutsPrompts: true, hasPrefixCache: true, admitsByEstimate: true,
      // Its slots have no numbers: nothing says where tokens lie.
      sequences: .one, hasRanks: true, speculates: true, cpuStandIn: "vllm-v1"),
    kernels: .sglang,
    defaults: { .sglang($0) },
    // Kernels for B200 that read keys and values of several heads want pages of 64.
    blockTokens: { model, device in
      device.architecture == .blackwell && !model.hasLatentAttention ? 64 : 1
    },
    check: { try $0.requireRunnableSGLang() },
    memory: { _ in .sglang },
    configure: { choices, settings in
      settings.sglang = SGLangOptions(choices.sglang)
      settings.sglang.radixCache = choices.prefixCaching
      settings.sglang.chunkedPrefill = choices.chunkedPrefill
      settings.sglang.clientMaxTokens = choices.clientMaxTokens
      settings.sglang.hiCache = choices.hiCache
      settings.sglang.speculation = choices.speculation
    },
    make: { inputs in
      inputs.ranks(.turns) { settings in
        SGLangScheduler(
          requests: inputs.requests, settings: settings.ofSGLangRank, contents: inputs.run.contents)
      }
    })
}

extension ServingSystem.Defaults {
  /// By the memory of the device, as SGLang 0.5.23 sets them.
  static func sglang(_ known: ServingSystem.DefaultsCase) -> Self {
    // Where no device is known, one of 80 GB is meant.
    let bytes = known.device?.memoryBytes ?? 80 << 30
    let chunk = SGLangMemory.chunkTokens(deviceBytes: bytes)
    var memory = SGLangMemory(
      deviceBytes: bytes, chunkTokens: known.maxBatchedTokens ?? chunk,
      sequences: known.maxSequences ?? 4096)
    memory.tensorParallel = known.tensorParallel
    memory.pipelineParallel = known.pipelineParallel
    memory.dataParallel = known.dataParallel
    memory.isLatent = known.model?.hasLatentAttention ?? false
    var defaults = Self(
      maxSequences: 4096, maxBatchedTokens: chunk, gpuMemoryUtilization: memory.fraction,
      prefixCaching: true, chunkedPrefill: true)
    if known.drafts {
      defaults.maxSequences = SGLangOptions.draftingRequestsMax
    } else {
      defaults.sequencesOfPool = true
    }
    return defaults
  }
}

extension EngineSettings {
  /// - Throws: ``UserError`` for settings with which SGLang hangs, or which it ignores.
  fileprivate func requireRunnableSGLang() throws(UserError) {
    let options = sglang
    guard !options.chunkedPrefill || maxBatchedTokens / dataParallel >= blockSize else {
      let each = dataParallel > 1 ? " for each of \(dataParallel) ranks" : ""
      throw UserError(
        "`--chunked-prefill-size` \(maxBatchedTokens) is below `--page-size` \(blockSize)\(each): a prompt "
          + "longer than the chunk would never be admitted",
        hint: "raise `--chunked-prefill-size` to \(blockSize * dataParallel) or more")
    }
    guard options.radixCache || !options.policy.followsTree else {
      throw UserError(
        "`--schedule-policy \(options.policy.rawValue)` goes by the prefix tree, which "
          + "`--disable-radix-cache` leaves out",
        hint: "choose `fcfs` or `lof`, or keep the prefix tree")
    }
    try options.requirePriorities()
    try requireRunnableDrafts()
    guard options.chunkedPrefill || !options.mixedChunk else {
      throw UserError(
        "`--enable-mixed-chunk` does nothing beside `--chunked-prefill-size -1`",
        hint: "leave one of them out")
    }
    guard options.conservativeness > 0, options.conservativeness.isFinite else {
      throw UserError(
        "`--schedule-conservativeness` must be positive, found `\(options.conservativeness)`")
    }
    for (flag, value) in [
      ("max-prefill-tokens", options.maxPrefillTokens),
      ("prefill-max-requests", options.prefillMaxRequests ?? 1),
      ("client-max-tokens", options.clientMaxTokens ?? 1),
      ("scheduler-recv-interval", options.receiveInterval),
    ] where value < 1 {
      throw UserError("`--\(flag)` must be at least 1, found `\(value)`")
    }
  }
}

extension EngineSettings {
  /// Those of one of ``dataParallel`` ranks: the limits of all are divided, and more is admitted.
  ///
  /// - Source: SGLang 0.5.23, `parallel_hook.py` and `kv_cache_configurator.py`.
  fileprivate var ofSGLangRank: EngineSettings {
    guard dataParallel > 1 else { return self }
    var rank = self
    rank.maxBatchedTokens /= dataParallel
    rank.maxSequences = max(1, maxSequences / dataParallel)
    rank.sglang.conservativeness *= 0.3
    return rank
  }

  /// What only `sglang` looks at.
  package var sglang: SGLangOptions {
    get { self[SGLangOptions.self] }
    set { self[SGLangOptions.self] = newValue }
  }
}

/// What `sglang` can do beside the settings that every engine has; the defaults are those of SGLang 0.5.23.
///
/// Of the settings of every engine, a block is a page (`--page-size`), the most sequences are `--max-running-requests`,
/// and the most tokens of an iteration are `--chunked-prefill-size`; of ranks that step together both are said of all.
package struct SGLangOptions: SystemOptions {
  /// Compute prompts in chunks; without it one iteration computes a prompt whole (`--chunked-prefill-size -1`).
  package var chunkedPrefill = true
  /// Prompt tokens of an iteration (`--max-prefill-tokens`); its first request may exceed them.
  package var maxPrefillTokens = 16_384
  /// Most requests of a prefill (`--prefill-max-requests`); `nil` for no limit.
  package var prefillMaxRequests: Int?
  /// In which order waiting requests are tried (`--schedule-policy`).
  package var policy = SGLangPolicy.firstComeFirstServed
  /// Let decodes run beside a prefill (`--enable-mixed-chunk`).
  package var mixedChunk = false
  /// Keep what was computed in a prefix tree (not under `--disable-radix-cache`).
  package var radixCache = true
  /// How much of what running requests may still generate is kept free for them (`--schedule-conservativeness`).
  package var conservativeness = 1.0
  /// Decide an iteration while the one before it runs (not under `--disable-overlap-schedule`).
  package var overlap = true
  /// Decodes from one look at new requests to the next (`--scheduler-recv-interval`); behind a prefill there is one always.
  package var receiveInterval = 1
  /// Serve by priority (`--enable-priority-scheduling`), larger first unless
  /// `--schedule-low-priority-values-first`.
  package var priorityScheduling = false
  package var lowPriorityFirst = false
  /// By how much a request must be better than a running one to take its place
  /// (`--priority-scheduling-preemption-threshold`), unless `--disable-priority-preemption`.
  package var preemptionThreshold = 10
  package var disablePreemption = false
  /// Which running request makes way when there is no room for the next tokens (`--retraction-policy`).
  package var retraction = SGLangRetraction.length

  /// Most output tokens that each client asks for, at least its output, which it ends by itself; `nil` for its output,
  /// whatever tokens come, as SGLang's own benchmark asks (`bench_serving`).
  package var clientMaxTokens: Int?
  /// A tier in the host's memory behind the prefix tree (`--enable-hierarchical-cache`); `nil` for none.
  package var hiCache: HiCacheSettings?
  /// How tokens are drafted (`--speculative-algorithm`); `nil` if none are.
  package var speculation: Speculation?

  package init() {}

  init(_ choices: SGLangChoices) {
    policy = choices.policy ?? policy
    conservativeness = choices.conservativeness ?? conservativeness
    maxPrefillTokens = choices.maxPrefillTokens ?? maxPrefillTokens
    prefillMaxRequests = choices.prefillMaxRequests
    mixedChunk = choices.mixedChunk ?? mixedChunk
    receiveInterval = choices.receiveInterval ?? receiveInterval
    overlap = !(choices.disableOverlap ?? !overlap)
    priorityScheduling = choices.priorityScheduling ?? priorityScheduling
    lowPriorityFirst = choices.lowPriorityFirst ?? lowPriorityFirst
    preemptionThreshold = choices.preemptionThreshold ?? preemptionThreshold
    disablePreemption = choices.disablePreemption ?? disablePreemption
    retraction = choices.retraction ?? retraction
  }

  /// - Throws: ``UserError`` for what SGLang refuses, or warns of as without effect.
  fileprivate func requirePriorities() throws(UserError) {
    if priorityScheduling {
      guard policy == .firstComeFirstServed || policy == .longestOutput else {
        throw UserError(
          "`--enable-priority-scheduling` knows `fcfs` and `lof`, not `--schedule-policy \(policy.rawValue)`",
          hint: "choose one of them, or leave priorities out")
      }
      return
    }
    let plain = SGLangOptions()
    let idle = [
      ("schedule-low-priority-values-first", lowPriorityFirst),
      (
        "priority-scheduling-preemption-threshold",
        preemptionThreshold != plain.preemptionThreshold
      ),
      ("disable-priority-preemption", disablePreemption),
      ("retraction-policy priority", retraction == .priority),
    ].first(where: \.1)
    if let flag = idle?.0 {
      throw UserError(
        "`--\(flag)` does nothing without `--enable-priority-scheduling`",
        hint: "leave it out, or add that")
    }
  }

  /// Whether a running request may be preempted for a better one.
  var preempts: Bool { priorityScheduling && !disablePreemption }

  /// Whether it is known ahead when each request ends, and nothing but room decides who runs: no request waits to be seen.
  var mayCruise: Bool {
    overlap && radixCache && !mixedChunk && !preempts && clientMaxTokens == nil && hiCache == nil
      && receiveInterval == 1 && speculation == nil
  }

  /// The order that is in force: without a tree none follows what is cached.
  var effectivePolicy: SGLangPolicy {
    policy.followsTree && !radixCache ? .firstComeFirstServed : policy
  }
}

/// What users choose of ``SGLangOptions``; `nil` for the engine's own.
package struct SGLangChoices: Equatable, Sendable {
  package var policy: SGLangPolicy?
  package var conservativeness: Double?
  package var maxPrefillTokens: Int?
  package var prefillMaxRequests: Int?
  package var mixedChunk: Bool?
  package var disableOverlap: Bool?
  package var priorityScheduling: Bool?
  package var lowPriorityFirst: Bool?
  package var preemptionThreshold: Int?
  package var disablePreemption: Bool?
  package var retraction: SGLangRetraction?
  package var receiveInterval: Int?
  package var hierarchicalCache: Bool?
  /// Tokens of the host's memory over those of the pool; 2 unless ``hicacheSize`` is set.
  package var hicacheRatio: Double?
  /// GB of the host's memory for each GPU.
  package var hicacheSize: Double?
  package var hicacheWritePolicy: RadixHost.WritePolicy?
  package var drafts = SGLangDraftChoices()

  package init() {}
}

/// In which order `sglang` tries waiting requests (`--schedule-policy`).
package enum SGLangPolicy: String, CaseIterable, Sendable {
  /// As they came; with priorities, by these first.
  case firstComeFirstServed = "fcfs"
  /// Most cached tokens first; as they came while more than 128 wait.
  case longestPrefix = "lpm"
  /// Depth first through the prefix tree, the subtree with most waiting requests first.
  case depthFirst = "dfs-weight"
  /// Longest output first.
  case longestOutput = "lof"
  /// Those first that have waited longest for what they are to compute, both counted in prompt tokens; as they came while
  /// more than 128 wait.
  case highestResponseRatio = "hrrn"
  /// Drawn anew in each pass, from the run's seed.
  case random

  /// Whether the order depends on what is cached.
  package var followsTree: Bool {
    switch self {
    case .longestPrefix, .depthFirst, .highestResponseRatio: true
    case .firstComeFirstServed, .longestOutput, .random: false
    }
  }
}

/// Which running request is retracted first (`--retraction-policy`).
package enum SGLangRetraction: String, CaseIterable, Sendable {
  /// Least output, then longest prompt.
  case length
  /// Worst priority, then as ``length``.
  case priority
}
