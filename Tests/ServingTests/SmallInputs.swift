import SimulationKernel
import Workload

@testable import Serving

/// Small engines with blocks of four tokens.
extension EngineSettings {
  /// Nothing but blocks is scarce.
  static func small(blocks: Int, host: Int = 0) -> EngineSettings {
    EngineSettings(
      blockSize: 4, deviceBlocks: blocks, hostBlocks: host, maxSequences: 256,
      maxBatchedTokens: 2560, maxModelLength: 64)
  }

  /// A release of vLLM 0.2.
  static func tiny(
    blocks: Int, host: Int = 0, sequences: Int = 16, tokens: Int = 64, length: Int = 64,
    _ release: VLLM02Release = .v027
  ) -> EngineSettings {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: blocks, hostBlocks: host, maxSequences: sequences,
      maxBatchedTokens: tokens, maxModelLength: length)
    settings.vllm02 = VLLM02Options(release)
    return settings
  }
}

/// A small engine of V1, which keeps block 0 for itself.
func v1Settings(
  blocks: Int, budget: Int = 64, maxSequences: Int = 8, maxModelLength: Int = 64,
  _ change: (inout V1Options) -> Void = { _ in }
) -> EngineSettings {
  var settings = EngineSettings(
    blockSize: 4, deviceBlocks: blocks, maxSequences: maxSequences, maxBatchedTokens: budget,
    maxModelLength: maxModelLength)
  change(&settings.v1)
  return settings
}

extension Request {
  /// A request that arrives before iteration `step` of a ``Timeline``.
  static func at(
    _ step: Int64, prompt: Int32, output: Int32, n: Int32 = 1, beam: Int32 = 0
  ) -> Request {
    Request(
      arrival: SimInstant(nanoseconds: step), promptTokens: prompt, outputTokens: output,
      samples: n, beamWidth: beam)
  }
}

/// Requests from (prompt, output) pairs that arrive before the given iterations of a ``Timeline``.
func requests(_ lengths: [(prompt: Int32, output: Int32)], arrivalSteps: [Int]) -> [Request] {
  zip(lengths, arrivalSteps).map { length, step in
    .at(Int64(step), prompt: length.prompt, output: length.output)
  }
}
