import ArgumentParser
import Metrics
import Planning
import Results
import Serving
import Workload

/// `kvplan simulate`: one trace through one system.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Replay a trace through one serving system.",
    discussion: """
      EXAMPLE
        kvplan simulate traces/sharegpt.csv --model llama-3.1-8b \\
          --device h100-sxm --request-rate 20 --num-prompts 1000
      """)

  @Argument(
    help: "Trace: CSV, plain or gzip; `-` reads standard input.", completion: Completions.trace)
  var trace: String

  @Option(
    help: "Serving system; `kvplan catalog systems` lists them.", completion: Completions.system)
  var system = ServingSystem.today.name

  @Option(
    help: """
      Poisson arrivals, requests per second, in place of the trace's own; `inf` for all at once.
      """)
  var requestRate: Double?

  @Option(
    help: ArgumentHelp(
      "A setting and its values, `block-size=8,16,32`; every combination of all of them is run.",
      valueName: "name=values"))
  var vary: [String] = []

  @OptionGroup(title: "Replicas") var fleet: FleetOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup(title: "Reading the trace") var reading: TraceReadArguments
  @OptionGroup(title: "Results") var results: OutputOptions

  func run() throws {
    let system = try ServingSystem.find(system)
    try engine.releases()?.require([system])
    if !vary.isEmpty { return try runVaried(system) }
    let scenario = try engine.scenario(system: system, requestRate: requestRate)
    let deployment = try fleet.deployment(of: scenario)
    let run = try ResultsRun(results)
    let trace = try reading.read(trace, seed: engine.workload.seed)
    let simulation = try Simulation.run(
      deployment, trace: trace, keepingRequests: run.keepsRequests
    ).recorded(in: results)
    Terminal.warn(simulation.warnings)
    try run.finish([simulation.result]) {
      switch $0 {
      case .table: SimulateTable.rendered(simulation.result.summary)
      case .json: SummaryText.json(simulation.result.summary)
      case .csv: SummaryText.csv([simulation.result.summary])
      }
    }
  }

  private func runVaried(_ system: ServingSystem) throws {
    let varied = try VariedSimulation(vary)
    try varied.requireAlone(in: Invocation.recipe)
    var engine = engine
    engine.target.model = engine.target.model ?? varied.first("model")
    engine.target.device = engine.target.device ?? varied.first("device")
    let scenario = try engine.scenario(system: system, requestRate: requestRate)
    let combinations = try varied.combinations(of: scenario)
    let deployments = try combinations.map { try fleet.deployment(of: $0.scenario) }
    let run = try ResultsRun(results, count: deployments.count)
    let trace = try reading.read(trace, seed: engine.workload.seed)
    let simulations = try Comparison.run(
      deployments, trace: trace, keepingRequests: run.keepsRequests
    ) { Terminal.progress($0, of: combinations.count) }.recorded(in: results)
    Terminal.warn(simulations.flatMap(\.warnings).uniqued)
    let table = VariedResults(
      names: varied.names, values: combinations.map(\.values),
      summaries: simulations.map(\.result.summary))
    let results = simulations.map(\.result)
    try run.finish(
      results, varied: (table.page, table.figures(results)), rendered: table.rendered)
  }
}

extension [Simulation] {
  /// With the command that ran them, which their JSON carries.
  func recorded(in options: OutputOptions) -> [Simulation] {
    guard options.format == .json else { return self }
    let recipe = Invocation.recipe
    return map { simulation in
      var recorded = simulation
      recorded.result.summary.provenance.recipe = recipe
      return recorded
    }
  }
}

extension Simulation {
  func recorded(in options: OutputOptions) -> Simulation { [self].recorded(in: options)[0] }
}
