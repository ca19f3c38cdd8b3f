import ArgumentParser
import Reproduction

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

  @OptionGroup var conversations: MooncakeTrace

  func run() throws {
    let page = ReproductionPage(
      title: "Prefill and decode apart, again",
      command: "kvplan reproduce disaggregation --seed \(seed) --output DIR",
      preamble: ["Prices: our own, the same as every plan's. Seed \(seed)."])
    let reports = try page.written(to: output) { () throws -> [FigureReport] in
      try DisaggregationReport.reports(seed: seed, mooncake: try conversations.read())
    }
    Terminal.write(ClaimsCSV.text(reports.flatMap(\.claims)))
    Terminal.say("the clusters, the figure and README.md are in `\(output)`")
  }
}
