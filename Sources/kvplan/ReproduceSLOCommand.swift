import ArgumentParser
import Reproduction

/// `kvplan reproduce slo`.
struct ReproduceSLOCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slo",
    abstract: "Order of service by deadlines: QoServe's tables of late requests.",
    discussion: """
      EXAMPLE
        kvplan reproduce slo --output reports/slo
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of arrivals, lengths and classes.")
  var seed: UInt64 = 0

  func run() throws {
    let page = ReproductionPage(
      title: "Order of service by deadlines",
      command: "kvplan reproduce slo --seed \(seed) --output DIR",
      preamble: ["One engine and three classes of requests. Seed \(seed)."])
    let report = try page.written(to: output) { try SLOReport.report(seed: seed) }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say(ReproductionPage.verdicts(report.claims))
    Terminal.say("the rates that were tried and README.md are in `\(output)`")
  }
}
