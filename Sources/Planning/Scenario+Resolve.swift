import CostModel
import KVMemory
import Messages
import Serving
import SimulationKernel
import Workload

extension Scenario {
  /// Checks the settings against each other and against the hardware.
  ///
  /// - Parameter prices: Where prices come from; the scenario's own unless several runs share them.
  /// - Throws: ``UserError`` for a setting out of range, settings that contradict each other, or a model
  ///   that does not fit.
  package func resolved(prices: PriceSource = .own) throws -> ResolvedScenario {
    try requireFlagsOfSystem()
    try requireQuantization()
    try requireScheduler()
    try requireSpeculation()
    try requireOrderOfTurns()
    let overridden = try withOverriddenPositions()
    if overridden.model != model { return try overridden.resolved(prices: prices) }
    if system.capabilities.mapsPageGroups && !virtualMemory.isResolved {
      return try withPageGroups().resolved(prices: prices)
    }
    let limits = try iterationLimits()
    let (deviceBlocks, hostBlocks) = try memoryBlocks(limits)
    try requirePositive("--max-concurrency", maxConcurrency ?? 1)
    guard warmups >= 0 else {
      throw UserError("`--num-warmups` must be zero or more, found `\(warmups)`")
    }
    guard warmups <= Self.warmupsMax else {
      throw UserError("`--num-warmups` must be at most \(Self.warmupsMax), found `\(warmups)`")
    }
    let groups = blockGroups
    var settings = EngineSettings(
      blockSize: groups.isEmpty
        ? blockSize
        : HybridMemory.blockSize(of: groups, isCaching: choices.prefixCaching),
      deviceBlocks: deviceBlocks, hostBlocks: hostBlocks,
      maxSequences: limits.sequences, maxBatchedTokens: limits.tokens,
      maxModelLength: limits.modelLength)
    if !simulatesOneRank { settings.dataParallel = dataParallel }
    if maxSequences == nil && defaults.sequencesOfPool {
      let ofRank = SGLangMemory.sequences(
        poolTokens: deviceBlocks * blockSize, modelLength: limits.modelLength)
      settings.maxSequences = ofRank * settings.dataParallel
    }
    settings.preemptionMode = preemptionMode
    settings.stepping = stepping
    settings.attendedMax = model.attendedMax
    try requireThreshold()
    var choices = choices
    choices.groups = groups
    let costModel = try costModel(prices)
    choices.offloading = try offloading(groups, limits, costModel)
    choices.hiCache = try hiCache(deviceBlocks: deviceBlocks)
    choices.speculation = try speculation(limits)
    system.configure(&settings, by: choices)
    try system.check(settings)
    settings.beams = .synthetic(
      seed: seed, redrawsPerMille: BeamParents.defaultRedrawsPerMille)
    return ResolvedScenario(
      scenario: self, settings: settings, costModel: costModel,
      unmeasured: try unmeasuredKernels(), window: try window())
  }

  /// The most of an iteration, and the longest sequence.
  struct IterationLimits {
    var sequences: Int
    var tokens: Int
    var modelLength: Int
  }

  func iterationLimits() throws -> IterationLimits {
    try requireDeviceMemory()
    try requirePositive("--block-size", blockSize)
    try requirePositive("--tensor-parallel-size", tensorParallel)
    let maxModelLength = modelLength
    try requirePositive("--max-model-len", maxModelLength)
    try requirePositions(for: maxModelLength)
    let maxBatchedTokens = try tokenBudget(maxModelLength: maxModelLength)
    let defaults = defaults
    let ownSequences =
      defaults.sequencesWithinTokens
      ? min(defaults.maxSequences, maxBatchedTokens) : defaults.maxSequences
    let maxSequences = maxSequences ?? ownSequences
    try requirePositive("--max-num-seqs", maxSequences)
    try requirePositive("--max-cudagraph-capture-size", graphTokensMax ?? 1)
    try requirePositive("--kv-cache-memory-bytes", kvCacheBytes ?? 1, atMost: .max)
    return IterationLimits(
      sequences: maxSequences, tokens: maxBatchedTokens, modelLength: maxModelLength)
  }

  /// The most tokens of an iteration.
  ///
  /// A system that computes a prompt in one iteration has to be able to compute the longest.
  private func tokenBudget(maxModelLength: Int) throws -> Int {
    let defaults = defaults
    let least = choices.chunkedPrefill || defaults.refusesLongPrompts ? 1 : maxModelLength
    var own = defaults.maxBatchedTokens
    if defaults.tokensWithinSequences, let maxSequences, maxSequences > 0 {
      own = min(own, maxSequences.multipliedReportingOverflow(by: maxModelLength).partialValue)
    }
    let budget = maxBatchedTokens ?? max(own, least)
    try requirePositive("--max-num-batched-tokens", budget)
    guard budget >= least else {
      let mode = system.capabilities.cutsPrompts ? " without chunked prefill" : ""
      throw UserError(
        "`--max-num-batched-tokens` is \(budget), below `--max-model-len` "
          + "\(maxModelLength): `\(system.name)`\(mode) computes a prompt in one iteration",
        hint: "raise `--max-num-batched-tokens` or lower `--max-model-len`")
    }
    return budget
  }

