import ArgumentParser
import CostModel
import Fleet
import Foundation
import Messages
import Metrics
import ModelFiles
import Planning
import Results
import Serving
import Workload

/// `kvplan plan`: which GPUs, how many, which settings.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract:
      "Find what a deployment sustains, the cheapest for a rate, how many when, what caches find.",
    subcommands: [
      PlanCapacityCommand.self, PlanFleetCommand.self, PlanScaleCommand.self, PlanCacheCommand.self,
      PlanSpeculationCommand.self,
    ])
}

/// What both plans are asked of: a trace, targets, and seeds.
struct PlanArguments: ParsableArguments {
  @Option(
    help: """
      Targets, such as `ttft.p99<=2s, tpot.p99<=100ms` or `ttft<=2s, tpot<=100ms, \
      attainment>=0.99`; or a preset: \
      \(ServiceLevel.presets.map(\.name).joined(separator: ", ")).
      """)
  var slo: String

  @Option(
    help: "Serving system; `kvplan catalog systems` lists them.", completion: Completions.system)
  var system = ServingSystem.today.name

  @Option(
    help: """
      How requests are shared out among replicas: \
      \(Router.all.map(\.name).joined(separator: ", ")).
      """)
  var router = Router.leastOutstanding

  @OptionGroup(title: "Prices") var prices: PriceOptions

  /// Requests that a plan at a constant rate looks at unless told otherwise: enough to meet the clusters in which targets
  /// are missed near the capacity (docs/PLANNING.md has a day's).
  static let requestsUsual = 60_000

  /// The trace as every rate replays it: as many of its rows as were asked for.
  ///
  /// - Parameter scenario: Says whether turns wait.
  func trace(
    _ path: String, _ reading: TraceReadArguments, engine: EngineOptions, _ scenario: Scenario
  ) throws -> Trace {
    var warnings: [String] = []
    let read = try scenario.thinking(try reading.read(path, seed: engine.workload.seed))
    var portion = engine.workload.portion
    if engine.workload.promptCount == nil, read.requests.count > Self.requestsUsual {
      portion.count = Self.requestsUsual
      warnings.append(
        "`\(read.name)` has \(read.requests.count) requests, of which a plan simulates \(Self.requestsUsual) unless told "
          + "otherwise: `--num-prompts all` takes all")
    }
    let trace = try read.served(portion, drawsArrivals: true, warnings: &warnings)
    Terminal.warn(warnings)
    return trace
  }
}

extension FleetRequest.Objective: ExpressibleByArgument {}

extension ProgressLine {
  /// Of a plan, which takes about so many simulations.
  convenience init(simulations: Int) {
    let before = SimulationCount.finished
    self.init(.init(count: simulations, unit: "simulations")) {
      SimulationCount.finished - before
    }
  }
}

/// `kvplan plan capacity`.
struct PlanCapacityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capacity",
    abstract: "The highest rate that one deployment sustains, and what limits it.",
    discussion: """
      Poisson arrivals of the trace's requests are simulated at rates that close in on the highest \
      at which all targets hold and the queue does not grow. It is tried with four other seeds, and \
      lowered a little until it holds with three.

      EXAMPLE
        kvplan plan capacity traces/sharegpt.csv --model llama-3.1-8b \\
          --device h100-sxm --slo 'ttft.p99<=2s, tpot.p99<=100ms'

      EXIT STATUS
        1   no rate is sustained, or one of `--request-rate` is not
        3   the rate holds only at the edge: neither it nor one a little lower holds with three of \
      four other seeds
      """)

  @Argument(
    help: "Trace; its arrivals are not looked at. `-` reads standard input.",
    completion: Completions.trace)
  var trace: String

  @OptionGroup(title: "Plan") var plan: PlanArguments

  @OptionGroup var replicas: ReplicaOptions

  @Option(help: "Rates to try besides, requests per second, comma-separated: does it hold there?")
  var requestRate: String?

  @OptionGroup var question: WhatIfOptions

  @Option(help: "Seeds, from `--seed` on: their spread gives the confidence interval.")
  var seeds = 3

  @Option(help: "Where the search stops: width of its bracket as a share of the rate.")
  var tolerance = 0.02

  @Flag(inversion: .prefixedNo, help: "Change settings to see what the rate depends on.")
  var explain = true

  @OptionGroup var engine: EngineOptions
  @OptionGroup(title: "Reading the trace") var reading: TraceReadArguments
  @OptionGroup(title: "Results") var results: PlanOutputOptions

  func run() throws {
    try plan.requireRates(engine)
    guard replicas.replicas > 0 else {
      throw UserError("`--replicas` must be at least 1, found `\(replicas.replicas)`")
    }
    try NumberLimits.require("--seeds", seeds, in: 1...1000)
    try NumberLimits.require("--tolerance", tolerance, in: 0.0001...0.99)
    let rates = try requestRate.map(RateList.ofPlan) ?? []
    let whatIfs = try question.questions(of: rates)
    if let whatIf = whatIfs.first(where: { $0.losses > 0 }) {
      throw UserError(
        "`--what-if \(whatIf.text)` is of `kvplan plan fleet`: one deployment that loses a replica is another",
        hint: "ask about one with fewer `--replicas`")
    }
    if rates.isEmpty, let whatIf = whatIfs.first(where: { $0.rate != 1 }) {
      throw UserError(
        "`--what-if \(whatIf.text)` has no rate to multiply: what is sustained does not depend on it",
        hint: "give the rates to try with `--request-rate`")
    }
    var scenario = try engine.scenario(
      system: try ServingSystem.find(plan.system), requestRate: nil)
    let prices = try plan.prices.chosen()
    scenario.device = scenario.device.priced(prices)
    let serviceLevel = try ServiceLevel(plan.slo, model: scenario.model)
    let output = try PlanOutput(results)
    let trace = try plan.trace(trace, reading, engine: engine, scenario)
    try serviceLevel.requireClasses(of: trace)
    var study = CapacityStudy(
      try replicas.deployment(of: scenario, router: plan.router, prices: prices),
      trace: trace, serviceLevel: serviceLevel,
      seeds: (0..<UInt64(seeds)).map { engine.workload.seed &+ $0 }, tolerance: tolerance)
    study.explains = explain
    study.rates = rates
    study.whatIfs = whatIfs
    let progress = ProgressLine(simulations: study.simulationsExpected)
    let answer = try study.run()
    progress.finish()
    Terminal.warn(answer.warnings)
    let report = CapacityReport(study: study, answer: answer)
    try output.finish(report)
    let verdicts = answer.asked.map(\.verdict)
    if answer.capacity.rate == 0 || verdicts.contains(.no) { ExitStatus.no.exit() }
    if answer.isAtTheEdge || verdicts.contains(.atTheEdge) { ExitStatus.atTheEdge.exit() }
  }
}

