import Foundation

/// The built binary, which lies beside the test bundle.
enum Tool {
  struct Run {
    var status: Int32
    var output: String
    var errors: String
  }

  private static var binary: URL {
    var folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appending(path: "kvplan")
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder),
        !isFolder.boolValue
      {
        return candidate
      }
      folder.deleteLastPathComponent()
    }
    preconditionFailure("no kvplan beside \(CommandLine.arguments[0])")
  }

  /// Runs the tool to its end.
  static func run(_ arguments: [String], input: String = "") throws -> Run {
    let process = Process()
    process.executableURL = binary
    process.arguments = arguments
    let streams = (input: Pipe(), output: Pipe(), errors: Pipe())
    process.standardInput = streams.input
    process.standardOutput = streams.output
    process.standardError = streams.errors
    try process.run()
    try streams.input.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try streams.input.fileHandleForWriting.close()
    let output = streams.output.fileHandleForReading.readDataToEndOfFile()
    let errors = streams.errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Run(
      status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
      errors: String(decoding: errors, as: UTF8.self))
  }

  /// Runs `simulate` or `compare` with the system, model and device of the PagedAttention paper where no other is given.
  static func run(paper arguments: [String], input: String = "") throws -> Run {
    try run(paper(arguments), input: input)
  }

  /// The arguments with those of the paper.
  static func paper(_ arguments: [String]) -> [String] {
    guard ["simulate", "compare"].contains(arguments[0]) else { return arguments }
    let systems =
      arguments[0] == "simulate"
      ? ("--system", "vllm-sosp23")
      : ("--systems", "vllm-sosp23,orca-oracle,orca-pow2,orca-max,fastertransformer")
    let own = [systems, ("--model", "opt-13b"), ("--device", "a100-40gb")]
    return arguments
      + own.filter { !arguments.contains($0.0) }.flatMap { [$0.0, $0.1] }
  }

  /// Runs a line of shell in which `$KVPLAN` is the tool.
  static func shell(_ line: String, path: String = "/usr/bin:/bin") throws -> Run {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", line]
    process.environment = ["KVPLAN": binary.path, "PATH": path]
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let written = output.fileHandleForReading.readDataToEndOfFile()
    let said = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Run(
      status: process.terminationStatus, output: String(decoding: written, as: UTF8.self),
      errors: String(decoding: said, as: UTF8.self))
  }

  /// Starts the tool and leaves it running, its streams thrown away but for `errors`.
  ///
  /// It can be interrupted also where these tests run in the background of a shell, which has its own ignore SIGINT.
  static func start(_ arguments: [String], errors: Pipe? = nil) throws -> Process {
    signal(SIGINT, SIG_DFL)
    let process = Process()
    process.executableURL = binary
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    if let errors {
      process.standardError = errors
    } else {
      process.standardError = FileHandle.nullDevice
    }
    try process.run()
    return process
  }
}
