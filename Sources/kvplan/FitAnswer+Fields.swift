import CostModel
import Planning
import Results
import Serving

/// As fields, for programs.
extension FitAnswer {
  var members: [JSONValue.Member] {
    let (inputs, capacity) = (fit.inputs, fit.capacity)
    return [
      .init("model", .text(inputs.model.name)), .init("device", .text(inputs.device.name)),
      .init("system", .text(scenario.system.name)),
      .init("tensor_parallel_size", .integer(inputs.tensorParallel)),
      .init("pipeline_parallel_size", .integer(inputs.pipelineParallel)),
      .init("quantization", .text(inputs.weights.quantizationName)),
      .init("kv_cache_dtype", .text(inputs.kvCache.cacheName)),
      .init("gpu_memory_utilization", .real(inputs.utilization)),
      .init("max_num_batched_tokens", .integer(inputs.tokenBudget)),
      .init("max_model_len", .integer(fit.maxModelLength)),
      .init("fits", .boolean(fit.failure == nil)),
      .init(
        "lines",
        .array(
          evidence.map { line, rests in
            .object([
              .init("name", .text(line.name)), .init("bytes", .integer(line.bytes)),
              .init("rests_on", .text(rests.kind.rawValue)), .init("note", .text(rests.note)),
            ])
          })),
      .init("pool_of", .text(fit.isLogged ? "log" : "budget")),
      .init("block_size", .integer(capacity.blockTokens)),
      .init("block_bytes", .integer(capacity.blockBytes)),
      .init("num_blocks", .integer(capacity.blocks)),
      .init("kv_tokens", .integer(fit.tokens)),
      .init("max_concurrency", .real(fit.concurrency)),
    ] + (groups?.members ?? []) + answers
  }

  private var answers: [JSONValue.Member] {
    let sequences = contexts.map { length in
      JSONValue.object([
        .init("tokens", .integer(length)),
        .init("blocks", .integer(fit.capacity.blocksReserved(forTokens: length))),
        .init("sequences", .real(fit.capacity.sequences(ofTokens: length))),
      ])
    }
    let changes = levers.map { lever in
      JSONValue.object([
        .init("flags", .text(lever.flags)), .init("kv_tokens", .integer(lever.tokens)),
        .init("note", .text(lever.note)),
      ])
    }
    return [.init("sequences", .array(sequences))]
      + (trace.map { [.init("trace", Self.value(of: $0))] } ?? [])
      + [
        .init("budget_kv_tokens", .integer(budgetTokens)), .init("levers", .array(changes)),
      ]
      + (log.map { [.init("log", Self.value(of: $0))] } ?? [])
  }

  /// Tokens of our pool, whether a log gives another or not.
  private var budgetTokens: Int { MemoryFit.tokens(fit.budget.capacity, fit.maxModelLength) }

  private static func value(of trace: Requests) -> JSONValue {
    .object([
      .init("name", .text(trace.name)), .init("requests", .integer(trace.fit.requests)),
      .init("requests_beyond_max_model_len", .integer(trace.fit.tooLong)),
      .init(
        "rows",
        .array(
          trace.fit.rows.map { row in
            .object([
              .init("name", .text(row.name)), .init("tokens", .real(row.tokens)),
              .init("blocks", .real(row.blocks)),
              .init("blocks_by_group", .array(row.groupBlocks.map { .real($0) })),
              .init("sequences", .real(row.sequences)),
            ])
          })),
    ])
  }

  private static func value(of log: Log) -> JSONValue {
    .object([
      .init("file", .text(log.file)), .init("engine", .text(log.engine)),
      .init(
        "lines",
        .array(
          log.comparison.rows.map { row in
            .object([
              .init("name", .text(row.name)), .init("unit", .text(row.unit.rawValue)),
              .init("logged", .real(row.logged)),
              .init("ours", row.ours.map { .real($0) } ?? .null),
              .init("difference", row.difference.map { .real($0) } ?? .null),
              .init("difference_percent", row.share.map { .real(100 * $0) } ?? .null),
              .init("line", .integer(row.line)),
            ])
          })),
    ])
  }

  /// The same, a figure a row.
  var table: CatalogTable {
    var rows = evidence.map { line, rests in
      ["memory", line.name, "\(line.bytes)", "bytes", "\(rests.kind.rawValue): \(rests.note)"]
    }
    func add(
      _ section: String, _ name: String, _ value: String, _ unit: String, _ note: String = ""
    ) {
      rows.append([section, name, value, unit, note])
    }
    let pool = fit.isLogged ? "of the log" : "of the budget"
    add("pool", "block", "\(fit.capacity.blockBytes)", "bytes")
    add("pool", "blocks", "\(fit.capacity.blocks)", "blocks", pool)
    add("pool", "tokens", "\(fit.tokens)", "tokens", pool)
    for length in contexts {
      add("sequences", "\(length)", "\(fit.capacity.sequences(ofTokens: length))", "sequences")
    }
    for row in trace?.fit.rows ?? [] {
      add("trace", row.name, "\(row.tokens)", "tokens")
      add("trace", row.name, "\(row.blocks)", "blocks")
      add("trace", row.name, "\(row.sequences)", "sequences")
    }
    for lever in levers { add("levers", lever.flags, "\(lever.tokens)", "tokens", lever.note) }
    for row in log?.comparison.rows ?? [] {
      add("log", row.name, "\(row.logged)", row.unit.rawValue, "line \(row.line)")
      if let ours = row.ours { add("ours", row.name, "\(ours)", row.unit.rawValue) }
    }
    return CatalogTable(
      columns: [
        ("section", .name), ("name", .name), ("value", .count), ("unit", .name), ("note", .name),
      ], rows: rows)
  }
}
