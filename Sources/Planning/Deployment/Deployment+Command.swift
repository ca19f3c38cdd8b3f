import CostModel
import Messages
import ModelFiles
import Serving

extension Deployment {
  /// The command that starts one replica of the only kind; `nil` for a system without one.
  package var vllmCommand: String? {
    guard groups.count == 1, let resolved = try? groups[0].scenario.resolved(),
      let command = groups[0].scenario.system.capabilities.serveCommand
    else { return nil }
    let (scenario, settings) = (resolved.scenario, resolved.settings)
    // vLLM does not start where one sequence of the longest length exceeds the pool.
    let fitting = resolved.kvCapacity.longestSequence(sparing: 1)
    let longest = min(settings.maxModelLength, fitting ?? settings.maxModelLength)
    let reference = scenario.model.reference
    // vLLM takes the folder of a configuration.
    let folder = reference.hasSuffix("/config.json") ? String(reference.dropLast(12)) : reference
    let model = scenario.model.aliases.first { $0.contains("/") } ?? folder
    var words = [
      "\(command) \(model)", "--tensor-parallel-size \(scenario.tensorParallel)",
      "--block-size \(settings.blockSize)",
      "--gpu-memory-utilization \(scenario.gpuMemoryShare)",
      "--max-num-seqs \(settings.maxSequences)",
      "--max-num-batched-tokens \(settings.maxBatchedTokens)",
      "--max-model-len \(longest)",
    ]
    if scenario.pipelineParallel > 1 {
      words.append("--pipeline-parallel-size \(scenario.pipelineParallel)")
    }
    if scenario.dataParallel > 1 { words.append("--data-parallel-size \(scenario.dataParallel)") }
    if scenario.enableExpertParallel == true { words.append("--enable-expert-parallel") }
    if scenario.weights != .bfloat16, scenario.model.origin == nil,
      scenario.quantization != nil || !ModelFile.isPublished(model)
    {
      words.append("--quantization \(scenario.weights.rawValue)")
    }
    if scenario.kvCache != .bfloat16 {
      words.append("--kv-cache-dtype \(scenario.kvCache.rawValue)")
    }
    if let blocks = scenario.deviceBlocksOverride {
      words.append("--num-gpu-blocks-override \(blocks)")
    }
    if let size = scenario.kvOffloadingGiB {
      words.append(
        scenario.kvDiskGiB == nil
          ? "--kv-offloading-size \(size)"
          : "--kv-transfer-config \(shellQuoted(Self.tiers(size)))")
    }
    if let backend = scenario.kvOffloadingBackend {
      words.append("--kv-offloading-backend \(backend.rawValue)")
    }
    if scenario.service == .priority { words.append("--scheduling-policy priority") }
    if let config = scenario.speculativeConfig, scenario.draftTokens > 0 {
      words.append("--speculative-config \(shellQuoted(config.json(tokens: scenario.draftTokens)))")
    }
    words.append(
      scenario.choices.prefixCaching ? "--enable-prefix-caching" : "--no-enable-prefix-caching")
    if !scenario.choices.chunkedPrefill { words.append("--no-enable-chunked-prefill") }
    return words.joined(separator: " ")
  }

  /// vLLM's two tiers as its configuration has them; the files of the lower one have no bound there.
  private static func tiers(_ hostGiB: Double) -> String {
    let bytes = Int(hostGiB * Double(1 << 30))
    return #"{"kv_connector": "OffloadingConnector", "kv_role": "kv_both", "#
      + #""kv_connector_extra_config": {"spec_name": "TieringOffloadingSpec", "cpu_bytes_to_use": \#(bytes), "#
      + #""secondary_tiers": [{"type": "fs", "root_dir": "PATH"}]}}"#
  }
}
