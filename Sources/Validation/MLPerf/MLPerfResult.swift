import CostModel
import Messages
import ModelFiles

/// A result that was submitted to MLPerf Inference, as its load generator logged it: a row of
/// `mlperf_inference_llm.csv`.
package struct MLPerfResult: Sendable {
  /// How requests come, by the benchmark's own names.
  package enum Load: String, Sendable {
    /// All at once.
    case offline = "Offline"
    /// Poisson arrivals under targets of latency.
    case server = "Server"
    /// The same under tighter targets.
    case interactive = "Interactive"
  }

  /// Round, submitter, platform and load.
  package var id: String
  package var round: String
  package var modelName: String
  package var load: Load
  package var accelerator: String
  package var gpus: Int
  package var engine: String
  package var framework: String
  /// Of the weights; blank where neither the row nor the model's name has it.
  package var weights: String
  /// Requests that were sent.
  package var queries: Int
  /// What the engine wrote, mean tokens a request.
  package var meanOutput: Double
  /// Upper bounds of the 99th percentiles, seconds; `nil` under ``Load/offline``.
  package var limits: (ttft: Double, tpot: Double)?
  /// Output tokens per second offline; else requests per second that were sent and met the targets.
  package var measured: Double

  /// Reads a file in the layout of `mlperf_inference_llm.csv`; one run under two targets of accuracy counts once.
  ///
  /// - Throws: ``UserError`` with file and line.
  package static func read(path: String) throws -> [MLPerfResult] {
    let table = try MeasurementTable(path: path)
    try table.require([
      "round", "submitter", "platform", "model", "scenario", "accelerator",
      "accelerators_per_node", "nodes", "engine", "framework", "weight_dtype", "ttft_limit_ms",
      "tpot_limit_ms", "queries", "scheduled_rps", "completed_tok_s",
      "mean_output_tokens_from_log", "duplicate_of_99",
    ])
    return try (0..<table.rowCount)
      .filter { table.text("duplicate_of_99", $0).isEmpty }
      .map { try MLPerfResult(table, $0) }
  }

  private init(_ table: MeasurementTable, _ row: Int) throws {
    let name = table.text("scenario", row)
    guard let load = Load(rawValue: name) else {
      throw table.failure(row, "unknown `scenario` `\(name)`")
    }
    self.load = load
    round = table.text("round", row)
    id = "\(round) \(table.text("submitter", row)) \(table.text("platform", row)) \(name)"
    modelName = table.text("model", row)
    accelerator = table.text("accelerator", row)
    gpus = Int(try table.size("accelerators_per_node", row) * table.size("nodes", row))
    engine = table.text("engine", row)
    framework = table.text("framework", row)
    let recorded = table.text("weight_dtype", row)
    weights = recorded.isEmpty && modelName.contains("fp8") ? "fp8" : recorded
    queries = Int(try table.size("queries", row))
    meanOutput = try table.number("mean_output_tokens_from_log", row, atLeast: 1)
    switch load {
    case .offline:
      limits = nil
      measured = try table.number("completed_tok_s", row)
    case .server, .interactive:
      limits = (
        ttft: try table.seconds("ttft_limit_ms", row, unit: 1e-3),
        tpot: try table.seconds("tpot_limit_ms", row, unit: 1e-3)
      )
      measured = try table.number("scheduled_rps", row)
    }
    guard measured > 0 else { throw table.failure(row, "the result is 0") }
  }

  /// A model of the benchmark: how results call it, what the tool calls it, and the lengths that it was served with.
  struct Benchmark: Sendable {
    var names: [String]
    var model: String
    /// The file of lengths, without `mlperf_lengths_` and `.csv.gz`.
    var lengths: String
    /// Most output tokens of a request, by the benchmark's rules (from memory but for the first two).
    var outputMax: Int
  }

  static let benchmarks = [
    Benchmark(
      names: ["llama2-70b"], model: "llama-2-70b", lengths: "openorca_llama2_70b",
      outputMax: 1024),
    Benchmark(
      names: ["llama3.1-8b"], model: "llama-3.1-8b", lengths: "cnn_dailymail_llama31_8b",
      outputMax: 128),
    Benchmark(
      names: ["llama3_1-70b-fp8_dyn"], model: "llama-3.1-70b", lengths: "openorca_llama2_70b",
      outputMax: 1024),
    Benchmark(
      names: ["llama2-7b-fp8"], model: "llama-2-7b", lengths: "openorca_llama2_70b",
      outputMax: 1024),
    Benchmark(
      names: ["mixtral-8x7b"], model: "mixtral-8x7b", lengths: "mixed_mixtral_8x7b",
      outputMax: 1024),
    Benchmark(
      names: ["llama3.1-405b"], model: "llama-3.1-405b", lengths: "llama31_405b",
      outputMax: 2000),
  ]

  /// - Throws: ``UserError`` for a model that is none of the benchmark's.
  func benchmark() throws -> Benchmark {
    guard let found = Self.benchmarks.first(where: { $0.names.contains(modelName) }) else {
      throw UserError("`\(modelName)` is no model of the benchmark that lengths are known of")
    }
    return found
  }

  /// The device of an accelerator's name: its words up to the size of its memory, the maker's left out.
  ///
  ///     NVIDIA H100-SXM-80GB      AMD Instinct MI300X-NPS1-SPX-192GB-750W
  ///            ~~~~~~~~                        ~~~~~~
  ///
  /// - Throws: ``UserError`` for a name of which no beginning is a device.
  func device() throws -> DeviceSpec {
    var words = accelerator.split { $0 == " " || $0 == "-" }.map(String.init)
    words.removeAll { ["NVIDIA", "AMD", "Instinct", "GeForce"].contains($0) }
    for count in stride(from: words.count, to: 0, by: -1) {
      if let device = try? DeviceCatalogue.find(words.prefix(count).joined(separator: "-")) {
        return device
      }
    }
    throw UserError("unknown device `\(accelerator)`")
  }
}
