import ArgumentParser
import Messages
import Reproduction
import Results

/// `kvplan reproduce prism`.
struct PrismCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prism",
    abstract: "Several models on shared GPUs: parts of memory, shared pages, Prism (OSDI 2026).",
    discussion: """
      EXAMPLE
        kvplan reproduce prism --output reports/prism
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of the requests.")
  var seed: UInt64 = 0

  func run() throws {
    let page = ReproductionPage(
      title: "Prism's directions, again",
      command: "kvplan reproduce prism --seed \(seed) --output DIR",
      preamble: [
        "Prism (OSDI 2026) and kvcached on made-up requests. Prices: our own, the same as every plan's. Seed \(seed)."
      ])
    let report = try page.written(to: output) { try PrismReport.report(seed: seed) }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say("the numbers of each trial, the figure and README.md are in `\(output)`")
  }
}
