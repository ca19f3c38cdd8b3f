import ArgumentParser
import Foundation
import Messages
import SimulationKernel
import Workload

/// `kvplan trace slice`.
struct TraceSliceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slice", abstract: "Cut a window of time, or of rows, out of a trace.",
    discussion: """
      EXAMPLE
        kvplan trace slice traces/sharegpt.csv --from-row 0 --to-row 100 --output first.csv
      """)

  @Argument(
    help: "Trace in any format, plain or gzip; `-` reads standard input.",
    completion: Completions.trace)
  var trace: String

  @Option(help: "First second to keep; arrivals count from there.")
  var fromSecond: Double?

  @Option(help: "Second at which to stop, itself left out.")
  var toSecond: Double?

  @Option(help: "First row to keep, counted from 0.")
  var fromRow: Int?

  @Option(help: "Row at which to stop, itself left out.")
  var toRow: Int?

  @OptionGroup(title: "Reading") var reading: TraceReadArguments
  @OptionGroup(title: "Writing") var writing: TraceOutputArguments

  func validate() throws {
    let cutsTime = fromSecond != nil || toSecond != nil
    let cutsRows = fromRow != nil || toRow != nil
    guard cutsTime != cutsRows else {
      throw ValidationError("give a window of seconds or one of rows")
    }
  }

  func run() throws {
    let trace = try reading.read(trace)
    if fromSecond != nil || toSecond != nil {
      try writing.write(trace.sliced(from: fromSecond ?? 0, to: toSecond ?? .infinity))
      return
    }
    let (first, end) = (fromRow ?? 0, toRow ?? trace.requests.count)
    guard first <= end else {
      throw UserError("`--from-row` \(first) lies beyond `--to-row` \(end)")
    }
    try writing.write(trace.sliced(rows: first..<end))
  }
}

/// `kvplan trace scale`.
struct TraceScaleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale", abstract: "Multiply a trace's rate or lengths, or draw new arrivals.",
    discussion: """
      EXAMPLE
        kvplan trace scale traces/sharegpt.csv --prompts 0.5 --request-rate 4 --output scaled.csv
      """)

  @Argument(
    help: "Trace in any format, plain or gzip; `-` reads standard input.",
    completion: Completions.trace)
  var trace: String

  @Option(help: "Factor for the rate: arrivals are divided by it.")
  var rate: Double?

  @Option(help: "Factor for prompt tokens, rounded, at least 1.")
  var prompts = 1.0

  @Option(help: "Factor for output tokens, rounded, at least 1.")
  var outputs = 1.0

  @Option(help: "Poisson arrivals, requests per second, in place of the trace's own.")
  var requestRate: Double?

  @Option(help: "Seed of the draws.")
  var seed: UInt64 = 0

  @OptionGroup(title: "Reading") var reading: TraceReadArguments
  @OptionGroup(title: "Writing") var writing: TraceOutputArguments

  func validate() throws {
    if rate != nil, requestRate != nil {
      throw ValidationError("give `--rate` or `--request-rate`, not both")
    }
  }

  func run() throws {
    var trace = try reading.read(trace)
    if trace.contents != nil, prompts != 1 || outputs != 1 {
      Terminal.warn(["what prompts have in common is dropped: their lengths change"])
    }
    trace = try trace.scaled(prompts: prompts, outputs: outputs)
    if let rate { trace = try trace.scaled(rate: rate) }
    if let requestRate {
      try RequestRate.requireAtMostHighest(requestRate)
      trace = try trace.retimed(poissonRate: requestRate, seed: seed)
    }
    try writing.write(trace)
  }
}

/// `kvplan trace mix`.
struct TraceMixCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mix", abstract: "Superpose traces in order of arrival.",
    discussion: """
      EXAMPLE
        kvplan trace mix chat=traces/sharegpt.csv short=traces/alpaca.csv --output both.csv
      """)

  @Argument(
    help: """
      Traces in any formats, plain or gzip; `NAME=FILE` puts the requests of FILE in the class NAME.
      """)
  var traces: [String]

  @OptionGroup(title: "Reading") var reading: TraceReadArguments
  @OptionGroup(title: "Writing") var writing: TraceOutputArguments

  func run() throws {
    try writing.write(Trace.mixing(traces.map { try read($0) }))
  }

  /// A trace, in a class where its argument names one; a file whose name holds `=` is a file.
  private func read(_ argument: String) throws -> Trace {
    let halves = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard halves.count == 2, !FileManager.default.fileExists(atPath: argument) else {
      return try reading.read(argument)
    }
    return try reading.read(String(halves[1])).labelled(String(halves[0]))
  }
}

/// `kvplan trace thin`.
struct TraceThinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "thin", abstract: "Keep a random share of a trace's requests.",
    discussion: """
      EXAMPLE
        kvplan trace thin traces/sharegpt.csv --share 0.1 --seed 7 --output sample.csv
      """)

  @Argument(
    help: "Trace in any format, plain or gzip; `-` reads standard input.",
    completion: Completions.trace)
  var trace: String

  @Option(help: "Share of the requests to keep, above 0 and at most 1.")
  var share: Double

  @Flag(help: "Keep or drop sessions whole.")
  var bySession = false

  @Option(help: "Seed of the draws.")
  var seed: UInt64 = 0

  @OptionGroup(title: "Reading") var reading: TraceReadArguments
  @OptionGroup(title: "Writing") var writing: TraceOutputArguments

  func run() throws {
    let trace = try reading.read(trace, seed: seed)
    try writing.write(trace.thinned(share: share, bySession: bySession, seed: seed))
  }
}
