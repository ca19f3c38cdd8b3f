extension KVBudget {
  /// What a line of the waterfall rests on.
  package struct Evidence: Equatable, Sendable {
    package enum Kind: String, Sendable {
      /// A setting of the user's or the engine's own.
      case setting
      /// An engine printed it on such a device.
      case reported
      /// From a device of the same family.
      case family
      /// The model's configuration and nothing else.
      case configuration
      /// A rule of the engine's code.
      case formula
      /// A constant fitted on start-up logs.
      case fitted
      /// A constant of somebody's table.
      case table
      /// Not charged to the budget.
      case uncharged
      /// What the other lines leave.
      case remainder
    }

    package var kind: Kind
    /// The rest in a few words, with the known error where there is one.
    package var note: String
  }

  /// The evidence of each of ``lines``, in their order.
  package func evidence(_ inputs: Inputs) -> [Evidence] {
    let given = inputs.kvBytesGiven != nil
    return [
      Self.memoryEvidence(inputs.device),
      Evidence(
        kind: .setting,
        note: "1 − `--gpu-memory-utilization`"
          + (inputs.engine.sharesWhatIsLeft ? ", of what the others leave" : "")),
      Evidence(kind: .configuration, note: "parameters × bytes"),
      inputs.engine.peakEvidence, inputs.engine.contextEvidence,
      inputs.engine.graphEvidence(inputs), inputs.engine.communicationEvidence(inputs),
    ]
      + (beyondGivenBytes == 0
        ? [] : [Evidence(kind: .remainder, note: "of the lines above")])
      + [
        given
          ? Evidence(kind: .setting, note: "`--kv-cache-memory-bytes`")
          : inputs.engine.cacheEvidence
      ]
  }

  private static func memoryEvidence(_ device: DeviceSpec) -> Evidence {
    switch device.memoryEvidence {
    case .reported: Evidence(kind: .reported, note: "drivers differ by up to 0.2 GiB")
    case .derived: Evidence(kind: .family, note: "no engine's report of this device")
    case .given: Evidence(kind: .setting, note: "`--device-memory`, or the device's file")
    }
  }
}

extension EngineMemory {
  fileprivate typealias Evidence = KVBudget.Evidence

  fileprivate var peakEvidence: Evidence {
    switch self {
    case .artifact: Evidence(kind: .formula, note: "the PagedAttention artifact's")
    case .vllm: Evidence(kind: .formula, note: "vLLM's trial run, partly reconstructed")
    case .sglang: Evidence(kind: .uncharged, note: "taken from the reserve")
    case .trtllm: Evidence(kind: .formula, note: "vLLM's trial run, for want of the engine's own")
    case .given: Evidence(kind: .setting, note: "")
    }
  }

  fileprivate var contextEvidence: Evidence {
    switch self {
    case .artifact: Evidence(kind: .table, note: "the artifact's allowance")
    case .vllm(let memory):
      Evidence(kind: .fitted, note: "median of \(memory.contextLogs)")
    case .sglang, .trtllm: Evidence(kind: .fitted, note: "gone when it starts: two logs of vLLM")
    case .given: Evidence(kind: .setting, note: "")
    }
  }

  fileprivate func graphEvidence(_ inputs: KVBudget.Inputs) -> Evidence {
    guard case .vllm(let memory) = self, memory.countsGraphs(inputs) else {
      return Evidence(kind: .uncharged, note: "taken from the reserve, if there are any")
    }
    guard memory.recordsGraphs else { return Evidence(kind: .setting, note: "`--enforce-eager`") }
    return Evidence(kind: .fitted, note: "bytes a layer and size: \(memory.graphLogs(inputs))")
  }

  fileprivate func communicationEvidence(_ inputs: KVBudget.Inputs) -> Evidence {
    if inputs.gpus > 1, countsCollectivesWithContext {
      return Evidence(kind: .table, note: "counted with the CUDA context")
    }
    let uncharged = Evidence(
      kind: .uncharged, note: inputs.gpus > 1 ? "taken from the reserve" : "one GPU")
    guard case .vllm(let memory) = self else { return uncharged }
    switch memory.collectives(inputs) {
    case .uncharged: return uncharged
    case .fusedReduction:
      return Evidence(kind: .formula, note: "FlashInfer's; NCCL's are of the reserve")
    case .instinct: return Evidence(kind: .fitted, note: "one log")
    case .charged(memory.constants.switchReduction):
      return Evidence(kind: .fitted, note: "one log")
    case .charged: return Evidence(kind: .table, note: "aiconfigurator's system files")
    }
  }

  private var countsCollectivesWithContext: Bool {
    switch self {
    case .sglang, .trtllm: true
    case .artifact, .vllm, .given: false
    }
  }

  fileprivate var cacheEvidence: Evidence {
    guard case .vllm = self else { return Evidence(kind: .remainder, note: "of the lines above") }
    let known = VLLMMemory.KnownError.ofCache
    let errors = "median \(known.medianPercent) % off, p90 \(known.percentile90) %"
    return Evidence(kind: .remainder, note: "\(known.logs) logs: \(errors)")
  }
}

extension VLLMMemory {
  /// How far the KV cache is off, as `kvplan validate kv` finds on the public start-up logs.
  package struct KnownError: Equatable, Sendable {
    /// Rows that are scored.
    package var logs: Int
    /// |error| in per cent, each log's source left out of whatever was fitted or learnt.
    package var medianPercent: Double
    package var percentile90: Double

    /// Of `kv_budget_logs.csv`; a test holds them to it.
    package static let ofCache = KnownError(logs: 19, medianPercent: 1.0, percentile90: 8.6)
  }

  /// The logs that ``Constants`` has a graph's bytes of.
  fileprivate func graphLogs(_ inputs: KVBudget.Inputs) -> String {
    inputs.device.architecture == .blackwell && inputs.model.hasExperts
      ? "of 3 logs" : "median of 4 logs"
  }

  /// The logs that ``Constants`` has this release's memory beside PyTorch's of.
  fileprivate var contextLogs: String {
    if release >= .countsGrowthOnly { return "3 logs" }
    let countsGrowth = release >= .countsGrowthBeforeV1 && release < .v1Engine
    return countsGrowth ? "5 logs" : "one log"
  }
}
