import CostModel
import Planning
import Serving

extension BackendModel {
  /// The scenario of a measured point: closed-loop clients on the engine that was measured.
  ///
  /// Stands in for what is known of the server and not of the engine that is simulated: its pool
  /// (``blocks(of:)``), its overheads, and that it was started for contexts as long as the point's,
  /// whatever the model was published for.
  ///
  /// - Throws: ``UserError`` if the model does not fit.
  func scenario(of point: ServingPoint) throws -> Scenario {
    let longest = point.promptTokens + point.outputTokens
    var scenario = Scenario(system: system, model: point.model, device: point.device)
    scenario.model.maxPositions = max(point.model.maxPositions, longest)
    scenario.tensorParallel = point.tensorParallel
    scenario.weights = point.weights
    scenario.kvCache = kvCache(point)
    scenario.deviceBlocksOverride = try blocks(of: point)
    scenario.engineOverheads = .given(overheads)
    scenario.maxSequences = maxSequences
    scenario.maxModelLength = longest
    scenario.maxConcurrency = point.concurrency
    scenario.oversized = .fail
    scenario.maxBatchedTokens = cutsPrompts ? tokenBudget : max(tokenBudget, longest)
    if system.capabilities.cutsPrompts {
      scenario.chunkedPrefill = chunkedPrefill
    } else {
      scenario.engineRelease = VLLM02Release.v020.rawValue
      scenario.swapSpaceGiB = 0
    }
    return scenario
  }

  /// Whether an iteration may compute a part of a prompt.
  private var cutsPrompts: Bool { system.capabilities.cutsPrompts && chunkedPrefill }

  /// KV blocks of the measured server.
  ///
  /// Sized as the PagedAttention artifact sizes them but for the logits, with activations of 8,192
  /// tokens at most: these are budgets that the parameters of the engines were fitted with.
  private func blocks(of point: ServingPoint) throws -> Int {
    var device = point.device
    // Data sheets say GB where drivers report GiB: aiconfigurator's system files have
    // 85,899,345,920 bytes for an H100, 141 GiB for an H200 and 180 GiB for a B200.
    if device.memoryEvidence == .nominal {
      device.memoryBytes = Int(Double(point.device.memoryBytes) / 1e9 * Double(1 << 30))
    }
    return try KVBudget(
      model: point.model, device: device, tensorParallel: point.tensorParallel,
      utilization: utilization, tokenBudget: min(tokenBudget, 8192), blockSize: 16,
      weights: point.weights, kvCache: kvCache(point), logits: .sampled(sequences: 256)
    ).blocks
  }
}
