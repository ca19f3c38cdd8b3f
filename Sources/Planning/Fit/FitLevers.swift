import CostModel
import Serving

/// A change of settings that leaves more for the KV cache.
package struct FitLever: Equatable, Sendable {
  /// As it is typed.
  package var flags: String
  /// Tokens of the pool with it, each GPU's as before.
  package var tokens: Int
  /// What it costs beside speed, or what it rests on; empty for nothing.
  package var note = ""
}

extension Scenario {
  /// Single changes of the settings with which more tokens fit, each by the same budget; those that model, device and
  /// release permit.
  ///
  /// - Parameter fit: Of this scenario, as computed.
  package func levers(beside fit: MemoryFit) -> [FitLever] {
    let limit = fit.inputs.utilizationLimit
    let steps = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144, 524_288]
    func below(_ value: Int) -> Int? { steps.last { $0 <= value / 2 } }
    var levers: [FitLever?] = [
      permitsNarrowCache ? lever(fit, "--kv-cache-dtype fp8") { $0.kvCache = .fp8 } : nil,
      lever(fit, "--gpu-memory-utilization \(limit)", "what vLLM leaves itself") {
        $0.gpuMemoryUtilization = limit
      },
      widened(fit),
    ]
    for type in narrowWeights {
      levers.append(lever(fit, "--quantization \(type.rawValue)") { $0.quantization = type })
    }
    if let tokens = below(fit.inputs.tokenBudget) {
      levers.append(
        lever(fit, "--max-num-batched-tokens \(tokens)") { $0.maxBatchedTokens = tokens })
    }
    if case .vllm(let memory) = fit.inputs.engine {
      let sequences = memory.sequences / 4
      levers.append(
        lever(fit, "--max-num-seqs \(sequences)") {
          $0.maxSequences = sequences
          // A default of tokens may follow that of sequences.
          $0.maxBatchedTokens = fit.inputs.tokenBudget
        })
      levers.append(
        lever(fit, "--enforce-eager", "no CUDA graphs: slower") { $0.enforceEager = true })
    }
    if let length = below(fit.maxModelLength) {
      levers.append(lever(fit, "--max-model-len \(length)") { $0.maxModelLength = length })
    }
    return levers.compactMap(\.self)
  }

  /// The change, if it is permitted and leaves more.
  private func lever(
    _ fit: MemoryFit, _ flags: String, _ note: String = "", _ change: (inout Scenario) -> Void
  ) -> FitLever? {
    var changed = self
    change(&changed)
    guard let other = try? changed.memoryFit(), other.budget.blocks > 0 else { return nil }
    let tokens = MemoryFit.tokens(other.budget.capacity, fit.maxModelLength)
    guard tokens > MemoryFit.tokens(fit.budget.capacity, fit.maxModelLength) else { return nil }
    return FitLever(flags: flags, tokens: tokens, note: note)
  }

  /// The next number of GPUs over which the layers split.
  private func widened(_ fit: MemoryFit) -> FitLever? {
    let sizes = [2, 4, 8, 16].filter { $0 > tensorParallel }
    return sizes.lazy.compactMap { size in
      lever(
        fit, "--tensor-parallel-size \(size)",
        "\(size * pipelineParallel) GPUs, not \(tensorParallel * pipelineParallel)"
      ) { $0.tensorParallel = size }
    }.first
  }

  /// Whether the engine has kernels for a cache of 8 bits on the device.
  ///
  /// Reconstructed: vLLM's attention has them from Ampere on and on AMD's Instinct; which backend serves which model was
  /// not read.
  private var permitsNarrowCache: Bool {
    guard system.capabilities.measuresMemory, device.software == .present, kvCache == .bfloat16
    else { return false }
    return device.architecture.isInstinct || device.architecture.isAmpereOrLater
  }

  /// What a 16-bit checkpoint may be quantized to on the device; nothing for one that is quantized.
  ///
  /// Reconstructed: from Ampere on, and on AMD's Instinct, weights of 8 bits have kernels, which read them as 16-bit numbers
  /// where there are no tensor cores for them; from Turing on those of 4 bits have.
  private var narrowWeights: [ElementType] {
    guard system.capabilities.measuresMemory, device.software == .present, weights == .bfloat16
    else { return [] }
    let architecture = device.architecture
    if architecture.isInstinct || architecture.isAmpereOrLater { return [.fp8, .int4] }
    return architecture == .turing ? [.int4] : []
  }
}

extension DeviceSpec.Architecture {
  fileprivate var isInstinct: Bool { self == .cdna3 || self == .cdna4 }

  fileprivate var isAmpereOrLater: Bool {
    [.ampere, .ada, .hopper, .blackwell, .blackwellGraphics].contains(self)
  }
}
