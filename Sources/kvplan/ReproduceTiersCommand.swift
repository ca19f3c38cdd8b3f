import ArgumentParser
import Foundation
import Reproduction
import TraceFiles
import Workload

/// `kvplan reproduce tiers`.
struct TiersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tiers",
    abstract: "KV in tiers: what CacheFlow, MemServe, Mooncake and CachedAttention print.",
    discussion: """
      EXAMPLE
        kvplan reproduce tiers --output reports/tiers
      """)

  @Option(help: "Folder for the files.")
  var output: String

  @Option(help: "Seed of conversations.")
  var seed: UInt64 = 0

  @OptionGroup var conversations: MooncakeTrace

  func run() throws {
    let page = ReproductionPage(
      title: "KV in tiers", command: "kvplan reproduce tiers --seed \(seed) --output DIR",
      preamble: [
        "Prices: our own, the same as every plan's. Seed \(seed)."
      ])
    let report = try page.written(to: output) {
      try TiersReport.report(seed: seed, mooncake: try conversations.read())
    }
    Terminal.write(ClaimsCSV.text(report.claims))
    Terminal.say("the times of each setting and README.md are in `\(output)`")
  }
}

/// `--mooncake`: a trace that a clone does not carry.
struct MooncakeTrace: ParsableArguments {
  @Option(help: "Mooncake's conversation trace; without the file its rows are left out.")
  var mooncake = "../shared/data/traces/mooncake_conversation.csv.gz"

  /// - Returns: `nil` without the file, which is said.
  func read() throws -> Trace? {
    guard FileManager.default.fileExists(atPath: mooncake) else {
      Terminal.say("no `\(mooncake)`: the rows of Mooncake's trace are left out")
      return nil
    }
    return try TraceReader.read(path: mooncake).trace
  }
}
