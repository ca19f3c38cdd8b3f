import ArgumentParser
import CostModel
import Foundation
import Messages
import ModelFiles
import Results
import Statistics
import Validation

/// `kvplan validate kv`.
struct ValidateKVCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kv",
    abstract: "Hold the memory that is left for the KV cache against start-up logs of engines.",
    discussion: """
      Each row is a log with its flags; what the row does not give is the engine's default on that \
      GPU. Scored are rows of vLLM 0.6 or later with a named GPU and a stated utilization. Rows that \
      cannot be answered are listed with the fact that is missing.

      EXAMPLE
        kvplan validate kv kv_budget_logs.csv
      """)

  @Argument(help: "File in the layout of kv_budget_logs.csv, plain or gzip.")
  var file: String

  @Option(
    help: ArgumentHelp(
      "Folder of published configurations, `OWNER--NAME_config.json`, for models that the catalogue lacks.",
      valueName: "folder"))
  var configurations: String?

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let files = try configurations.map(ConfigurationFolder.init)
    let (predictions, unanswered) = KVLogPrediction.predict(try KVBudgetLog.read(path: file)) {
      try files?.model($0) ?? ModelFile.find($0)
    }
    guard !predictions.isEmpty else {
      throw UserError("`\(file)` has no row that can be answered")
    }
    let table = KVLogTable(predictions: predictions, unanswered: unanswered)
    for row in unanswered { Terminal.say("row \(row.log.id): \(row.reason)") }
    Terminal.write(table.rendered(format))
  }
}

/// Published configurations by the names of their models.
struct ConfigurationFolder {
  private let paths: [String: String]

  /// - Throws: ``UserError`` for a folder that cannot be read.
  init(_ folder: String) throws {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw UserError("cannot read the folder `\(folder)`")
    }
    let suffix = "_config.json"
    let configurations = names.filter {
      $0.hasSuffix(suffix) && !$0.hasSuffix("_hf_quant_config.json")
    }
    paths = Dictionary(
      configurations.sorted().map { name in
        let stem = name.dropLast(suffix.count).lowercased()
        let model = stem.range(of: "--").map { String(stem[$0.upperBound...]) } ?? String(stem)
        return (model, "\(folder)/\(name)")
      }, uniquingKeysWith: { first, _ in first })
  }

  /// The model of a name, its owner left out; `nil` if no file has it.
  func model(_ name: String) throws -> ModelSpec? {
    let plain = name.lowercased().split(separator: "/").last.map(String.init) ?? ""
    return try paths[plain].map { try ModelFile.read(path: $0) }
  }
}

/// Predictions beside logs, and their errors.
struct KVLogTable {
  var predictions: [KVLogPrediction]
  var unanswered: [KVLogPrediction.Unanswered]

  func rendered(_ format: OutputFormat) -> String {
    format == .table
      ? rows.rendered(.table) + "\n" + summary.rendered(maxWidth: Terminal.width)
        + "\n" + Self.fitted + "\n\(unanswered.count) rows are not answered\n"
      : rows.rendered(format)
  }

  /// What was fitted, of all that the predictions rest on.
  private static let fitted = """
    fitted on these logs: memory that is not PyTorch's (four medians, by what the release counts), what NCCL takes with
    reduction in the switch (one log), and AMD's libraries on eight GPUs (one log); on other logs: the same on two and on
    four, and a CUDA graph's bytes a layer; of one source it is known that FlashInfer sampled, which is left out with
    that source

    """

  private var rows: CatalogTable {
    CatalogTable(
      columns: [
        ("row", .name), ("release", .name), ("model", .name), ("gpu", .name),
        ("tensor_parallel_size", .count), ("logged_gib", .count), ("predicted_gib", .count),
        ("error_percent", .count), ("error_without_source_percent", .count), ("scored", .name),
      ],
      rows: predictions.map { prediction in
        let log = prediction.log
        return [
          log.id, log.version, log.modelName, log.gpu, "\(log.tensorParallel)",
          Digits.fixed(prediction.loggedGiB, decimals: 2),
          Digits.fixed(prediction.predictedGiB, decimals: 2), percent(prediction.error),
          percent(prediction.errorWithoutSource), prediction.isScored ? "yes" : "no",
        ]
      })
  }

  private var summary: TextTable {
    var table = TextTable([
      .init("rows", .left), .init("count"), .init("median |error| %"), .init("90th percentile"),
      .init("worst"),
    ])
    let scored = predictions.filter(\.isScored)
    for (name, group, error) in [
      ("scored", scored, \KVLogPrediction.error),
      ("scored, each source left out of the fit", scored, \.errorWithoutSource),
      ("all", predictions, \.error),
    ] where !group.isEmpty {
      let errors = group.map { abs($0[keyPath: error]) }.sorted()
      table.rows.append([
        name, "\(errors.count)", percent(Quantile.median(ofSorted: errors)),
        percent(Quantile.linear(0.9, ofSorted: errors)), percent(errors[errors.count - 1]),
      ])
    }
    return table
  }

  private func percent(_ error: Double) -> String { Digits.fixed(error * 100, decimals: 2) }
}
