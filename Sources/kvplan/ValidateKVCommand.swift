import ArgumentParser
import CostModel
import Messages
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

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let (predictions, unanswered) = KVLogPrediction.predict(try KVBudgetLog.read(path: file))
    guard !predictions.isEmpty else {
      throw UserError("`\(file)` has no row that can be answered")
    }
    let table = KVLogTable(predictions: predictions, unanswered: unanswered)
    for row in unanswered { Terminal.say("row \(row.log.id): \(row.reason)") }
    Terminal.write(table.rendered(format))
  }
}

/// Predictions beside logs, and their errors.
struct KVLogTable {
  var predictions: [KVLogPrediction]
  var unanswered: [KVLogPrediction.Unanswered]

  func rendered(_ format: OutputFormat) -> String {
    format == .table
      ? rows.rendered(.table) + "\n" + summary.rendered(maxWidth: Terminal.width)
        + "\n\(unanswered.count) rows are not answered\n" : rows.rendered(format)
  }

  private var rows: CatalogTable {
    CatalogTable(
      columns: [
        ("row", .name), ("release", .name), ("model", .name), ("gpu", .name),
        ("tensor_parallel_size", .count), ("logged_gib", .count), ("predicted_gib", .count),
        ("error_percent", .count), ("scored", .name),
      ],
      rows: predictions.map { prediction in
        let log = prediction.log
        return [
          log.id, log.version, log.modelName, log.gpu, "\(log.tensorParallel)",
          Digits.fixed(prediction.loggedGiB, decimals: 2),
          Digits.fixed(prediction.predictedGiB, decimals: 2), percent(prediction.error),
          prediction.isScored ? "yes" : "no",
        ]
      })
  }

  private var summary: TextTable {
    var table = TextTable([
      .init("rows", .left), .init("count"), .init("median |error| %"), .init("90th percentile"),
      .init("worst"),
    ])
    for (name, group) in [("scored", predictions.filter(\.isScored)), ("all", predictions)]
    where !group.isEmpty {
      let errors = group.map { abs($0.error) }.sorted()
      table.rows.append([
        name, "\(errors.count)", percent(Quantile.median(ofSorted: errors)),
        percent(Quantile.linear(0.9, ofSorted: errors)), percent(errors[errors.count - 1]),
      ])
    }
    return table
  }

  private func percent(_ error: Double) -> String { Digits.fixed(error * 100, decimals: 2) }
}
