import ArgumentParser
import Foundation
import Results
import SimulationKernel
import Workload

/// `kvplan trace`: makes, describes, converts and cuts traces.
struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "Generate, describe, convert and cut traces of requests.",
    subcommands: [
      TraceGenerateCommand.self, TraceDescribeCommand.self, TraceConvertCommand.self,
      TraceSliceCommand.self, TraceScaleCommand.self, TraceMixCommand.self, TraceThinCommand.self,
    ])
}

/// `kvplan trace generate`.
struct TraceGenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Draw a trace with the lengths of a public data set.",
    discussion: """
      EXAMPLE
        kvplan trace generate sharegpt --num-prompts 1000 --seed 7 --output requests.csv
      """)

  @Argument(help: "Lengths to draw: `sharegpt` or `alpaca`.")
  var preset: LengthPreset

  @Option(name: .customLong("num-prompts"), help: "Requests to draw.")
  var count = 1000

  @Option(help: "Seed of the draws.")
  var seed: UInt64 = 0

  @Option(help: "Poisson arrivals, requests per second (default: no arrivals).")
  var requestRate: Double?

  @Option(help: "File to write (default: standard output).")
  var output: String?

  func run() throws {
    var trace = try TraceGenerator.generate(preset: preset, count: count, seed: seed)
    if let requestRate { trace = try trace.retimed(poissonRate: requestRate, seed: seed) }
    guard let output else {
      TraceWriter.write(trace) { FileHandle.standardOutput.write(Data($0)) }
      return
    }
    let interruption = Interruption(removing: OutputFile.partialPath(of: output))
    defer { withExtendedLifetime(interruption) {} }
    try OutputFile.write(to: output) { append throws(UserError) in
      try TraceWriter.write(trace, to: append)
    }
  }
}

extension LengthPreset: ExpressibleByArgument {}
