import ArgumentParser
import Reproduction
import Results

/// `kvplan reproduce speculation`.
struct ReproduceSpeculationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speculation",
    abstract: "Laws and published speedups of speculative decoding (MagicDec, EAGLE-3).",
    discussion: """
      EXAMPLE
        kvplan reproduce speculation --output reports/speculation
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of the acceptance that is drawn.")
  var seed: UInt64 = 0

  func run() throws {
    let page = ReproductionPage(
      title: "Speculative decoding, again",
      command: "kvplan reproduce speculation --seed \(seed) --output DIR",
      preamble: [
        "MagicDec (arXiv 2408.11049) and published runs of EAGLE-3 heads, all from summaries; each row says what it assumes."
      ])
    let report = try page.written(to: output) { try SpeculationReport.report(seed: seed) }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say(ReproductionPage.verdicts(report.claims))
    Terminal.say("the speedups by batch and context and README.md are in `\(output)`")
  }
}
