import CostModel
import Messages
import Serving

/// Whether a model fits on its GPUs, and how their memory is divided.
package struct MemoryFit: Sendable {
  package let inputs: KVBudget.Inputs
  package let budget: KVBudget
  /// Longest sequence, prompt and output.
  package let maxModelLength: Int
  /// The pool that everything is answered by: the engine's where a log gives it, else ours.
  package let capacity: KVCapacity
  /// Whether ``capacity`` is that of a log.
  package var isLogged = false
  /// Why it does not fit, with the nearest settings that do; `nil` where it does.
  package let failure: UserError?

  /// Sequences of ``maxModelLength`` tokens that the pool holds.
  package var concurrency: Double { capacity.sequences(ofTokens: maxModelLength) }

  /// Tokens of the pool: of sequences of ``maxModelLength`` where layers keep different parts, else slots.
  package var tokens: Int { Self.tokens(capacity, maxModelLength) }

  /// Tokens of a pool, in sequences of `length` where layers keep different parts.
  package static func tokens(_ capacity: KVCapacity, _ length: Int) -> Int {
    capacity.cache.countsNullBlock ? capacity.tokens(inSequencesOf: length) : capacity.tokens
  }
}

extension Scenario {
  /// Divides the memory of each GPU, whether or not anything is left for KV blocks.
  ///
  /// Fits if the pool holds a block, and a sequence of `--max-model-len` where that is given, as
  /// vLLM demands when it starts.
  ///
  /// - Throws: ``UserError`` for settings out of range or in contradiction.
  package func memoryFit() throws -> MemoryFit {
    try requireFlagsOfSystem()
    try requireQuantization()
    let overridden = try withOverriddenPositions()
    if overridden.model != model { return try overridden.memoryFit() }
    if system.capabilities.mapsPageGroups && !virtualMemory.isResolved {
      return try withPageGroups().memoryFit()
    }
    let limits = try iterationLimits()
    let inputs = budgetInputs(limits)
    try inputs.check()
    let budget = KVBudget(inputs)
    return MemoryFit(
      inputs: inputs, budget: budget, maxModelLength: limits.modelLength,
      capacity: budget.capacity, failure: failure(budget, inputs))
  }

  /// The same with the pool that a log gives in place of ours, and both side by side.
  ///
  /// - Throws: ``UserError`` also where what the log says of the pool is none.
  package func memoryFit(
    log: EngineLog
  ) throws -> (fit: MemoryFit, comparison: LogComparison, warnings: [String]) {
    let ours = try memoryFit()
    let comparison = LogComparison(log, ours)
    guard log.statesPool else { return (ours, comparison, comparison.warnings) }
    let (blocks, warnings) = try log.blocks(of: ours.budget.cache)
    let capacity = KVCapacity(
      blocks: blocks, of: ours.budget.cache, inFlight: ours.budget.tokenBudget)
    let fit = MemoryFit(
      inputs: ours.inputs, budget: ours.budget, maxModelLength: ours.maxModelLength,
      capacity: capacity, isLogged: true, failure: failure(capacity, of: log))
    return (fit, comparison, comparison.warnings + warnings)
  }

  /// The longest sequence that has to fit: of a length that nobody asked for, the first token.
  private var wantedLength: Int { max(maxModelLength ?? 1, 1) }

  private func failure(_ capacity: KVCapacity, of log: EngineLog) -> UserError? {
    guard !capacity.admits(modelLength: wantedLength) else { return nil }
    return UserError(
      "\(log.name): \(capacity.blocks) blocks are too few for one sequence of `--max-model-len` \(wantedLength) "
        + "tokens (\(capacity.blocksReserved(forTokens: wantedLength)) blocks)",
      hint: "use at most \(capacity.admittedLength(upTo: wantedLength))")
  }

  private func failure(_ budget: KVBudget, _ inputs: KVBudget.Inputs) -> UserError? {
    let wanted = wantedLength
    guard !budget.capacity.admits(modelLength: wanted) else { return nil }
    let nullBlocks = budget.blocks - budget.capacity.usableBlocks
    let blocks = budget.capacity.blocksReserved(forTokens: wanted) + nullBlocks
    let missing = blocks * budget.blockBytes - budget.kvBytes
    let gigabytes = (Double(missing) / 1e8).rounded(.up) / 10
    let pool =
      wanted > 1
      ? "one sequence of `--max-model-len` \(wanted) tokens (\(blocks) blocks)"
      : blocks > 1 ? "the first token (\(blocks) blocks)" : "one block"
    let gpus = inputs.gpus == 1 ? "" : " on each of \(inputs.gpus) GPUs"
    let nearest = KVBudget.nearestFits(inputs, tokens: wanted).map { "`\($0)`" }
    return UserError(
      "`\(model.name)` does not fit on `\(device.name)`: \(gigabytes) GB short of \(pool)\(gpus)",
      hint: nearest.isEmpty
        ? "no single change of a setting is enough"
        : "each of these alone would fit: " + nearest.joined(separator: ", "))
  }
}
