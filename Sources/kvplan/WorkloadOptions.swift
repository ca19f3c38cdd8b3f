import ArgumentParser
import Messages
import Planning
import Serving
import Workload

/// Which requests are served, and what of the run is measured.
struct WorkloadOptions: ParsableArguments {
  @Option(
    help: """
      Most requests in flight, as in `vllm bench serve`: closed-loop clients unless \
      `--request-rate` is given too.
      """)
  var maxConcurrency: Int?

  @Option(
    name: .customLong("session-think-time"),
    help: ArgumentHelp(
      """
      Let each turn of a session wait for the answer before and then so long: seconds, \
      `exponential:MEAN`, what the trace says (`trace`), or the time between its arrivals (`gaps`). \
      `--request-rate` then counts sessions, and `--max-concurrency` sessions in flight.
      """, valueName: "seconds"))
  var thinkTime: String?

  @Option(
    name: .customLong("num-warmups"),
    help: "Copies of the first request that are served before the run and not measured.")
  var warmups = 0

  @Option(
    name: .customLong("num-prompts"),
    help: """
      Requests to serve, or `all` rows of the trace (default: all, in `plan` at most \(PlanArguments.requestsUsual)): fewer \
      are a sample spread over it, sessions whole; more repeat them, shuffled.
      """)
  var promptCount: PromptCount?

  @Flag(
    name: .customLong("first"), inversion: .prefixedNo,
    help: "Let `--num-prompts` take the first rows of the trace (default: no).")
  var firstRows: Bool?

  @Option(name: .customLong("from-second"), help: "Start of the measuring window, seconds.")
  var windowFrom = 0.0

  @Option(
    name: .customLong("to-second"),
    help: "End of the measuring window, seconds (default: the end of the run).")
  var windowTo: Double?

  @Option(help: "What to do with requests that can never be admitted: `skip` or `fail`.")
  var oversized = OversizedPolicy.skip

  @Option(
    help: "Advance by `event` or look at every request in every `iteration`: the same results.")
  var stepping = Stepping.event

  @Option(help: "Seed of everything that is drawn.")
  var seed: UInt64 = 0

  /// What `--num-prompts` takes.
  enum PromptCount: Equatable, ExpressibleByArgument {
    case all
    case count(Int)

    init?(argument: String) {
      if argument == "all" {
        self = .all
      } else if let count = Int(argument) {
        self = .count(count)
      } else {
        return nil
      }
    }

    /// `nil` for all.
    var number: Int? { if case .count(let count) = self { count } else { nil } }
  }

  /// The requests of a trace that these options ask for.
  var portion: Trace.Portion {
    .init(count: promptCount?.number, isFirst: firstRows ?? false, seed: seed)
  }

  func apply(to scenario: inout Scenario) throws {
    scenario.maxConcurrency = maxConcurrency
    scenario.thinkTime = try thinkTime.map { text throws(UserError) in try ThinkTime(text) }
    scenario.warmups = warmups
    scenario.promptCount = promptCount?.number
    scenario.firstRows = firstRows
    scenario.windowFrom = windowFrom
    scenario.windowTo = windowTo
    scenario.oversized = oversized
    scenario.seed = seed
    scenario.stepping = stepping
  }
}

extension Stepping: ExpressibleByArgument {}
extension OversizedPolicy: ExpressibleByArgument {}
