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
  /// Whether the row has anything of it: a flag that was not given stands for the release's default.
  package var mentionsUtilization: Bool
  package var maxModelLength: Int?
  package var maxBatchedTokens: Int?
  package var maxSequences: Int?
  package var blockSize: Int?
  package var enforceEager: Bool
  /// `--max-cudagraph-capture-size`, where the row's remark repeats it.
  package var graphTokensMax: Int?
  /// What the engine said of its memory, GiB on a GPU: weights, peak of the activations, what is not PyTorch's.
  package var weightsGiB: Double?
  package var activationsGiB: Double?
  package var contextGiB: Double?
  /// Left for the KV cache on a GPU, GiB.
  package var availableGiB: Double?
  /// Blocks of the pool on a GPU.
  package var blocks: Int?
  /// Tokens of the pool; `nil` where contexts are spread over GPUs, so that they are not those of one.
  package var tokens: Int?
  /// Where the log was found: rows of one address rest on one machine.
  package var source: String

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
    mentionsUtilization = !["", "not stated"].contains(share)
    if let utilization, !(utilization > 0 && utilization <= 1) {
      throw table.failure(row, "`gpu_memory_utilization` must lie in (0, 1], found `\(share)`")
    }
    maxModelLength = try whole("max_model_len")
    maxBatchedTokens = try whole("max_num_batched_tokens")
    maxSequences = try whole("max_num_seqs")
    blockSize = try whole("block_size")
    enforceEager = table.text("enforce_eager", row) == "yes"
    graphTokensMax = Self.flag("max_cudagraph_capture_size", in: table.text("note", row))
    weightsGiB = try table.optional("weights_gib", row)
    activationsGiB = try table.optional("activation_peak_gib", row)
    contextGiB = try table.optional("non_torch_gib", row)
    tokens =
      table.text("note", row).contains("context parallel") ? nil : try whole("kv_tokens")
    source = Self.owner(table.text("source", row))
    // Some rows have words here: two figures, or none.
    availableGiB = Double(table.text("available_kv_gib", row))
    blocks = try whole("gpu_blocks")
  }

  /// The number behind the name of a flag in a remark.
  private static func flag(_ name: String, in note: String) -> Int? {
    let words = note.split { " ;,".contains($0) }
    guard let index = words.firstIndex(of: name[...]), index + 1 < words.count else { return nil }
    return Int(words[index + 1])
  }

  /// The repository of an address such as `OWNER/NAME:path@commit`, or the address.
  private static func owner(_ source: String) -> String {
    String(source.prefix { $0 != ":" && $0 != "@" })
  }

  /// The release; `nil` where the row has a date or nothing.
  ///
  /// `0.10.2/0.11` is the former, `0.11.x` the last of 0.11; a number with `V0` behind it served with the engine before
  /// V1, as 0.7 does.
  package var release: VLLMRelease? {
    let words = version.split(separator: " ")
    guard let number = words.first?.split(separator: "/").first,
      let release = VLLMRelease(String(number).replacing(".x", with: "")), release.major < 100
    else { return nil }
    return words.contains("V0") ? min(release, VLLMRelease(0, 7)) : release
  }

  /// Whether FlashInfer sampled: a line of the published log that the table has no column for. `nil` where it is not known.
  package var flashInferSamples: Bool? {
    // `Using FlashInfer for top-p & top-k sampling.` in each of its logs.
    source == "dennislee22/vLLM-benchmarking" ? true : nil
  }

  /// What the engine's own lines say of the utilization, where they add up to another one than the row has.
  package var contradiction: UserError? {
    guard let utilization, let gpuMemoryGiB, let weightsGiB, let activationsGiB, let contextGiB,
      let availableGiB
    else { return nil }
    let sum = weightsGiB + activationsGiB + contextGiB + availableGiB
    guard abs(sum / (utilization * gpuMemoryGiB) - 1) > 0.01 else { return nil }
    let shown = [weightsGiB, activationsGiB, contextGiB, availableGiB].map { "\($0)" }
    let share = (sum / gpuMemoryGiB * 1000).rounded() / 1000
    return UserError(
      "its lines \(shown.joined(separator: " + ")) GiB are \(share) of \(gpuMemoryGiB) GiB, not \(utilization)"
    )
  }
}
