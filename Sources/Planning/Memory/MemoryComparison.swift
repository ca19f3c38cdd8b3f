import CostModel
import KVMemory
import Messages
import Serving
import SimulationKernel
import Synchronization
import Workload

/// One trace through every manager of KV memory, at equal memory in bytes, on one cost model.
package struct MemoryComparison: Sendable {
  package struct Row: Sendable {
    package var manager: MemoryManager
    /// What the manager comes down to for this model and trace; empty where it is what it is about.
    package var note: String
    /// Whether it drops tokens of some sequence, so that its answers are not those of the model.
    package var dropsTokens: Bool
    package var outcome: MemoryReplay.Outcome
  }

  package var model: MemoryModel
  package var rows: [Row]
  package var profile: CostProfile
  /// As it was served.
  package var trace: Trace
  package var warnings: [String]

  /// Runs the managers side by side on the cores at hand.
  ///
  /// - Parameters:
  ///   - scenario: Of the system whose engine groups layers (`vllm-v1`); requests come all at once unless it has a rate.
  ///   - capTokens: Tokens of a sequence that rules keep that drop tokens.
  ///   - progress: Told how many managers are done.
  /// - Throws: ``UserError`` for a scenario that is not valid, for requests of several sequences, a model without keys and
  ///   values, and caps that keep everything or less than the sinks.
  package init(
    _ scenario: Scenario, managers: [MemoryManager], trace: Trace, capTokens: Int? = nil,
    progress: @Sendable (_ done: Int) -> Void = { _ in }
  ) throws {
    guard scenario.model.layers.kinds.contains(where: { $0.layer.heads != nil }) else {
      throw UserError(
        "`\(scenario.model.name)` keeps states only: managers of keys and values have nothing to do"
      )
    }
    var scenario = scenario
    scenario.requestRate = scenario.requestRate ?? .infinity
    let resolved = try scenario.resolved()
    var warnings: [String] = []
    let served = try scenario.prepared(trace, warnings: &warnings)
    try Self.requireSingleSequences(served)
    var model = MemoryModel(resolved, isCaching: served.contents != nil)
    let longest = served.requests.map { Int($0.promptTokens + $0.outputTokens) - 1 }.max() ?? 0
    let lossy = managers.filter(\.isLossy)
    if !lossy.isEmpty {
      if let capTokens { model.capTokens = capTokens }
      try Self.requireSinks(model.capTokens)
      if capTokens != nil, lossy.allSatisfy({ $0.wholeTokens(model) >= longest }) {
        throw UserError(
          "`--kv-cap` of \(model.capTokens) tokens drops nothing: the longest sequence of `\(served.name)` has \(longest)",
          hint: "give less than that")
      }
    } else if capTokens != nil {
      throw UserError(
        "`--kv-cap` says what rules keep that drop tokens, and none of them is compared",
        hint: "leave it out, or add `streaming-llm` to `--memory`")
    }
    let limits = MemoryReplay.Limits(
      sequences: resolved.settings.maxSequences, batchedTokens: resolved.settings.maxBatchedTokens,
      modelLength: resolved.settings.maxModelLength, attendedMax: resolved.settings.attendedMax,
      costModel: resolved.costModel)
    let made = model
    let done = Mutex(0)
    rows = try Parallel.map(managers) { manager in
      let outcome = Self.outcome(of: manager, made, limits, served)
      done.withLock {
        $0 += 1
        progress($0)
      }
      let dropsTokens = manager.isLossy && manager.wholeTokens(made) < longest
      let whole =
        manager.isLossy && !dropsTokens
        ? ["drops nothing: the longest sequence has \(longest) tokens"] : []
      let note = (whole + [manager.note(made)].filter { !$0.isEmpty }).joined(separator: "; ")
      return Row(manager: manager, note: note, dropsTokens: dropsTokens, outcome: outcome)
    }
    self.model = model
    profile = resolved.costModel.profile
    self.trace = served
    self.warnings = warnings
  }

  private static func outcome(
    of manager: MemoryManager, _ model: MemoryModel, _ limits: MemoryReplay.Limits, _ trace: Trace
  ) -> MemoryReplay.Outcome {
    let memory = manager.make(model)
    var replay = MemoryReplay(
      trace.requests, limits: limits, memory: memory,
      attended: { manager.attended(model, $0, $1) },
      keys: { request in
        guard let contents = trace.contents else { return [] }
        var known: [Int: [UInt64]] = [:]
        return memory.keyedBlocks.map { tokens in
          if let keys = known[tokens] { return keys }
          let keys = contents.keys(of: request, trace.requests[request], blockTokens: tokens)
          known[tokens] = keys
          return keys
        }
      })
    return replay.run()
  }

  private static func requireSingleSequences(_ trace: Trace) throws(UserError) {
    guard let index = trace.requests.firstIndex(where: { $0.sequenceCount > 1 }) else { return }
    throw UserError(
      "`\(trace.name)`: request \(index + 1) has \(trace.requests[index].sequenceCount) sequences, and managers are compared "
        + "on requests of one", hint: "leave out `n` and `beam_width`")
  }

  private static func requireSinks(_ tokens: Int) throws(UserError) {
    guard tokens <= MemoryManager.sinkTokens else { return }
    throw UserError(
      "`--kv-cap` of \(tokens) tokens leaves nothing beside \(MemoryManager.sinkTokens) sinks",
      hint: "give at least \(MemoryManager.sinkTokens + 1)")
  }
}
