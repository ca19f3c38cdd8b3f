import CostModel
import Messages
import ModelFiles
import Serving

extension Deployment {
  /// The commands that start one replica of each role; none for a system without them, and for kinds that differ in other
  /// things than their role.
  package var serveCommands: [(role: ReplicaRole, command: String)] {
    guard groups.count == 1 || handsOff else { return [] }
    return groups.compactMap { group in group.serveCommand.map { (group.role, $0) } }
  }
}

extension Deployment.Group {
  /// The command that starts one replica; `nil` for a system without one.
  package var serveCommand: String? {
    guard let resolved = try? scenario.resolved(),
      let command = scenario.system.capabilities.serveCommand
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
    if role != .both { words.append("--kv-transfer-config \(shellQuoted(Self.nixl))") }
    if scenario.service == .priority { words.append("--scheduling-policy priority") }
    if let config = scenario.speculativeConfig, config.method.isEngines, scenario.draftTokens > 0 {
      words.append("--speculative-config \(shellQuoted(config.json(tokens: scenario.draftTokens)))")
    }
    words.append(
      scenario.choices.prefixCaching ? "--enable-prefix-caching" : "--no-enable-prefix-caching")
    if !scenario.choices.chunkedPrefill { words.append("--no-enable-chunked-prefill") }
    return words.joined(separator: " ")
  }

  /// What both roles read over; the proxy in front of them decides who does which part.
  ///
  /// - Source: vLLM's guide to the NIXL connector.
  private static let nixl = #"{"kv_connector": "NixlConnector", "kv_role": "kv_both"}"#

  /// vLLM's two tiers as its configuration has them; the files of the lower one have no bound there.
  private static func tiers(_ hostGiB: Double) -> String {
    let bytes = Int(hostGiB * Double(1 << 30))
    return #"{"kv_connector": "OffloadingConnector", "kv_role": "kv_both", "#
      + #""kv_connector_extra_config": {"spec_name": "TieringOffloadingSpec", "cpu_bytes_to_use": \#(bytes), "#
      + #""secondary_tiers": [{"type": "fs", "root_dir": "PATH"}]}}"#
  }
}