/// `kvplan plan fleet`.
struct PlanFleetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet",
    abstract: "The cheapest deployment that sustains a rate.",
    discussion: """
      Every device, at every size that the model splits into, with as many replicas as it takes: \
      what cannot fit or cannot keep up is ruled out, the rest is simulated, cheapest first. The \
      cheapest is tried with four other seeds; if it holds with fewer than three, the next is taken.

      EXAMPLE
        kvplan plan fleet traces/sharegpt.csv --model llama-3.1-8b \\
          --devices l40s,h100-sxm --request-rate 20 \\
          --slo 'ttft.p99<=2s, tpot.p99<=100ms'

      EXIT STATUS
        1   no deployment sustains the rate, or one of the rates
        3   the best does only at the edge: with fewer than three of four other seeds
      """)

  @Argument(
    help: "Trace; its arrivals are not looked at. `-` reads standard input.",
    completion: Completions.trace)
  var trace: String

  @OptionGroup(title: "Plan") var plan: PlanArguments

  @Option(
    help:
      "Requests per second that the fleet has to sustain; several, comma-separated, give a plan each."
  )
  var requestRate: String

  @OptionGroup var question: WhatIfOptions

  @Option(help: "More to sustain on top of it, such as `20%`.")
  var headroom = "0%"

  @Option(
    help: """
      Devices, comma-separated (default: `--device`, or else every device of the catalogue that has what \
      `--objective` needs: for `cost` a price, as for `--budget`).
      """, completion: Completions.devicesByComma)
  var devices: String?

  @Option(help: "GPUs that share the model, comma-separated.")
  var tensorParallelSizes = "1,2,4,8"

  @Option(
    help: ArgumentHelp(
      """
      Fleets with prefill and decode apart too: replicas that prefill to those that decode, `1:1,1:2`, or `all` for \
      \(FleetRequest.Split.usual.count) ratios; with `--kv-transfer-bandwidth`.
      """, valueName: "ratios"))
  var disaggregate: String?

  @Option(
    help: ArgumentHelp(
      """
      GPUs that share the model in replicas that decode, comma-separated; with `--disaggregate` (default: as many as in \
      those that prefill).
      """, valueName: "sizes"))
  var decodeTensorParallelSizes: String?

  @OptionGroup var link: LinkOptions

  @Flag(help: "Fleets of two of the devices too, behind one router: so many replicas of either.")
  var mixed = false

  @Option(
    help: ArgumentHelp(
      "A setting and its values, `max-num-seqs=128,256`; every combination is a candidate.",
      valueName: "name=values"))
  var vary: [String] = []

  @Option(help: "Most GPUs of a fleet.")
  var maxGpus = 64

  @Option(help: "Most dollars of a fleet in a month of 730 hours.")
  var budget: Double?

  @Option(
    help: """
      What the best is best in: \
      \(FleetRequest.Objective.allCases.map(\.rawValue).joined(separator: ", ")).
      """)
  var objective = FleetRequest.Objective.cost

  @Flag(help: "Simulate every deployment there is, not only those that may be the best.")
  var exhaustive = false

  @OptionGroup var engine: EngineOptions
  @OptionGroup(title: "Reading the trace") var reading: TraceReadArguments
  @OptionGroup(title: "Results") var results: PlanOutputOptions

  func run() throws {
    try plan.requireRates(engine)
    let rates = try RateList.ofPlan(requestRate)
    let whatIfs = try question.questions(of: rates, fixed: Self.searchedOver)
    try NumberLimits.require("--max-gpus", maxGpus, in: 1...100_000)
    let splits = try splits()
    let labelled = try candidates()
    let candidates = labelled.map(\.scenario)
    try requireBudget(candidates)
    let serviceLevel = try ServiceLevel(plan.slo, model: candidates[0].model)
    var request = FleetRequest(
      candidates: candidates, router: plan.router, rate: rates[0], maxGPUs: maxGpus,
      serviceLevel: serviceLevel)
    request.labels = labelled.map(\.label)
    request.link = try link.link()
    request.split(into: splits)
    request.headroom = try share(headroom)
    request.objective = objective
    if mixed { try mix(&request, whatIfs) }
    request.budgetPerMonth = budget
    request.seed = engine.workload.seed
    let output = try PlanOutput(results)
    let trace = try plan.trace(trace, reading, engine: engine, candidates[0])
    try serviceLevel.requireClasses(of: trace)
    let studies = rates.map { rate in
      var asked = request
      asked.rate = rate
      var study = FleetStudy(request: asked, trace: trace, isExhaustive: exhaustive)
      study.whatIfs = whatIfs
      return study
    }
    let progress = ProgressLine(
      simulations: studies.reduce(0) { $0 + $1.simulationsExpected })
    let reports = try studies.map { FleetReport(study: $0, answer: try $0.run()) }
    progress.finish()
    Terminal.warn(reports.flatMap(\.answer.warnings).uniqued)
    if reports.count == 1 {
      try output.finish(reports[0])
    } else {
      try output.finish(FleetRatesReport(reports: reports))
    }
    if reports.contains(where: { $0.plan.best == nil }) { ExitStatus.no.exit() }
    if reports.contains(where: { $0.answer.isAtTheEdge }) { ExitStatus.atTheEdge.exit() }
  }

  /// Settings that are no single value of a plan.
  static let searchedOver = ["device", "tensor-parallel-size", "model"]

  /// - Throws: ``UserError`` for a budget that does not pay for any GPU that may be used.
  private func requireBudget(_ candidates: [Scenario]) throws {
    guard let budget else { return }
    guard budget > 0, budget.isFinite else {
      throw UserError("`--budget` must be a positive number of dollars a month, found `\(budget)`")
    }
    let priced = candidates.compactMap { scenario in
      scenario.device.price.map { (scenario.device.name, $0.dollarsPerHour) }
    }
    guard let (name, price) = priced.min(by: { $0.1 < $1.1 }) else { return }
    let month = price * Deployment.hoursPerMonth
    guard budget < month else { return }
    throw UserError(
      "`--budget` \(plain(budget)) $ a month is less than the cheapest GPU costs, `\(name)` at "
        + "\(PlanCells.dollars(price)) $/h: \(Digits.fixed(month, decimals: 2)) $ a month",
      hint:
        "raise the budget, name cheaper `--devices`, or give a price of your own: `--price \(name)=…`"
    )
  }

  private func candidates() throws -> [(label: String, scenario: Scenario)] {
    let prices = try plan.prices.chosen()
    let names =
      (devices ?? engine.target.device)?.split(separator: ",").map {
        $0.trimmingCharacters(in: .whitespaces)
      } ?? pricedDevices(prices)
    guard !names.isEmpty else { throw UserError("`--devices` names no device") }
    if let memory = engine.memory.deviceMemory, names.count > 1 {
      throw UserError(
        "`--device-memory` \(memory) is for one device, `--devices` names \(names.count)",
        hint: "give one of the devices, or leave `--device-memory` out")
    }
    let sizes = try Self.sizes(tensorParallelSizes, of: "--tensor-parallel-sizes")
    // Both have a default, so that only another value shows that it was given.
    guard engine.target.tensorParallel == 1 else {
      throw UserError(
        "`--tensor-parallel-size` is for one deployment",
        hint: "give `--tensor-parallel-sizes \(engine.target.tensorParallel)`")
    }
    var engine = engine
    engine.target.device = names[0]
    let base = try engine.scenario(system: try ServingSystem.find(plan.system), requestRate: nil)
    let varied = try VariedSimulation(vary)
    try Self.requireVariable(varied.names)
    try varied.requireAlone(in: Invocation.recipe)
    return try names.flatMap { name in
      let device = try DeviceFile.find(name).priced(prices)
      return try sizes.flatMap { size in
        var scenario = base
        scenario.device = device
        scenario.tensorParallel = size
        return try varied.combinations(of: scenario).map { values, scenario in
          let label = zip(varied.names, values).map { "\($0)=\($1)" }.joined(separator: " ")
          return (label, scenario)
        }
      }
    }
  }
}
