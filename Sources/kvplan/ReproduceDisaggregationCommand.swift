import ArgumentParser
import Foundation
import Reproduction
import TraceFiles
import Workload

/// `kvplan reproduce disaggregation`.
struct DisaggregationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disaggregation",
    abstract: "Prefill and decode apart, failing ranks: DistServe, Splitwise, Mooncake and EEP.",
    discussion: """
      EXAMPLE
        kvplan reproduce disaggregation --output reports/disaggregation
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of lengths and arrivals.")
  var seed: UInt64 = 0

  @Option(help: "Mooncake's conversation trace; without the file its rows are left out.")
  var mooncake = "../shared/data/traces/mooncake_conversation.csv.gz"

  func run() throws {
    let page = ReproductionPage(
      title: "Prefill and decode apart, again",
      command: "kvplan reproduce disaggregation --seed \(seed) --output DIR",
      preamble: ["Prices: our own, the same as every plan's. Seed \(seed)."])
    let reports = try page.written(to: output) { () throws -> [FigureReport] in
      try DisaggregationReport.reports(seed: seed, mooncake: try conversations())
    }
    Terminal.write(ClaimsCSV.text(reports.flatMap(\.claims)))
    Terminal.say("the clusters, the figure and README.md are in `\(output)`")
  }

  private func conversations() throws -> Trace? {
    guard FileManager.default.fileExists(atPath: mooncake) else {
      Terminal.say("no `\(mooncake)`: the rows of Mooncake's trace are left out")
      return nil
    }
    return try TraceReader.read(path: mooncake).trace
  }
}
