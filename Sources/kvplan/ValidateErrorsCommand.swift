import ArgumentParser
import CostModel
import Foundation
import Messages
import Metrics
import Planning
import Results
import Statistics
import Validation

/// `kvplan validate errors`.
struct ValidateErrorsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "errors",
    abstract: "The errors of served latency by model, device and engine, as results quote them.",
    discussion: """
      Every row is simulated as by `validate points`; what is printed are rows of the table that the tool \
      carries (Sources/CProfiles/profiles/served-errors.tsv, tab-separated).

      EXAMPLE
        kvplan validate errors serving_points.csv --date 2026-11-29 > served-errors.tsv
      """)

  @Argument(help: "File in the layout of serving_points_dev.csv, plain or gzip.")
  var file: String

  @Option(help: "Day that the rows get, as `2026-11-29`.")
  var date: String

  @Flag(help: "The engines' parameters were fitted on this file.")
  var fitted = false

  func run() throws {
    guard date.wholeMatch(of: /\d{4}-\d{2}-\d{2}/) != nil else {
      throw UserError("`--date` must be a day such as `2026-11-29`, found `\(date)`")
    }
    let (all, warnings) = try ServingPoint.read(path: file)
    let points = all.filter { $0.split == nil }
    guard !points.isEmpty else {
      throw UserError(
        "\(file): workers prefill and decode apart, and served errors are of servers that do both",
        hint: "`kvplan validate points` says how far they are off")
    }
    Terminal.warn(warnings)
    if points.count < all.count {
      Terminal.warn([
        "\(file): \(all.count - points.count) rows are left out: their workers prefill and decode apart, and served errors are of servers that do both"
      ])
    }
    let (predictions, failures) = PointPrediction.predict(
      points, models: { .model($0) },
      progress: { Terminal.progress($0, of: points.count) })
    Terminal.warn(failures)
    let source = URL(filePath: file).lastPathComponent
    let rows = PointsTable.deployments(predictions).map { group in
      let model = group.predictions[0].point.model
      return ServedErrorTable.Row(
        ServedError.Nearest(
          model: group.model, device: group.device, engine: group.backend,
          rows: group.predictions.count, ttft: quantiles(group.ttftErrors),
          tpot: quantiles(group.tpotErrors), isFitted: fitted, source: source, date: date),
        hasExperts: model.hasExperts, billions: Double(model.parameters()) / 1e9)
    }
    let lines = [ServedErrorTable.header.joined(separator: "\t")] + rows.map(\.line)
    Terminal.write(lines.joined(separator: "\n") + "\n")
  }

  private func quantiles(_ sorted: [Double]) -> ServedError.Quantiles {
    .init(
      median: Quantile.median(ofSorted: sorted), p90: Quantile.linear(0.9, ofSorted: sorted))
  }
}
