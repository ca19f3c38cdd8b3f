import ArgumentParser
import CostModel
import Fleet
import Messages
import Metrics
import Planning
import Results
import Serving
import SimulationKernel
import Workload

/// `kvplan plan scale`.
struct PlanScaleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale",
    abstract: "Replicas over time for traffic that changes, and what an autoscaler makes of it.",
    discussion: """
      The trace is cut into windows; each is simulated with more and more replicas until its \
      targets hold. Then the whole trace is served by the most that any window needs, and by an \
      autoscaler that gives each replica a share of what one sustains. Both are tried with the gaps \
      between the requests of a window in four other orders; more replicas are taken until the \
      targets hold with three.

      EXAMPLE
        kvplan trace generate azure-conv --num-prompts 6000 --request-rate 10 \\
          --arrivals diurnal:3,600 --output day.csv
        kvplan plan scale day.csv --model llama-3.1-8b --device h100-sxm \\
          --slo 'ttft.p99<=2s' --window 300 --startup-time 60

      EXIT STATUS
        1   the autoscaler misses the targets, or some window needs more than `--max-replicas`
        3   the targets hold only at the edge: with fewer than three of four other orders
      """)

  @Argument(help: "Trace with arrivals; `-` reads standard input.", completion: Completions.trace)
  var trace: String

  @OptionGroup(title: "Plan") var plan: PlanArguments

  @Option(help: "Length of the windows, seconds.")
  var window = 600.0

  @Option(
    help: """
      The autoscaler's rule: \(ScalingRule.all.map(\.name).joined(separator: ", ")).
      """)
  var autoscaler = ScalingRule.patient

  @Option(
    help: """
      Seconds between two decisions of the autoscaler (default: its own, such as 60 of patient, 15 of hpa, 2 of knative).
      """)
  var interval: Double?

  @Option(help: "Seconds from the decision to start a replica until it takes requests.")
  var startupTime = 180.0

  @Option(
    help:
      "Share of what one replica sustains that the autoscaler gives it, where it aims at a rate (default: 0.8)."
  )
  var targetUtilization: Double?

  @Option(
    help: """
      Requests at a time that the autoscaler gives a replica, where it aims at those: ray-serve and keda-running (default: 2).
      """)
  var targetRequests: Double?

  @Option(
    help: """
      What becomes of a replica that the autoscaler lets go: drain, it ends with its last request; kill, it ends at once, and \
      its requests begin again elsewhere (default: kill for Dynamo's, drain for the others).
      """)
  var scaleDown: ScalingRule.Removal?

  @Option(help: "Fewest replicas of the autoscaler.")
  var minReplicas = 1

  @Option(help: "Most replicas, of the autoscaler and of any window.")
  var maxReplicas = 64

  @OptionGroup var failures: FailureOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup(title: "Reading the trace") var reading: TraceReadArguments
  @OptionGroup(title: "Results") var results: PlanOutputOptions

  func run() throws {
    try plan.requireRates(engine)
    try plan.requireArrivalsOfTrace(engine)
    let interval = interval ?? autoscaler.period
    for (flag, value) in [("--window", window), ("--interval", interval)] {
      try NumberLimits.require(flag, value, in: 0.1...1e9, unit: " s")
    }
    try NumberLimits.require("--startup-time", startupTime, in: 0...1e9, unit: " s")
    try NumberLimits.require("--max-replicas", maxReplicas, in: 1...10_000)
    try checkTargets()
    guard minReplicas >= 1, maxReplicas >= minReplicas else {
      throw UserError(
        "`--min-replicas` \(minReplicas) and `--max-replicas` \(maxReplicas) must be at least 1 and "
          + "in this order")
    }
    var scenario = try engine.scenario(
      system: try ServingSystem.find(plan.system), requestRate: nil)
    scenario.device = scenario.device.priced(try plan.prices.chosen())
    let output = try PlanOutput(results)
    let read = try reading.read(trace, seed: engine.workload.seed)
    let serviceLevel = try ServiceLevel(plan.slo, model: scenario.model)
    try serviceLevel.requireClasses(of: read)
    var deployment = Deployment(scenario, router: plan.router)
    deployment.failures = try drawnFailures()
    var study = ScalingStudy(
      deployment, trace: try served(read),
      serviceLevel: serviceLevel, seed: engine.workload.seed,
      windowSeconds: window, intervalSeconds: interval, startUpSeconds: startupTime,
      targetUtilization: targetUtilization ?? 0.8, minReplicas: minReplicas,
      maxReplicas: maxReplicas)
    study.rule = autoscaler
    study.targetRequests = targetRequests
    study.removal = scaleDown
    let windows = Tally()
    let last = study.trace.requests.last?.arrival.seconds ?? 0
    let progress = ProgressLine(windows: Int(last / window) + 1) { windows.value }
    let answer = try study.run { done, _ in windows.value = done }
    progress.finish()
    Terminal.warn(
      answer.prepared.caveats
        + answer.autoscaled.assessment.vacuous.map {
          "`\($0)` has no samples in `\(study.trace.name)`: it is vacuous, and bounds nothing"
        })
    try output.finish(ScalingReport(study: study, answer: answer))
    if !answer.autoscaled.assessment.isMet || answer.fixed == nil { ExitStatus.no.exit() }
    if answer.isAtTheEdge { ExitStatus.atTheEdge.exit() }
  }

  /// - Throws: ``UserError`` for a target that is none, or that the autoscaler does not aim at.
  private func checkTargets() throws {
    if let targetUtilization {
      try NumberLimits.require("--target-utilization", targetUtilization, in: 0.01...1)
      guard autoscaler.target == .rate else {
        throw notAimedAt("--target-utilization", "a share of a rate") { $0 == .rate }
      }
    }
    guard let targetRequests else { return }
    try NumberLimits.require("--target-requests", targetRequests, in: 0.01...1e6)
    guard case .requests = autoscaler.target else {
      throw notAimedAt("--target-requests", "a number of requests at a time") {
        if case .requests = $0 { true } else { false }
      }
    }
  }

  private func notAimedAt(
    _ flag: String, _ what: String, _ aims: (ScalingRule.Target) -> Bool
  ) -> UserError {
    let others = ScalingRule.all.filter { aims($0.target) }.map { "`\($0.name)`" }
    return UserError(
      "`\(flag)` is \(what), and `--autoscaler \(autoscaler.name)` aims at none",
      hint: "leave it out, or choose \(others.joined(separator: ", "))")
  }

  private func drawnFailures() throws -> Failures? {
    guard failures.fail.isEmpty else {
      throw UserError(
        "`--fail` names a replica, and `plan scale` is about how many there are",
        hint: "give `--mtbf` and `--mttr`: each replica then fails by chance")
    }
    return try failures.failures()
  }

  /// The trace, or its first rows: a sample would come at a lower rate, and need fewer replicas.
  private func served(_ trace: Trace) throws -> Trace {
    if let count = engine.workload.promptCount?.number, count < trace.requests.count,
      engine.workload.firstRows != true
    {
      throw UserError(
        "`plan scale` is about when requests come: \(count) of the \(trace.requests.count) rows of `\(trace.name)`, "
          + "spread over it, would come at a lower rate",
        hint:
          "cut a stretch with `kvplan trace slice --from-second`, or give `--first` for the first rows"
      )
    }
    var warnings: [String] = []
    let served = try trace.served(
      engine.workload.portion, drawsArrivals: false, warnings: &warnings)
    Terminal.warn(warnings)
    return served
  }
}

extension ProgressLine {
  /// Of a plan whose windows are counted, and behind them what the whole trace is simulated for: a search, the autoscaler, a
  /// fixed number of replicas, slower servers and other orders. How many those are shows only on the way.
  convenience init(windows: Int, done: @escaping @Sendable () -> Int) {
    let before = SimulationCount.finished
    self.init { seconds in
      let done = done()
      guard done == windows else {
        return Goal(count: windows, unit: "windows", isExact: true).text(done: done, after: seconds)
      }
      return Goal(unit: "simulations after the \(windows) windows").text(
        done: SimulationCount.finished - before, after: seconds)
    }
  }
}

extension ScalingRule: ExpressibleByArgument {
  public init?(argument: String) {
    guard let rule = ScalingRule.all.first(where: { $0.name == argument }) else { return nil }
    self = rule
  }

  public var defaultValueDescription: String { name }
  public static var allValueStrings: [String] { all.map(\.name) }
}

extension ScalingRule.Removal: ExpressibleByArgument {}
