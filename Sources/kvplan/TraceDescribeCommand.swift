import ArgumentParser
import CostModel
import Messages
import ModelFiles
import TraceFiles
import Workload

/// `kvplan trace describe`.
struct TraceDescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Say what is in a trace: requests, rate, lengths, shared prefixes.",
    discussion: """
      EXAMPLE
        kvplan trace describe traces/sharegpt.csv
      """)

  @Argument(
    help: "Trace in any format, plain or gzip; `-` reads standard input.",
    completion: Completions.trace)
  var trace: String

  @Option(help: "Model whose need of KV memory to say; `kvplan catalog models` lists them.")
  var model: String?

  @Option(help: "Tokens in a block of the prefix cache (default: the trace's own blocks, or 16).")
  var blockSize: Int?

  @Flag(help: "Describe requests that generated nothing too, instead of leaving them out.")
  var includeFailures = false

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  @Option(help: "Seed of the spreading of arrivals.")
  var seed: UInt64 = 0

  @OptionGroup(title: "Reading") var reading: TraceReadArguments

  func run() throws {
    if let blockSize, blockSize < 1 {
      throw UserError("`--block-size` must be a positive integer, found `\(blockSize)`")
    }
    let spec = try model.map { try ModelFile.find($0) }
    var options = try reading.options(seed: seed)
    options.keepsZeroOutputs = includeFailures
    let done = Tally()
    var line: ProgressLine?
    let (description, read) = try TraceReadArguments.named(trace) { () throws(UserError) in
      try TraceReader.describe(path: trace, options: options, blockTokens: blockSize) {
        count, all in
        done.value = count
        line =
          line ?? ProgressLine(.init(count: all, unit: "requests", isExact: true)) { done.value }
      }
    }
    line?.finish()
    Terminal.warn(read.warnings)
    let table = TraceTable(description: description, reading: read, model: spec)
    switch format {
    case .table: Terminal.write(table.rendered)
    case .json: Terminal.write(table.json)
    case .csv: Terminal.write(table.csv)
    }
  }
}
