import ArgumentParser
import Reproduction
import Results

/// `kvplan reproduce overlap`.
struct ReproduceOverlapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overlap",
    abstract: "Prefill and decode side by side (POD-Attention, Bullet), and chunks of a prompt.",
    discussion: """
      EXAMPLE
        kvplan reproduce overlap --output reports/overlap
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of arrivals and lengths.")
  var seed: UInt64 = 0

  func run() throws {
    let page = ReproductionPage(
      title: "Overlap, again", command: "kvplan reproduce overlap --output DIR",
      preamble: [
        "POD-Attention (arXiv 2410.18038) and Bullet, from summaries; each row says what it assumes. Seed \(seed)."
      ])
    let report = try page.written(to: output) { try OverlapReport.report(seed: seed) }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say(ReproductionPage.verdicts(report.claims))
    Terminal.say("the batches and README.md are in `\(output)`")
  }
}
