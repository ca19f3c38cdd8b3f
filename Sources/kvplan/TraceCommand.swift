import ArgumentParser

/// `kvplan trace`: makes, describes, converts and cuts traces.
struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "Generate, describe, convert and cut traces of requests.",
    subcommands: [
      TraceGenerateCommand.self, TraceDescribeCommand.self, TraceConvertCommand.self,
      TraceSliceCommand.self, TraceScaleCommand.self, TraceMixCommand.self, TraceThinCommand.self,
    ])
}