  private func requireDeviceMemory() throws {
    guard let deviceMemoryGiB else { return }
    guard deviceMemoryGiB > 0, deviceMemoryGiB <= Self.deviceGiBMax else {
      throw UserError(
        "`--device-memory` must be positive GiB, at most \(Int(Self.deviceGiBMax)), "
          + "found `\(deviceMemoryGiB)`")
    }
    if let blocks = deviceBlocksOverride {
      throw UserError(
        "`--device-memory` \(deviceMemoryGiB) decides nothing beside "
          + "`--num-gpu-blocks-override` \(blocks): the pool is given",
        hint: "leave one of them out")
    }
  }

  /// More than any GPU has, and far from overflow.
  private static var deviceGiBMax: Double { 65_536 }

  /// The device with the memory that was given for it.
  var sizedDevice: DeviceSpec {
    guard let deviceMemoryGiB else { return device }
    var device = device
    device.memoryBytes = Int(deviceMemoryGiB * Double(1 << 30))
    device.memoryEvidence = .given
    return device
  }

  /// Refuses releases of which only the memory is known.
  private func requireScheduler() throws {
    guard let release, let number = VLLMRelease(release), system.countsPatches,
      number < .v1Engine
    else { return }
    throw UserError(
      "`\(system.name)` does not schedule as release `\(release)`, which served with the engine before it",
      hint: "give a release from 0.8 on; `kvplan catalog fit` knows the memory of 0.6 and 0.7")
  }

  /// Refuses turns that wait where engines take requests in the order of the trace.
  private func requireOrderOfTurns() throws {
    guard thinkTime != nil else { return }
    guard !system.capabilities.keepsTraceOrder else {
      throw UserError(
        "`--session-think-time` is not simulated with `\(system.name)`, which serves requests in the order of the trace",
        hint: "choose another system, such as `\(ServingSystem.today.name)`")
    }
    guard service ?? .arrival == .arrival else {
      throw UserError(
        "`--scheduling-policy` and `--session-think-time` are not simulated together: the order is that of the trace",
        hint: "leave one of them out")
    }
  }

  private func requireThreshold() throws {
    let threshold = longPrefillTokenThreshold ?? 0
    guard threshold >= 0 else {
      throw UserError(
        "`--long-prefill-token-threshold` must be zero or more, found `\(threshold)`")
    }
  }

  /// The prices of the device, or of its past.
  private func costModel(_ prices: PriceSource) throws -> any IterationCostModel {
    guard device.isPriced else {
      throw UserError(
        "iterations have no price on `\(device.name)`: only its memory is known",
        hint: "`kvplan catalog fit` divides it; choose a GPU to simulate")
    }
    let base: any IterationCostModel
    switch device.software {
    case .present:
      var deployment = PricedDeployment(
        model: model, device: device, blockBytes: kvCacheSpec.blockBytes)
      deployment.tensorParallel = tensorParallel
      deployment.dataParallel = dataParallel
      deployment.expertParallel = expertParallel
      deployment.expertSkew = expertSkew
      deployment.weights = weights
      deployment.kvCache = kvCache
      deployment.overheads = overheads
      deployment.draftTokens = draftTokens
      deployment.cascades = cascades
      deployment.overlap = overlap ?? .none
      deployment.overlapsTwoBatches = twoBatchOverlap ?? false
      base = overlapped(
        try drafting(
          prices.kernelModel(deployment, profile: deviceProfile), deployment, prices))
    case .year2023:
      try requireOverheadsOfDevice()
      try requireTypesOfDevice()
      base = try PaperEraCostModel(
        model: model, device: device, tensorParallel: tensorParallel, blockSize: blockSize,
        engine: system.capabilities.isCompiled ? .compiled : .eager)
    }
    guard pipelineParallel > 1 else { return base }
    return PipelineCostModel(base, stages: pipelineParallel, model: model, device: device)
  }

  /// - Throws: ``UserError`` for narrow types on a device of 2023, whose prices know 16 bits only.
  func requireTypesOfDevice() throws(UserError) {
    guard device.software == .year2023, weights != .bfloat16 || kvCache != .bfloat16 else { return }
    throw UserError(
      "`\(device.name)` has 16-bit weights and KV cache only",
      hint: "leave out `--quantization` and `--kv-cache-dtype`, or choose the device of today")
  }

