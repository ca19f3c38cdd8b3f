import CostModel
import Messages

extension ServingSystem {
  /// TensorRT-LLM from 1.0 on, as its PyTorch backend and `trtllm-serve` run it.
  package static let trtllm1 = ServingSystem(
    name: "trtllm",
    summary: "in-flight batching; blocks of the longest answer kept free, or requests paused",
    capabilities: Capabilities(
      isPaged: true, cutsPrompts: true, hasPrefixCache: true, hasCapacityPolicies: true,
      sequences: .samples, hasRanks: true),
    kernels: .trtllm,
    caveat: "`trtllm` is reconstructed from the engine's sources: no step trace of it was compared",
    defaults: { _ in
      var defaults = Defaults(
        maxSequences: 2048, maxBatchedTokens: 8192, gpuMemoryUtilization: 0.9, prefixCaching: true)
      defaults.refusesLongPrompts = true
      return defaults
    },
    blockTokens: { _, _ in 32 },
    check: { try $0.requireRunnableTRTLLM() },
    memory: { .trtllm(.init(sequences: $0.sequences, modelLength: $0.modelLength)) },
    configure: { choices, settings in
      settings.trtllm.policy = choices.trtllm.policy ?? choices.trtllm.ownPolicy
      settings.trtllm.managerV2 = choices.trtllm.managerV2 ?? false
      settings.trtllm.blockReuse = choices.prefixCaching
      settings.trtllm.chunkedContext = choices.chunkedPrefill
      settings.trtllm.clientMaxTokens = choices.clientMaxTokens
    },
    make: { inputs in
      inputs.ranks(.fewestPromptTokens) { settings in
        TRTLLMScheduler(
          requests: inputs.requests, settings: settings, contents: inputs.run.contents)
      }
    })
}

extension EngineSettings {
  /// - Throws: ``UserError`` for settings that the engine replaces with a warning, or with which it hangs.
  fileprivate func requireRunnableTRTLLM() throws(UserError) {
    guard !trtllm.managerV2 || trtllm.policy == .maxUtilization else {
      throw UserError(
        "`--use-kv-cache-manager-v2` knows no `--capacity-scheduler-policy "
          + "\(trtllm.policy.rawValue)`: it always is `\(TRTLLMPolicy.maxUtilization.rawValue)`",
        hint: "leave one of them out")
    }
    guard !trtllm.chunkedContext || maxBatchedTokens >= blockSize else {
      throw UserError(
        "`--max-num-tokens` \(maxBatchedTokens) is below `--tokens-per-block` \(blockSize): a chunk is "
          + "whole blocks, so that a longer prompt would never be computed",
        hint: "raise `--max-num-tokens` to \(blockSize) or more")
    }
    guard trtllm.clientMaxTokens ?? 1 >= 1 else {
      throw UserError(
        "`--client-max-tokens` must be at least 1, found `\(trtllm.clientMaxTokens ?? 1)`")
    }
  }
}

extension EngineSettings {
  /// What only `trtllm` looks at.
  package var trtllm: TRTLLMOptions {
    get { self[TRTLLMOptions.self] }
    set { self[TRTLLMOptions.self] = newValue }
  }
}

/// What `trtllm` can do beside the settings that every engine has; the defaults are those of its LLM API.
///
/// Of the settings of every engine, the most sequences are `max_batch_size`, the most tokens of an iteration
/// `max_num_tokens`, the share of the memory `kv_cache_config.free_gpu_memory_fraction`.
package struct TRTLLMOptions: SystemOptions {
  /// `scheduler_config.capacity_scheduler_policy`.
  package var policy = TRTLLMPolicy.guaranteedNoEvict
  /// `kv_cache_config.use_kv_cache_manager_v2`. Recent releases choose it by model; here it is off unless asked for.
  package var managerV2 = false
  /// Keep full blocks findable (`kv_cache_config.enable_block_reuse`).
  package var blockReuse = true
  /// Compute prompts in chunks (`enable_chunked_prefill`), first come first served.
  package var chunkedContext = false
  /// Most output tokens that each client asks for, at least its output, which it ends by itself; `nil` for its output.
  package var clientMaxTokens: Int?

  package init() {}

  /// Whether requests that run may be paused.
  var pauses: Bool { policy == .maxUtilization }
}

/// What users choose of ``TRTLLMOptions``; `nil` for the engine's own.
package struct TRTLLMChoices: Equatable, Sendable {
  package var policy: TRTLLMPolicy?
  package var managerV2: Bool?

  package init() {}

  /// The policy where none is chosen.
  var ownPolicy: TRTLLMPolicy {
    managerV2 == true ? .maxUtilization : TRTLLMOptions().policy
  }
}

/// Which requests run together (`--capacity-scheduler-policy`).
package enum TRTLLMPolicy: String, CaseIterable, Sendable {
  /// Those whose prompt and longest answer fit together: nobody ever makes way.
  case guaranteedNoEvict = "guaranteed_no_evict"
  /// As many as find blocks now; the last that began is paused when there are none.
  case maxUtilization = "max_utilization"
  /// As ``guaranteedNoEvict``, but nobody begins beside one that generates.
  case staticBatch = "static_batch"
}
