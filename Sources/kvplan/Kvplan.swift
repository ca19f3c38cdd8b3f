import ArgumentParser
import Kernels
import Messages
import Planning

/// Plans and simulates paged KV serving of large language models.
@main
struct Kvplan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvplan",
    abstract: "Simulate and plan the serving of large language models with paged KV memory.",
    discussion: """
      Replays a trace of requests through a real block allocator and a real scheduler, prices each \
      iteration with a cost model of the kernels, and says who batches how many requests, who wastes \
      how much KV memory, and what that does to latency.

      EXAMPLE
        kvplan simulate traces/sharegpt.csv --model llama-3.1-8b \\
          --device h100-sxm --request-rate 20

      EXIT STATUS
        0   done
        1   ran, and the answer is no
        2   could not run
        3   the answer holds only at the edge
        64  bad usage
        75  try again (sweeps)
        130 interrupted
      """,
    version: toolVersion,
    subcommands: [
      SimulateCommand.self, CompareCommand.self, PlanCommand.self, RunCommand.self,
      SweepCommand.self,
      ConformCommand.self, TraceCommand.self,
      CatalogCommand.self, RunCPUCommand.self, CalibrateCommand.self, ValidateCommand.self,
      ReproduceCommand.self, BenchPlanCommand.self, BenchPriceCommand.self,
    ])

  /// Parses the arguments, runs the command, and turns what it throws into a message and a status.
  static func main() {
    OpenBLAS.endIdleThreads()
    Interruption.listen()
    let words = CommandWords.read(Array(CommandLine.arguments.dropFirst()))
    if let help = ShortHelp.asked(words) { return Terminal.write(help.text) }
    if words.first == "help" { requireCommand(Array(words.drop { $0 == "help" })) }
    Invocation.note(words)
    do {
      let expanded = try PastedCommand(expanding: words).said()
      Invocation.note(expanded)
      var command = try parseAsRoot(expanded)
      requireOptionsOnce(words)
      try command.run()
    } catch let error as UserError {
      Terminal.say(error.description)
      ExitStatus.couldNotRun.exit()
    } catch {
      end(with: error, words: Invocation.current)
    }
  }

  /// `kvplan help simulat` is a mistake: ArgumentParser would print the help of the tool.
  private static func requireCommand(_ words: [String]) {
    let named = NamedCommand(words)
    guard named.unknown != nil else { return }
    Terminal.say(UserError(usage: "", of: named, words: words).description)
    ExitStatus.badUsage.exit()
  }

  private static func requireOptionsOnce(_ words: [String]) {
    guard let mistake = UserError(optionGivenTwiceIn: words) else { return }
    Terminal.say(mistake.description)
    ExitStatus.badUsage.exit()
  }

  /// Help and the like, which ArgumentParser throws too, or a mistake in the arguments.
  private static func end(with error: any Error, words: [String]) -> Never {
    let status = exitCode(for: error)
    if status.isSuccess { exit(withError: error) }
    let isUsage = status == .validationFailure
    let text = message(for: error)
    let mistake =
      isUsage ? UserError(usage: text, of: NamedCommand(words), words: words) : UserError(text)
    Terminal.say(mistake.description)
    (isUsage ? ExitStatus.badUsage : .couldNotRun).exit()
  }
}
