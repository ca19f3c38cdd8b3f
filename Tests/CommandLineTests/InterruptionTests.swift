import Foundation
import Testing

/// Ctrl-C while a command reads its input: a word and status 130, whatever the command.
@Suite(.serialized) struct InterruptionTests {
  private let temporary: TemporaryFolder

  init() throws { temporary = try TemporaryFolder() }

  private func path(_ name: String) -> String { temporary.url.appending(path: name).path }

  /// What the tool says when it is sent `number` while it waits at a pipe in the place of a file.
  private func interrupted(
    _ arguments: [String], at pipe: String, by number: Int32 = SIGINT
  ) throws -> Tool.Run {
    #expect(mkfifo(pipe, 0o600) == 0)
    let errors = Pipe()
    let process = try Tool.start(arguments, errors: errors)
    // There is no writer without a reader: once it opens, the tool waits for what is written.
    var writer: Int32 = -1
    while writer < 0, process.isRunning {
      writer = open(pipe, O_WRONLY | O_NONBLOCK)
      if writer < 0 { Thread.sleep(forTimeInterval: 0.01) }
    }
    defer { close(writer) }
    kill(process.processIdentifier, number)
    let said = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Tool.Run(
      status: process.terminationStatus, output: "", errors: String(decoding: said, as: UTF8.self))
  }

  @Test(arguments: [
    "trace describe", "conform", "validate kv", "calibrate link", "run-cpu --model toy-1m",
    "plan cache",
  ])
  func everyCommandSaysSo(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let run = try interrupted(words + [path("in.csv")], at: path("in.csv"))
    #expect(run.status == 130)
    #expect(run.errors == "\ninterrupted\n")
  }

  @Test func sigtermIsOneToo() throws {
    let run = try interrupted(
      ["trace", "describe", path("in.csv")], at: path("in.csv"), by: SIGTERM)
    #expect(run.status == 130)
    #expect(run.errors == "\ninterrupted\n")
  }

  /// What a command was writing goes.
  @Test func nothingStaysHalfWritten() throws {
    let model = ["--model", "llama-3.1-8b", "--device", "h100-sxm"]
    let run = try interrupted(
      ["simulate", path("in.csv"), "--output", path("out")] + model, at: path("in.csv"))
    #expect(run.status == 130)
    #expect(run.errors == "\ninterrupted: nothing was written\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: path("")) == ["in.csv"])
  }

  /// A shell starts what a script leaves in its background so.
  @Test func whatIsIgnoredStaysIgnored() throws {
    let interrupts = "(sleep 0.3; kill -INT $$; sleep 0.3; kill -INT $$) >&- &"
    let run = try Tool.shell(
      """
      trap '' INT; { sleep 1; echo prompt_tokens,output_tokens; echo 1,1; } \
      | sh -c '\(interrupts) exec $KVPLAN trace convert -'
      """)
    #expect(run.status == 0)
    #expect(run.output.hasSuffix("\n,1,1\n"))
    #expect(run.errors.isEmpty)
  }
}