  private func unmeasuredKernels() throws -> [String] {
    guard device.software == .present else { return [] }
    return try CostProfile.unmeasured(
      model, device: device, own: deviceProfile, weights: weights, kvCache: kvCache,
      library: overheads.library)
  }

  /// What the KV budget of each GPU is computed from.
  func budgetInputs(_ limits: IterationLimits) -> KVBudget.Inputs {
    var inputs = KVBudget.Inputs(
      model: model, device: sizedDevice, tensorParallel: tensorParallel,
      utilization: gpuMemoryShare,
      tokenBudget: limits.tokens, blockSize: blockSize, weights: weights, kvCache: kvCache)
    inputs.pipelineParallel = pipelineParallel
    inputs.dataParallel = dataParallel
    inputs.grouping = grouping
    var choices = ServingSystem.MemoryChoices(
      release: release, sequences: limits.sequences, modelLength: limits.modelLength)
    choices.recordsGraphs = !(enforceEager ?? false)
    choices.graphTokensMax = graphTokensMax
    inputs.engine = system.memory(choices)
    inputs.kvBytesGiven = kvCacheBytes
    inputs.draft = draftModel
    return inputs
  }

  private func memoryBlocks(_ limits: IterationLimits) throws -> (device: Int, host: Int) {
    guard hostMemoryGiB >= 0, hostMemoryGiB.isFinite else {
      throw UserError("`--swap-space` must be zero or more GiB, found `\(hostMemoryGiB)`")
    }
    try model.checkTensorParallel(tensorParallel)
    try model.checkPipelineParallel(pipelineParallel)
    let blockBytes = kvCacheSpec.blockBytes
    let hostBlocks = hostMemoryGiB * Double(1 << 30) / Double(blockBytes)
    guard hostBlocks <= Double(Self.blocksMax) else {
      throw UserError(
        "`--swap-space` of \(hostMemoryGiB) GiB is more than \(Self.blocksMax) blocks of \(blockBytes) bytes",
        hint: "give at most \((Self.blocksMax * blockBytes) >> 30)")
    }
    return (try deviceBlocks(limits), Int(hostBlocks))
  }

  /// Blocks of a pool, at most: they are numbered by 32 bits, and the queue of free ones has up to four places for each.
  private static var blocksMax: Int { Int(Int32.max) / 4 }

  private func deviceBlocks(_ limits: IterationLimits) throws -> Int {
    if let blocks = deviceBlocksOverride {
      try requirePositive("--num-gpu-blocks-override", blocks)
      guard blocks <= Self.blocksMax else {
        throw UserError(
          "`--num-gpu-blocks-override` must be at most \(Self.blocksMax), found `\(blocks)`")
      }
      return blocks
    }
    let inputs = budgetInputs(limits)
    try inputs.check()
    let budget = KVBudget(inputs)
    if let given = kvCacheBytes, budget.blocks < 1 {
      throw UserError(
        "no KV block fits: `--kv-cache-memory-bytes` is \(given), and one block has \(budget.blockBytes) bytes",
        hint: "give at least \(budget.blockBytes)")
    }
    if let message = budget.notFitting(inputs) { throw UserError(message, hint: wayOut()) }
    guard budget.blocks <= Self.blocksMax else {
      throw UserError(
        "the GPU has room for \(budget.blocks) KV blocks, at most \(Self.blocksMax) can be simulated",
        hint: "raise `--block-size`")
    }
    return budget.blocks
  }

  private func window() throws -> MeasuringWindow {
    guard windowFrom >= 0, windowFrom.isFinite else {
      throw UserError("`--from-second` must be zero or more, found `\(windowFrom)`")
    }
    let last = DecimalSeconds.secondsMax
    for (flag, second) in [("--from-second", windowFrom), ("--to-second", windowTo ?? 0)]
    where second > Double(last) && second.isFinite {
      throw UserError("`\(flag)` must be at most \(last), found `\(second)`")
    }
    let from = SimInstant.zero + SimDuration(rounding: windowFrom)
    guard let windowTo else { return MeasuringWindow(from: from) }
    guard windowTo > windowFrom, windowTo.isFinite else {
      throw UserError(
        "`--to-second` must be later than `--from-second` \(windowFrom), found `\(windowTo)`")
    }
    return MeasuringWindow(from: from, to: SimInstant.zero + SimDuration(rounding: windowTo))
  }

  /// Each is a request in memory.
  private static let warmupsMax = 1_000_000

  /// Above this no count of tokens, sequences or GPUs means anything, and products of them would overflow.
  private static let countMax = 1_000_000_000

  func requirePositive(_ flag: String, _ value: Int, atMost most: Int = countMax) throws {
    guard value > 0 else { throw UserError("`\(flag)` must be at least 1, found `\(value)`") }
    guard value <= most else {
      throw UserError("`\(flag)` must be at most \(most), found `\(value)`")
    }
  }
}
