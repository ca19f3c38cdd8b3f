import ArgumentParser
import Messages
import Reproduction
import Results

/// `kvplan reproduce marconi`.
struct MarconiCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "marconi",
    abstract: "Prefix caches of hybrid models: what is kept and evicted (Marconi, MLSys 2025).",
    discussion: """
      EXAMPLE
        kvplan reproduce marconi --output reports/marconi
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of the conversations.")
  var seed: UInt64 = 0

  @Option(help: "Sizes of the cache, GB, separated by commas.")
  var cacheGb = MarconiReport.cacheGB.map(plain).joined(separator: ",")

  func run() throws {
    let sizes = try cacheGb.split(separator: ",", omittingEmptySubsequences: false).map {
      word throws(UserError) in
      guard let size = Double(word), size >= 0.1, size <= 10_000 else {
        throw UserError(
          "`--cache-gb` does not take `\(word)`",
          hint: "it takes numbers from 0.1 to 10000, separated by commas")
      }
      return size
    }
    let page = ReproductionPage(
      title: "Marconi's directions, again",
      command: "kvplan reproduce marconi --seed \(seed) --cache-gb \(cacheGb) --output DIR",
      preamble: [
        "Marconi (MLSys 2025) on made-up conversations. Tokens are counted, not timed: no scheduler, no prices."
      ])
    let report = try page.written(to: output) {
      try MarconiReport.report(seed: seed, cacheGB: sizes)
    }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say("the hit rates, the figure and README.md are in `\(output)`")
  }
}
