import CostModel
import Messages
import Planning
import Serving

/// Settings of TensorRT-LLM that a submitter published: a row of `mlperf_engine_config.csv` that has them all.
///
/// The published settings are of later rounds than most results, so they are joined by what both name: model, load and
/// the GPU, which a platform's name holds. That a submission of an earlier round ran with them is inferred.
package struct MLPerfSettings: Sendable {
  /// What the engine is started with.
  struct Engine: Hashable, Sendable {
    var weights: ElementType
    var kvCache: ElementType
    var sequences: Int
    var tokens: Int
    var tensorParallel: Int
    var pipelineParallel: Int
    /// Of the memory that weights leave.
    var memoryShare: Double
    var cutsPrompts: Bool
  }

  var round: String
  var platform: String
  var modelName: String
  var load: String
  var engine: Engine

  /// Reads a file in the layout of `mlperf_engine_config.csv`; rows that lack one of the settings say nothing.
  ///
  /// - Throws: ``UserError`` with file and line.
  package static func read(path: String) throws -> [MLPerfSettings] {
    let table = try MeasurementTable(path: path)
    try table.require([
      "round", "platform", "scenario", "model", "precision", "gpu_batch_size", "tensor_parallel",
      "pipeline_parallel", "max_num_tokens", "kv_cache_dtype", "kv_free_mem_fraction",
      "batch_policy", "chunked_context",
    ])
    return try (0..<table.rowCount).compactMap { try MLPerfSettings(table, $0) }
  }

  private init?(_ table: MeasurementTable, _ row: Int) throws {
    let elements: [String: ElementType] = ["fp4": .nvfp4, "fp8": .fp8]
    guard let weights = elements[table.text("precision", row)],
      let kvCache = elements[table.text("kv_cache_dtype", row)],
      table.text("batch_policy", row) == "max_util",
      let cutsPrompts = ["True": true, "False": false][table.text("chunked_context", row)],
      let share = try table.optional("kv_free_mem_fraction", row)
    else { return nil }
    let counts = try ["gpu_batch_size", "max_num_tokens", "tensor_parallel", "pipeline_parallel"]
      .map { try table.optional($0, row).map { Int($0) } }
    guard let sequences = counts[0], let tokens = counts[1], let tensor = counts[2],
      let pipeline = counts[3]
    else { return nil }
    round = table.text("round", row)
    platform = table.text("platform", row)
    modelName = table.text("model", row).replacing("_", with: ".")
    load = table.text("scenario", row)
    engine = Engine(
      weights: weights, kvCache: kvCache, sequences: sequences, tokens: tokens,
      tensorParallel: tensor, pipelineParallel: pipeline, memoryShare: share,
      cutsPrompts: cutsPrompts)
  }

  /// What most platforms with a result's GPU ran its model with, of equally many the first; `nil` if none is known.
  ///
  /// - Returns: Also, how many of how many.
  static func common(to result: MLPerfResult, in all: [MLPerfSettings]) -> (Engine, of: String)? {
    guard let gpu = result.gpuName else { return nil }
    let known = all.filter {
      $0.modelName == result.modelName && $0.load == result.load.rawValue
        && $0.platform.uppercased().replacing("_", with: "-").contains(gpu)
        && (result.weights.isEmpty || result.weights == $0.engine.weights.rawValue)
        && result.gpus % ($0.engine.tensorParallel * $0.engine.pipelineParallel) == 0
    }
    var counts: [(engine: Engine, count: Int)] = []
    for settings in known {
      if let place = counts.firstIndex(where: { $0.engine == settings.engine }) {
        counts[place].count += 1
      } else {
        counts.append((settings.engine, 1))
      }
    }
    guard let most = counts.map(\.count).max(),
      let found = counts.first(where: { $0.count == most })
    else { return nil }
    let rounds = Set(known.map(\.round)).sorted().joined(separator: ", ")
    return (found.engine, "\(found.count) of \(known.count) (\(rounds))")
  }
}

extension MLPerfResult {
  /// The GPU as platforms name it: the maker left out, up to its memory.
  ///
  ///     NVIDIA H200-SXM-141GB-CTS
  ///            ~~~~~~~~~~~~~~
  var gpuName: String? {
    let words = accelerator.split { $0 == " " || $0 == "-" }.map { $0.uppercased() }
      .drop(while: { $0 == "NVIDIA" })
    guard let memory = words.firstIndex(where: { $0.hasSuffix("GB") }) else { return nil }
    return words[...memory].joined(separator: "-")
  }

  /// TensorRT-LLM with published settings.
  ///
  /// - Throws: ``UserError`` for a fact that is missing.
  func scenario(of model: ModelSpec, _ engine: MLPerfSettings.Engine) throws -> Scenario {
    var scenario = Scenario(system: .trtllm1, model: model, device: try device())
    scenario.quantization = engine.weights
    scenario.kvCache = engine.kvCache
    scenario.tensorParallel = engine.tensorParallel
    scenario.pipelineParallel = engine.pipelineParallel
    scenario.maxSequences = engine.sequences
    scenario.maxBatchedTokens = engine.tokens
    scenario.gpuMemoryUtilization = engine.memoryShare
    scenario.chunkedPrefill = engine.cutsPrompts
    scenario.trtllm.policy = .maxUtilization
    return scenario
  }

  /// Why TensorRT-LLM's result has no answer; `nil` if it may have one.
  var missingOfTRTLLM: String? {
    if load != .offline { return "of TensorRT-LLM's results only `Offline` is answered" }
    // NVIDIA's name for submissions with a lower limit of power (from memory).
    if id.contains("MaxQ") { return "its GPUs ran below their full power" }
    return nil
  }
}
