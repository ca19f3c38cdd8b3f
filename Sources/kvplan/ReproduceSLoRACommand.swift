import ArgumentParser
import Messages
import Reproduction
import Results

/// `kvplan reproduce slora`.
struct SLoRACommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slora",
    abstract: "Adapters and keys and values in one pool: throughput from 5 to 2,000 (MLSys 2024).",
    discussion: """
      EXAMPLE
        kvplan reproduce slora --output reports/slora
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of the requests, which are drawn as numpy draws them.")
  var seed: UInt32 = SLoRAReport.publishedSeed

  @Option(help: "Time that the engine's host adds to an iteration, ms; the paper does not say it.")
  var hostMs = SLoRAReport.hostMilliseconds

  func run() throws {
    guard hostMs >= 0, hostMs <= 1000 else {
      throw UserError("`--host-ms` is \(plain(hostMs))", hint: "it takes numbers from 0 to 1000")
    }
    let page = ReproductionPage(
      title: "S-LoRA's table, again",
      command: "kvplan reproduce slora --seed \(seed) --host-ms \(plain(hostMs)) --output DIR",
      preamble: [
        "S-LoRA (Sheng et al., MLSys 2024) with the settings of its public code. Prices: our own, the same as every plan's."
      ])
    let report = try page.written(to: output) {
      try SLoRAReport.report(seed: seed, hostMilliseconds: hostMs)
    }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say("the numbers of each setting, the figure and README.md are in `\(output)`")
  }
}
