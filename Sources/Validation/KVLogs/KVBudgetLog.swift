import CostModel
import Messages

/// What an engine said of its memory when it started, and the flags that it was started with: a row of
/// `kv_budget_logs.csv`.
package struct KVBudgetLog: Sendable {
  package var id: String
  package var engine: String
  /// As it was recorded: a number, with what it was inferred from behind it.
  package var version: String
  package var modelName: String
  package var gpu: String
  /// Total memory of a GPU as the engine saw it, GiB.
  package var gpuMemoryGiB: Double?
  package var tensorParallel: Int
  package var quantization: String
  package var kvCache: String
  /// `nil` where it is not known; the engine's default where the row says so.
  package var utilization: Double?
  /// Whether a flag gave it; otherwise it is the release's default.
  package var statesUtilization: Bool
  package var maxModelLength: Int?
  package var maxBatchedTokens: Int?
  package var maxSequences: Int?
  package var blockSize: Int?
  /// Left for the KV cache on a GPU, GiB.
  package var availableGiB: Double?
  /// Blocks of the pool on a GPU.
  package var blocks: Int?

  /// Reads a file in the layout of `kv_budget_logs.csv`.
  ///
  /// - Throws: ``UserError`` with file and line.
  package static func read(path: String) throws -> [KVBudgetLog] {
    let table = try MeasurementTable(path: path)
    try table.require([
      "row", "engine", "engine_version", "model", "gpu", "gpu_memory_gib", "tp", "quantization",
      "kv_cache_dtype", "gpu_memory_utilization", "max_model_len", "max_num_batched_tokens",
      "max_num_seqs", "block_size", "available_kv_gib", "gpu_blocks",
    ])
    return try (0..<table.rowCount).map { try KVBudgetLog(table, $0) }
  }

  private init(_ table: MeasurementTable, _ row: Int) throws {
    func whole(_ column: String) throws -> Int? {
      guard !table.text(column, row).isEmpty else { return nil }
      return Int(try table.size(column, row))
    }
    id = table.text("row", row)
    engine = table.text("engine", row)
    version = table.text("engine_version", row)
    modelName = table.text("model", row)
    gpu = table.text("gpu", row)
    gpuMemoryGiB = try table.optional("gpu_memory_gib", row)
    tensorParallel = Int(try table.size("tp", row))
    quantization = table.text("quantization", row)
    kvCache = table.text("kv_cache_dtype", row)
    let share = table.text("gpu_memory_utilization", row)
    utilization = Double(share.hasPrefix("default ") ? String(share.dropFirst(8)) : share)
    statesUtilization = Double(share) != nil
    if let utilization, !(utilization > 0 && utilization <= 1) {
      throw table.failure(row, "`gpu_memory_utilization` must lie in (0, 1], found `\(share)`")
    }
    maxModelLength = try whole("max_model_len")
    maxBatchedTokens = try whole("max_num_batched_tokens")
    maxSequences = try whole("max_num_seqs")
    blockSize = try whole("block_size")
    // Some rows have words here: two figures, or none.
    availableGiB = Double(table.text("available_kv_gib", row))
    blocks = try whole("gpu_blocks")
  }

  /// Major and minor number of the release; `nil` where the row has a date or nothing.
  package var release: (major: Int, minor: Int)? {
    let number = version.prefix { !$0.isWhitespace }.split(separator: "/").first ?? ""
    let parts = number.split(separator: ".").map(String.init)
    guard parts.count >= 2, let major = Int(parts[0]), major < 100 else { return nil }
    return Int(parts[1].prefix { $0.isNumber }).map { (major, $0) }
  }
}
