import CostModel

/// Our figures beside those of an engine's log, line by line.
package struct LogComparison: Sendable {
  /// One figure of the log, and ours.
  package struct Row: Equatable, Sendable {
    package var name: String
    package var unit: Unit
    package var logged: Double
    /// `nil` where we have none: the engine does not charge it, or counts it by a rule that we do not follow.
    package var ours: Double?
    /// Where the log says it, 1-based; of several ranks the one that is taken.
    package var line: Int
    /// How many of the unit the log's figure may be off by its rounding.
    package var rounding: Double

    /// Ours less the log's.
    package var difference: Double? { ours.map { $0 - logged } }
    /// The same as a share of the log's; `nil` too where that is 0.
    package var share: Double? { logged == 0 ? nil : difference.map { $0 / logged } }
  }

  package enum Unit: String, Sendable { case bytes, blocks, tokens, sequences }

  package let rows: [Row]
  package let warnings: [String]

  /// - Parameters:
  ///   - log: One that was read.
  ///   - fit: Ours, with the log's pool or without.
  init(_ log: EngineLog, _ fit: MemoryFit) {
    let budget = fit.budget
    let other = budget.contextBytes + budget.communicationBytes
    let graphs = budget.graphBytes > 0 ? budget.graphBytes : nil
    func taken(
      _ name: String, _ quantity: EngineLogLine.Quantity, _ ours: Int?, least: Bool = false,
      unit: Unit = .bytes
    ) -> Row? {
      guard let stated = log[quantity] else { return nil }
      return Row(
        name: name, unit: unit, logged: least ? stated.least : stated.most,
        ours: ours.map { Double($0) }, line: least ? stated.leastLine : stated.mostLine,
        rounding: stated.rounding)
    }
    let own = budget.capacity
    let length = log.modelLength ?? fit.maxModelLength
    var concurrency = taken("concurrency", .concurrency, nil, least: true, unit: .sequences)
    concurrency?.ours = own.sequences(ofTokens: length)
    concurrency?.name = "sequences of \(length)"
    rows = [
      taken("device memory", .deviceMemory, budget.deviceBytes, least: true),
      taken("may be used", .usable, budget.deviceBytes - budget.reserveBytes, least: true),
      taken("weights", .weights, budget.weightBytes),
      taken(
        "weights, activation peak", .weightsAndPeak, budget.weightBytes + budget.activationBytes),
      taken("weights, not PyTorch's", .weightsAndOther, budget.weightBytes + other),
      taken("activation peak", .peak, budget.activationBytes),
      taken("not PyTorch's", .other, other),
      taken("CUDA graphs, estimated", .graphsEstimated, graphs),
      taken("CUDA graphs, captured", .graphs, graphs),
      taken("KV cache", .cache, budget.kvBytes, least: true),
      taken("blocks", .blocks, own.blocks, least: true, unit: .blocks),
      taken("tokens", .tokens, Self.tokens(fit, length), least: true, unit: .tokens),
      concurrency,
    ].compactMap(\.self)
    warnings = Self.warnings(log, fit)
  }

  /// Tokens of our pool as the engine counts them: slots where layers share one block table, else from 0.20.2 on those of
  /// sequences; before, a number that says little of either.
  private static func tokens(_ fit: MemoryFit, _ length: Int) -> Int? {
    let own = fit.budget.capacity
    guard own.cache.countsNullBlock else { return own.tokens }
    guard case .vllm(let memory) = fit.inputs.engine, memory.release >= .countsGraphs else {
      return nil
    }
    return own.tokens(inSequencesOf: length)
  }

  private static func warnings(_ log: EngineLog, _ fit: MemoryFit) -> [String] {
    var warnings: [String] = []
    if log.engine != EngineLogLine.Engine.vLLM.rawValue {
      warnings.append(
        "\(log.name): a log of \(log.engine); our figures are those of another engine")
    }
    if let length = log.modelLength, length != fit.maxModelLength {
      warnings.append(
        "\(log.name): the engine served up to \(length) tokens, here `--max-model-len` is "
          + "\(fit.maxModelLength)")
    }
    if let own = log.blockBytes(fit.budget.cache), own.isOther {
      warnings.append(
        "\(log.name): its blocks have \(own.bytes) bytes, ours \(fit.budget.blockBytes): is it a log of "
          + "`\(fit.inputs.model.name)` with these settings?")
    }
    return warnings
  }
}

extension EngineLog {
  /// Bytes of a block by the log's own bytes and blocks or tokens, and whether those are other than `cache` has, beyond
  /// what rounding explains; `nil` where the log does not give both, or does not count blocks.
  fileprivate func blockBytes(_ cache: KVCacheSpec) -> (bytes: Int, isOther: Bool)? {
    guard let bytes = self[.cache], bytes.least > 0 else { return nil }
    let blocks: Double
    if let stated = self[.blocks] {
      blocks = stated.least
    } else if let tokens = self[.tokens], !cache.countsNullBlock {
      blocks = tokens.least / Double(cache.blockTokens)
    } else {
      return nil
    }
    guard blocks >= 1 else { return nil }
    let ours = Double(cache.blockBytes)
    // The bytes that do not fill a block are in the log's.
    let isOther =
      bytes.least + bytes.rounding < blocks * ours
      || bytes.least - bytes.rounding > (blocks + 1) * ours
    return (Int(bytes.least / blocks), isOther)
  }
}
