/// What GPUs of vLLM hold to talk to each other, and what of it the KV cache pays for.
extension VLLMMemory {
  enum Collectives: Equatable {
    /// Of NCCL, before the first snapshot: not charged.
    case uncharged
    /// Of NCCL, after it.
    case charged(Int)
    /// FlashInfer's workspace, where a reduction and the norm that follows are one kernel; NCCL's are not charged.
    case fusedReduction(Int)
    /// Of AMD's libraries, which take them when they first talk: charged in all releases.
    case instinct(Int)

    /// Bytes on one GPU that the KV cache lacks.
    var bytes: Int {
      switch self {
      case .uncharged: 0
      case .charged(let bytes), .fusedReduction(let bytes), .instinct(let bytes): bytes
      }
    }
  }

  func collectives(_ inputs: KVBudget.Inputs) -> Collectives {
    guard inputs.gpus > 1 else { return .uncharged }
    switch inputs.device.architecture {
    case .cdna3, .cdna4: return .instinct(constants.instinctBytes(inputs.gpus))
    default: break
    }
    if release < .snapshotAfterNCCL { return .charged(ncclBytes(inputs)) }
    let fused = fusedReductionBytes(inputs)
    return fused == 0 ? .uncharged : .fusedReduction(fused)
  }

  /// Buffers of NCCL, charged or not.
  func ncclBytes(_ inputs: KVBudget.Inputs) -> Int {
    inputs.collectiveBytes(switchReduction: constants.switchReduction)
  }

  /// FlashInfer's workspace for a reduction that is fused with the norm behind it; it is made before the trial run.
  ///
  ///     one buffer and three of a second protocol, each: GPUs × the most that a reduction of this kind takes
  ///
  /// | MiB at most | 2 GPUs | 4 | 8 |
  /// |---|---|---|---|
  /// | Hopper | 64 | 2 | 0.5 |
  /// | B200, GB200 | 64 | 32 | 1 |
  /// | B300, GB300, from 0.22 | 64 | 64 | 2 |
  ///
  /// gpt-oss-120b on two H200 (vLLM 0.22.1): 88.77 GiB of KV cache are logged, 89.38 without these 0.50.
  ///
  /// - Source: `FI_ALLREDUCE_FUSION_MAX_SIZE_MB` in `compilation/passes/fusion/allreduce_rms_fusion.py` and
  ///   `enable_allreduce_rms_fusion` in `config/vllm.py` of vLLM 0.17.1, 0.18.1 and 0.22.1 (off in 0.16), and
  ///   `trtllm_create_ipc_workspace_for_all_reduce_fusion` of FlashInfer; releases after 0.22.1 are taken to keep it.
  private func fusedReductionBytes(_ inputs: KVBudget.Inputs) -> Int {
    guard release >= .fusesReductions, recordsGraphs else { return 0 }
    if release < .fusesReductionsAnywhere {
      guard inputs.dataParallel == 1, inputs.pipelineParallel == 1 else { return 0 }
    }
    let kibibytes: [Int: Int]
    switch inputs.device.architecture {
    case .hopper: kibibytes = [2: 65_536, 4: 2048, 8: 512]
    case .blackwell where inputs.device.isBlackwellUltra:
      kibibytes = release < .fusesReductionsAnywhere ? [:] : [2: 65_536, 4: 65_536, 8: 2048]
    case .blackwell: kibibytes = [2: 65_536, 4: 32_768, 8: 1024]
    default: kibibytes = [:]
    }
    return 4 * inputs.tensorParallel * (kibibytes[inputs.tensorParallel] ?? 0) << 10
  }
}

extension DeviceSpec {
  /// Whether it is a B300 or built of them, by its memory: 288 GB, where a B200 has 192.
  fileprivate var isBlackwellUltra: Bool { memoryBytes > 200 << 30 }
}

extension VLLMMemory.Constants {
  /// What AMD's libraries take on each of `gpus`.
  func instinctBytes(_ gpus: Int) -> Int {
    switch gpus {
    case ...2: instinctPair
    case ...4: instinctFour
    default: instinctServer
    }
  }
}

extension KVBudget.Inputs {
  /// Buffers of the collectives.
  ///
  /// - Parameter switchReduction: What NCCL takes where NVLink reduces in the switch.
  /// - Source: aiconfigurator's system files: 342 MB for 2 GPUs, 392 MB for 4 and 8.
  func collectiveBytes(switchReduction: Int) -> Int {
    guard gpus > 1 else { return 0 }
    if device.linkBandwidth != nil, device.architecture.reducesInSwitch { return switchReduction }
    return gpus == 2 ? 342_000_000 : 392_000_000
  }
}
