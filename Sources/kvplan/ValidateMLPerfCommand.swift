import ArgumentParser
import Foundation
import Messages
import Results
import Statistics
import Validation

/// `kvplan validate mlperf`.
struct ValidateMLPerfCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mlperf",
    abstract: "Hold throughput and sustained rates against results submitted to MLPerf Inference.",
    discussion: """
      Offline all requests come at once and output tokens per second count; Server and Interactive \
      are the highest Poisson rate at which the 99th percentiles of TTFT and TPOT keep to the \
      benchmark's limits. Outputs are stretched to the mean that the engine wrote. How GPUs were cut \
      into replicas is not recorded of vLLM: as few a replica as the model fits on are assumed, and the \
      other layouts are shown. TensorRT-LLM has the settings that most submitters published for the \
      same GPU, model and load, mostly in a later round; only its offline results are answered. Rows \
      that cannot be answered are listed with the fact that is missing.

      EXAMPLE
        kvplan validate mlperf mlperf_inference_llm.csv
      """)

  @Argument(help: "File in the layout of mlperf_inference_llm.csv, plain or gzip.")
  var file: String

  @Option(
    help: ArgumentHelp(
      "Folder of `mlperf_lengths_*.csv.gz`; the file's own where it is not given.",
      valueName: "folder"))
  var lengths: String?

  @Option(
    help: ArgumentHelp(
      "Submitters' settings of TensorRT-LLM; `mlperf_engine_config.csv` beside the results where it is not given and there.",
      valueName: "file"))
  var settings: String?

  @Option(help: "Answer rows of this round only, such as `v5.1`.")
  var round: String?

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let all = try MLPerfResult.read(path: file)
    let results = all.filter { round == nil || $0.round == round }
    guard !results.isEmpty else {
      let rounds = Set(all.map(\.round)).sorted().joined(separator: ", ")
      throw UserError("`\(file)` has no row of round `\(round ?? "")`", hint: "it has \(rounds)")
    }
    let beside = URL(filePath: file).deletingLastPathComponent()
    let own = beside.appending(path: "mlperf_engine_config.csv").path
    let published = try (settings ?? (FileManager.default.fileExists(atPath: own) ? own : nil))
      .map { try MLPerfSettings.read(path: $0) }
    let (predictions, unanswered) = MLPerfPrediction.predict(
      results, lengths: lengths ?? beside.path, settings: published ?? []
    ) {
      Terminal.progress($0, of: results.count)
    }
    guard !predictions.isEmpty else {
      throw UserError(
        "`\(file)` has no row that can be answered: \(unanswered[0].result.id): \(unanswered[0].reason)"
      )
    }
    let table = MLPerfTable(predictions: predictions, unanswered: unanswered)
    Terminal.warn(table.reasons)
    Terminal.write(table.rendered(format))
  }
}

/// Predictions beside results, and their errors.
struct MLPerfTable {
  var predictions: [MLPerfPrediction]
  var unanswered: [MLPerfPrediction.Unanswered]

  /// Why rows have no answer, a line for each reason.
  var reasons: [String] {
    var reasons: [(text: String, rows: [String])] = []
    for row in unanswered {
      if let known = reasons.firstIndex(where: { $0.text == row.reason }) {
        reasons[known].rows.append(row.result.id)
      } else {
        reasons.append((row.reason, [row.result.id]))
      }
    }
    return reasons.map { text, rows in
      rows.count == 1
        ? "\(rows[0]) is left out: \(text)"
        : "\(rows.count) rows are left out: \(text); the first is \(rows[0])"
    }
  }

  func rendered(_ format: OutputFormat) -> String {
    format == .table
      ? rows.rendered(.table) + "\n" + summary + "\n" : rows.rendered(format)
  }

  private var rows: CatalogTable {
    CatalogTable(
      columns: [
        ("result", .name), ("model", .name), ("gpus", .name), ("unit", .name),
        ("measured", .count), ("assumed", .name), ("predicted", .count), ("error_percent", .count),
        ("other_layouts", .name), ("settings", .name),
      ],
      rows: predictions.map { prediction in
        let result = prediction.result
        return [
          result.id, result.modelName, "\(result.gpus) × \(result.accelerator)",
          result.load == .offline ? "tokens/s" : "req/s", number(result.measured),
          text(prediction.layouts[0]), number(prediction.layouts[0].predicted),
          Digits.fixed(prediction.error * 100, decimals: 1),
          prediction.layouts.dropFirst().map { "\(text($0)): \(number($0.predicted))" }
            .joined(separator: ", "),
          prediction.settings ?? "",
        ]
      })
  }

  private func text(_ layout: MLPerfPrediction.Layout) -> String {
    "\(layout.replicas) × TP \(layout.tensorParallel)"
  }

  private func number(_ value: Double) -> String {
    Digits.fixed(value, decimals: value < 1000 ? 2 : 0)
  }

  private var summary: String {
    let engines = [("vllm", "vLLM"), ("tensorrt-llm", "TensorRT-LLM")].compactMap { engine, name in
      errors(of: engine).map { "\(name), \($0)" }
    }
    return engines.joined(separator: "; ") + "; \(unanswered.count) are not answered"
  }

  /// Of an engine's rows; `nil` if it has none.
  private func errors(of engine: String) -> String? {
    let errors = predictions.filter { $0.result.engine == engine }.map { abs($0.error) }.sorted()
    guard let largest = errors.last else { return nil }
    let median = Digits.fixed(Quantile.median(ofSorted: errors) * 100, decimals: 1)
    let worst = Digits.fixed(largest * 100, decimals: 1)
    return "\(errors.count) rows: |error| \(median) % in the median, \(worst) % at worst"
  }
}
