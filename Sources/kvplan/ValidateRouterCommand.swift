import ArgumentParser
import Foundation
import Messages
import Results
import Validation

/// `kvplan validate router`.
struct ValidateRouterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "router",
    abstract: "Hold fleets behind llm-d's routers against its benchmark.",
    discussion: """
      All stages are replayed in their order on one fleet, under each policy of the file, with the \
      prompts of the benchmark: prefixes that several prompts begin with, every stage the same ones. \
      A rate that comes twice was first sent to warm up: the last stage counts. Three numbers of servers and clients were set with the rows of \
      router_llmd.csv in sight.

      EXAMPLE
        kvplan validate router router_llmd.csv
      """)

  @Argument(help: "File in the layout of router_llmd.csv, plain or gzip.")
  var file: String

  @Option(
    help: ArgumentHelp(
      "File with `rate_rps` and `duration_s`; the only `*_stages*.csv` beside the file where it is not given.",
      valueName: "file"))
  var stages: String?

  @Option(help: ArgumentHelp("Time of every iteration beside the release's.", valueName: "ms"))
  var iterationMs = RouterReplay.Server.fitted.gapSeconds * 1e3

  @Option(help: ArgumentHelp("Time of every answer outside of the engine.", valueName: "ms"))
  var answerMs = RouterReplay.Server.fitted.answerSeconds * 1e3

  @Option(
    help: ArgumentHelp("Share of the generated tokens that clients count.", valueName: "share"))
  var countedShare = RouterReplay.Server.fitted.countedShare

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let measurements = try RouterMeasurement.read(path: file)
    let comparison = try RouterComparison(
      measurements, try RouterStage.read(path: try stages ?? stagesBeside()),
      server: RouterReplay.Server(
        gapSeconds: iterationMs / 1e3, answerSeconds: answerMs / 1e3, countedShare: countedShare))
    Terminal.write(RouterTable(comparison: comparison).rendered(format))
  }

  func validate() throws {
    guard iterationMs >= 0, iterationMs < 1e6, answerMs >= 0, answerMs < 1e6 else {
      throw ValidationError("times must be at least 0 and below 10⁶ ms")
    }
    guard countedShare > 0, countedShare <= 1 else {
      throw ValidationError("`--counted-share` must be above 0 and at most 1")
    }
  }

  /// - Throws: ``UserError`` unless one file beside the measurements has stages.
  private func stagesBeside() throws -> String {
    let folder = URL(filePath: file).deletingLastPathComponent().path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let found = names.filter { $0.contains("_stages") && $0.hasSuffix(".csv") }
    guard found.count == 1 else {
      throw UserError(
        "\(found.count) files beside `\(file)` have stages", hint: "name one with `--stages`")
    }
    return "\(folder)/\(found[0])"
  }
}

/// Stages by policy and rate, and what the issue asks of them.
struct RouterTable {
  var comparison: RouterComparison

  func rendered(_ format: OutputFormat) -> String {
    format == .table
      ? rows.rendered(.table) + "\n" + summary.joined(separator: "\n") + "\n"
      : rows.rendered(format)
  }

  private var rows: CatalogTable {
    CatalogTable(
      columns: [
        ("policy", .name), ("rate", .count), ("measured_tok_s", .count),
        ("simulated_tok_s", .count), ("error_percent", .count), ("measured_ttft_s", .count),
        ("simulated_ttft_s", .count), ("ttft_error_percent", .count),
      ],
      rows: comparison.rows.map { row in
        [
          row.measured.policy.rawValue, "\(row.measured.rate ?? 0)",
          Digits.fixed(row.measured.throughput, decimals: 0),
          Digits.fixed(row.simulated.throughput, decimals: 0), percent(row.throughputError),
          Digits.fixed(row.measured.ttft, decimals: 3),
          Digits.fixed(row.simulated.ttft, decimals: 3), percent(row.ttftError),
        ]
      })
  }

  private func percent(_ share: Double) -> String { Digits.fixed(share * 100, decimals: 1) }

  private var summary: [String] {
    let throughputs = comparison.rows.map { abs($0.throughputError) }
    let short = comparison.rows.filter { $0.measured.ttft < RouterComparison.ttftMax }
    let ttfts = short.map { abs($0.ttftError) }
    let rates = comparison.orderedRates
    let ordered = rates.filter { comparison.isOrdered($0) }
    let close = rates.filter { comparison.distance($0) <= 0.15 }
    return [
      line("throughput", throughputs, limit: 0.1),
      line("mean TTFT where it is below 2 s", ttfts, limit: 0.3),
      "mean TTFT of precise below estimated below both others: at \(ordered.count) of \(rates.count) rates "
        + "from \(Digits.fixed(RouterComparison.orderedFrom, decimals: 0)) req/s on",
      "random and load within 15 % of each other: at \(close.count) of \(rates.count) rates",
    ]
  }

  private func line(_ what: String, _ errors: [Double], limit: Double) -> String {
    guard !errors.isEmpty else { return "\(what): no row" }
    let mean = errors.reduce(0, +) / Double(errors.count)
    return "\(what): mean |error| \(percent(mean)) %, at most \(percent(errors.max() ?? 0)) %; "
      + "\(errors.filter { $0 <= limit }.count) of \(errors.count) rows within \(percent(limit)) %"
  }
}
