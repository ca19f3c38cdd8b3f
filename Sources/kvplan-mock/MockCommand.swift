import ArgumentParser
import CostModel
import Dispatch
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import Messages
import MockServing
import Planning
import Serving

/// A mock of a deployment for load generators, gateways and autoscalers.
@main
struct MockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvplan-mock",
    abstract: "Answer OpenAI's interface with the latencies of a simulated engine.",
    version: toolVersion, subcommands: [ServeCommand.self])

  /// Parses the arguments, serves, and turns what is thrown into a message and a status.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let error as UserError {
      say(error.description)
      exit(withError: ExitCode(2))
    } catch {
      let isUsage = exitCode(for: error) == .validationFailure
      if exitCode(for: error).isSuccess { exit(withError: error) }
      say("error: \(message(for: error))")
      exit(withError: isUsage ? ExitCode.validationFailure : ExitCode(2))
    }
  }

  static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}

/// `kvplan-mock serve`.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve completions at the pace of a simulated engine until it is interrupted.",
    discussion: """
      All other flags are settings of the engine, named as those of `kvplan simulate`: `--system`, \
      `--max-num-seqs`, `--engine-overheads my-server.json`. Answers are filler, as many tokens as may be \
      asked for. A prompt of token ids has as many tokens as there are; a text one for every 4 bytes.

      EXAMPLE
        kvplan-mock serve --model llama-3.1-8b --device h100-sxm --port 8000
        vllm bench serve --base-url http://127.0.0.1:8000 --model llama-3.1-8b …
      """)

  @Option(help: "Address to listen on; one of another machine's only on purpose.")
  var host = "127.0.0.1"

  @Option(help: "Port to listen on; 0 for any that is free.")
  var port = 8000

  @Option(help: "What clients call the model (default: its name in the catalogue).")
  var servedModelName: String?

  @Option(help: "Simulated seconds in a second; 10 answers ten times as fast.")
  var timeScale = 1.0

  @Option(help: "Most connections at once; more wait to be taken.")
  var maxConnections = 1024

  @Option(help: "Most bytes of a request's body; larger ones are answered with 413.")
  var maxBodyBytes = 4 << 20

  @Option(help: "Requests that it can serve in all, at 100 bytes each; then it answers 503.")
  var maxRequests = 1 << 20

  @Argument(parsing: .allUnrecognized, help: "Settings of the engine.")
  var settings: [String] = []

  func run() async throws {
    for (flag, value, most) in [
      ("port", port + 1, 65_536), ("max-connections", maxConnections, 1 << 20),
      ("max-body-bytes", maxBodyBytes, 1 << 30), ("max-requests", maxRequests, 1 << 26),
    ] where !(1...most).contains(value) {
      throw UserError("`--\(flag)` is out of range: at most \(flag == "port" ? most - 1 : most)")
    }
    let scenario = try MockSettings(words: settings).scenario()
    let resolved = try scenario.resolved()
    let served = CompletionRequest.Served(
      model: servedModelName ?? scenario.model.reference,
      modelLength: resolved.settings.maxModelLength)
    let server = try MockServer(
      LiveReplica(resolved, capacity: maxRequests), timeScale: timeScale)
    let interruption = Self.exitWhenInterrupted()
    defer { for source in interruption { source.cancel() } }
    let routes = MockRoutes(server: server, served: served, maxBodyBytes: maxBodyBytes)
    var logger = Logger(label: "kvplan-mock")
    logger.logLevel = .error
    let (host, model) = (host, served.model)
    let application = Application(
      router: routes.router,
      configuration: .init(
        address: .hostname(host, port: port), serverName: "kvplan-mock",
        availableConnectionsDelegate: MaximumAvailableConnections(maxConnections)),
      onServerRunning: { channel in
        MockCommand.say(
          "serving `\(model)` on http://\(host):\(channel.localAddress?.port ?? 0); prompts of text count as "
            + "bytes / \(CompletionRequest.bytesPerToken) tokens; Ctrl-C ends")
      },
      logger: logger)
    do {
      try await application.runService(gracefulShutdownSignals: [])
    } catch {
      throw UserError(
        "cannot serve on \(host):\(port): \(error)",
        hint: "give another `--port`, or 0 for a free one")
    }
  }

  /// Nothing has to be finished: an interrupt ends the program at once, with 130.
  private static func exitWhenInterrupted() -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        MockCommand.say("\ninterrupted")
        _exit(130)
      }
      source.resume()
      return source
    }
  }
}
