import CostModel
import Serving
import SimulationKernel

extension Scenario {
  /// Checks the settings against each other and against the hardware.
  ///
  /// - Throws: ``UserError`` for a setting out of range, settings that contradict each other, or a model
  ///   that does not fit.
  package func resolved() throws -> ResolvedScenario {
    if system == .vattention && !virtualMemory.isResolved {
      return try withPageGroups().resolved()
    }
    try requirePositive("--block-size", blockSize)
    try requirePositive("--tensor-parallel-size", tensorParallel)
    let maxModelLength = maxModelLength ?? model.maxPositions
    try requirePositive("--max-model-len", maxModelLength)
    guard maxModelLength <= model.maxPositions else {
      throw UserError(
        "`--max-model-len` is \(maxModelLength), but `\(model.name)` has "
          + "\(model.maxPositions) positions", hint: "use at most \(model.maxPositions)")
    }
    let maxBatchedTokens =
      maxBatchedTokens ?? max(system.defaultMaxBatchedTokens, maxModelLength)
    try requirePositive("--max-num-batched-tokens", maxBatchedTokens)
    guard maxBatchedTokens >= maxModelLength else {
      throw UserError(
        "`--max-num-batched-tokens` is \(maxBatchedTokens), below `--max-model-len` "
          + "\(maxModelLength): `\(system.rawValue)` computes a prompt in one iteration",
        hint: "raise `--max-num-batched-tokens` or lower `--max-model-len`")
    }
    let maxSequences = maxSequences ?? system.defaultMaxSequences
    try requirePositive("--max-num-seqs", maxSequences)
    let (deviceBlocks, hostBlocks) = try memoryBlocks(maxBatchedTokens: maxBatchedTokens)
    var settings = EngineSettings(
      blockSize: blockSize, deviceBlocks: deviceBlocks, hostBlocks: hostBlocks,
      maxSequences: maxSequences, maxBatchedTokens: maxBatchedTokens,
      maxModelLength: maxModelLength)
    settings.preemptionMode = preemptionMode
    settings.pageGroups = pageGroupSettings
    settings.beams = .synthetic(
      seed: seed, redrawsPerMille: BeamParents.defaultRedrawsPerMille)
    let costModel = try costModel()
    return ResolvedScenario(
      scenario: self, settings: settings, costModel: costModel, window: try window())
  }

  /// The prices of the device, or of its past.
  private func costModel() throws -> any IterationCostModel {
    switch device.software {
    case .present:
      try RooflineCostModel(
        model: model, device: device, tensorParallel: tensorParallel, blockBytes: blockBytes)
    case .year2023:
      try PaperEraCostModel(
        model: model, device: device, tensorParallel: tensorParallel, blockSize: blockSize,
        engine: system == .fasterTransformer ? .compiled : .eager)
    }
  }

  private var blockBytes: Int {
    blockSize * model.kvBytesPerToken(tensorParallel: tensorParallel)
  }

  private func memoryBlocks(maxBatchedTokens: Int) throws -> (device: Int, host: Int) {
    guard swapSpaceGiB >= 0, swapSpaceGiB.isFinite else {
      throw UserError("`--swap-space` must be zero or more GiB, found `\(swapSpaceGiB)`")
    }
    let hostBlocks = Int(swapSpaceGiB * Double(1 << 30)) / blockBytes
    if let blocks = deviceBlocksOverride {
      try requirePositive("--num-gpu-blocks-override", blocks)
      try model.checkTensorParallel(tensorParallel)
      return (blocks, hostBlocks)
    }
    let budget = try KVBudget(
      model: model, device: device, tensorParallel: tensorParallel,
      utilization: gpuMemoryUtilization, tokenBudget: maxBatchedTokens, blockSize: blockSize)
    return (budget.blocks, hostBlocks)
  }

  private func window() throws -> MeasuringWindow {
    guard windowFrom >= 0, windowFrom.isFinite else {
      throw UserError("`--from-second` must be zero or more, found `\(windowFrom)`")
    }
    let from = SimInstant.zero + SimDuration(rounding: windowFrom)
    guard let windowTo else { return MeasuringWindow(from: from) }
    guard windowTo > windowFrom, windowTo.isFinite else {
      throw UserError(
        "`--to-second` must be later than `--from-second` \(windowFrom), found `\(windowTo)`")
    }
    return MeasuringWindow(from: from, to: SimInstant.zero + SimDuration(rounding: windowTo))
  }

  private func requirePositive(_ flag: String, _ value: Int) throws {
    guard value > 0 else { throw UserError("`\(flag)` must be at least 1, found `\(value)`") }
  }
}
