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
    let longest = point.promptTokens + point.outputTokens + Self.roomBehind
    var scenario = Scenario(system: system, model: point.model, device: point.device)
    scenario.model.maxPositions = max(point.model.maxPositions, longest)
    scenario.tensorParallel = point.tensorParallel
    scenario.dataParallel = point.dataParallel
    scenario.simulatesOneRank = true
    scenario.expertParallelGiven = point.expertParallel
    scenario.weights = point.weights
    scenario.kvCache = kvCache(point)
    scenario.deviceBlocksOverride = try blocks(of: point, blockSize: scenario.blockSize)
    scenario.engineOverheads = .given(overheads)
    scenario.maxSequences = maxSequences
    scenario.maxModelLength = longest
    scenario.maxConcurrency = point.clients
    scenario.oversized = .fail
    let isLaunched = point.launchedTokens != nil
    scenario.maxBatchedTokens =
      chunkedPrefill || isLaunched ? tokenBudget : max(tokenBudget, longest)
    if isLaunched, point.backend == .sglang { scenario.sglang.maxPrefillTokens = tokenBudget }
    scenario.chunkedPrefill = chunkedPrefill
    if receiveInterval > 1 { scenario.sglang.receiveInterval = receiveInterval }
    return scenario
  }

  /// KV blocks of the measured server.
  ///
  /// Sized as the PagedAttention artifact sizes them but for the logits, of which 256 rows stand beside their
  /// probabilities in 32 bits, with activations of 8,192 tokens at most: these are budgets that the parameters of the
  /// engines were fitted with.
  private func blocks(of point: ServingPoint, blockSize: Int) throws -> Int {
    var device = point.device
    if let gibibytes = Self.fittedGiB[device.name] { device.memoryBytes = gibibytes << 30 }
    let tokens = min(tokenBudget, 8192)
    let layers = point.model.artifactLayerBytes(
      tokens: tokens, tensorParallel: point.tensorParallel)
    let logits = 2 * 4 * min(256, tokens) * point.model.vocab
    var inputs = KVBudget.Inputs(
      model: point.model, device: device, tensorParallel: point.tensorParallel,
      utilization: utilization, tokenBudget: tokens, blockSize: blockSize,
      weights: point.weights, kvCache: kvCache(point))
    inputs.dataParallel = point.dataParallel
    inputs.engine = .given(.init(activations: max(layers, logits), context: 1 << 30))
    try inputs.check()
    let budget = KVBudget(inputs)
    guard budget.weightBytes > Int(Self.crowded * Double(device.memoryBytes)) else {
      return budget.blocks
    }
    inputs.utilization = max(utilization, Self.crowdedUtilization)
    return KVBudget(inputs).blocks
  }

  /// Weights of more than this share of the memory are served with a larger utilization: by 0.9 of a B200, four that hold
  /// DeepSeek-R1 in 8 bits keep one request of 8,192 tokens, and 32 were served side by side (inferred from their TTFT).
  private static let crowded = 0.85
  private static let crowdedUtilization = 0.95

  /// Tokens behind the longest sequence: SGLang keeps up to 7 there.
  private static let roomBehind = 8

  /// The memory that the parameters were fitted with, GiB: as aiconfigurator's system files have it.
  private static let fittedGiB = ["h100-sxm": 80, "h200-sxm": 141, "b200": 180, "l40s": 48]
}
