import ArgumentParser
import Foundation
import Messages
import Results
import TraceFiles
import Workload

/// The formats that kvplan writes.
enum TraceOutputFormat: String, CaseIterable, ExpressibleByArgument { case csv, mooncake }

/// Where a trace goes, and as what.
struct TraceOutputArguments: ParsableArguments {
  @Option(help: "Format to write: `csv` or `mooncake`.")
  var to = TraceOutputFormat.csv

  @Option(help: "File to write (default: standard output).")
  var output: String?

  func write(_ trace: Trace) throws {
    if to == .mooncake { warnOfLoss(trace) }
    func produce(
      _ append: ([UInt8]) throws(UserError) -> Void
    ) throws(UserError) {
      switch to {
      case .csv: try TraceWriter.write(trace, to: append)
      case .mooncake: try MooncakeWriter.write(trace, to: append)
      }
    }
    guard let output else {
      try produce { Terminal.write(Data($0)) }
      return
    }
    let interruption = Interruption(removing: OutputFile.partialPath(of: output))
    defer { withExtendedLifetime(interruption) {} }
    try OutputFile.write(to: output, produce)
  }
}

extension TraceOutputArguments {
  /// Says what Mooncake's blocks of 512 tokens cannot.
  private func warnOfLoss(_ trace: Trace) {
    let (all, kept) = MooncakeWriter.sharedTokens(of: trace)
    guard kept < all else { return }
    Terminal.warn([
      "\(all) prompt tokens repeat the beginning of an earlier prompt (in blocks of 16); "
        + "Mooncake's blocks of 512 keep \(kept) of them"
    ])
  }
}

/// `kvplan trace convert`.
struct TraceConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a trace of any format as kvplan's CSV or Mooncake's JSON lines.",
    discussion: """
      EXAMPLE
        kvplan trace generate mooncake-conversation --num-prompts 100 --request-rate 1 \\
          --to mooncake --output conversation.jsonl
        kvplan trace convert conversation.jsonl --output conversation.csv
      """)

  @Argument(
    help: "Trace in any format, plain or gzip; `-` reads standard input.",
    completion: Completions.trace)
  var trace: String

  @Option(help: "Poisson arrivals, requests per second, in place of the trace's own.")
  var requestRate: Double?

  @Option(help: "Seed of the draws.")
  var seed: UInt64 = 0

  @OptionGroup(title: "Reading") var reading: TraceReadArguments
  @OptionGroup(title: "Writing") var writing: TraceOutputArguments

  func run() throws {
    var trace = try reading.read(trace, seed: seed)
    if let requestRate {
      try RequestRate.requireAtMostHighest(requestRate)
      trace = try trace.retimed(poissonRate: requestRate, seed: seed)
    }
    try writing.write(trace)
  }
}
