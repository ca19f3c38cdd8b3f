import CostModel
import Messages
import Serving

/// Whether a model fits on its GPUs, and how their memory is divided.
package struct MemoryFit: Sendable {
  package let inputs: KVBudget.Inputs
  package let budget: KVBudget
  /// Longest sequence, prompt and output.
  package let maxModelLength: Int
  /// Why it does not fit, with the nearest settings that do; `nil` where it does.
  package let failure: UserError?

  /// Sequences of ``maxModelLength`` tokens that the pool holds.
  package var concurrency: Double { budget.capacity.sequences(ofTokens: maxModelLength) }
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
      failure: failure(budget, inputs))
  }

  private func failure(_ budget: KVBudget, _ inputs: KVBudget.Inputs) -> UserError? {
    let wanted = max(maxModelLength ?? 1, 1)
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
