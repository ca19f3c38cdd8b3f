import CostModel
import Planning
import Results
import Serving

/// Where the memory of a GPU goes.
enum PlanMemory {
  static func section(_ prepared: PreparedDeployment) -> Document.Section {
    let resolved = prepared.resolved[0]
    let scenario = resolved.scenario
    let warning = resolved.kvCapacity.cache.warning(model: scenario.model.name).map { $0 + "." }
    let warnings = warning.map { [$0] } ?? []
    guard let budget = resolved.kvBudget else {
      return Document.Section(
        "KV memory of one GPU",
        paragraphs: ["The pool was given: \(resolved.settings.deviceBlocks) blocks."] + warnings)
    }
    var table = TextTable([.init("", .left), .init("GB")])
    table.rows = budget.lines.map { line in
      [line.name, Digits.fixed(Double(line.bytes) / 1e9, decimals: 2)]
    }
    let capacity = budget.capacity
    return Document.Section(
      "KV memory of one GPU (\(scenario.device.name))",
      paragraphs: [
        "\(capacity.blocks) blocks of \(capacity.blockTokens) tokens: room for "
          + "\(capacity.tokens * resolved.settings.dataParallel) tokens a replica."
      ] + warnings, table: table)
  }

  /// Blocks of a replica, tokens of a block, and the bytes of each line of the waterfall; no lines where the pool was
  /// given.
  static func json(_ prepared: PreparedDeployment) -> JSONValue {
    let resolved = prepared.resolved[0]
    let lines = resolved.kvBudget?.lines ?? []
    return .object([
      .init("device", .text(resolved.scenario.device.name)),
      .init("blocks", .integer(resolved.settings.deviceBlocks)),
      .init("block_size", .integer(resolved.settings.blockSize)),
      .init(
        "lines",
        .array(
          lines.map { line in
            .object([.init("name", .text(line.name)), .init("bytes", .integer(line.bytes))])
          })),
    ])
  }
}
