import CostModel
import Fleet
import Metrics
import Planning
import Serving
import SimulationKernel
import Workload

/// Requests of three classes for one engine, as QoServe's evaluation has them: answers that people wait for, and two
/// batches that are due minutes later.
///
/// - Source: the scripts and the scheduler of microsoft/sarathi-serve at 72339db (Goel et al., ASPLOS 2026): numbers of
///   requests, tokens of an iteration, targets and who counts as late are theirs.
struct ClassLoad: Sendable {
  /// Requests a second for so long.
  struct Phase: Sendable {
    var rate: Double
    var seconds: Double
  }

  /// One after the other.
  var phases: [Phase]
  /// Of Q1, Q2 and Q3; they sum to 1.
  var shares = [1.0 / 3, 1.0 / 3, 1.0 / 3]
  /// Share of the requests that matter less, of each class.
  var lowPriority = 0.0
  var seed: UInt64

  /// Of Llama-3-8B.
  private static let positions: Int32 = 8192

  static let names = ["Q1", "Q2", "Q3"]
  /// By what the scheduler goes: a batch's first token is due 15 tokens of 0.4 s before its end.
  static let targets = byClass(
    zip([6.0, 594, 1794], [0.05, 0.4, 0.4]).map { ttft, tpot in
      ServiceTarget(ttft: SimDuration(rounding: ttft), tpot: SimDuration(rounding: tpot))
    })
  /// By what requests are late: the first token of Q1, at whatever pace the others come, and the last of the batches.
  static let due = byClass([
    ServiceTarget(ttft: SimDuration(rounding: 6)), ServiceTarget(e2e: SimDuration(rounding: 600)),
    ServiceTarget(e2e: SimDuration(rounding: 1800)),
  ])

  private static func byClass(_ targets: [ServiceTarget]) -> ServiceTargets {
    var named = ServiceTargets()
    named.classes = zip(names, targets).map(ServiceTargets.Named.init)
    return named
  }

  /// Of runs in which load stays above what can be served.
  static let overloadRequests = 75_000
  /// Of runs that look for the highest rate.
  private static let searchRequests = 39_000

  /// So many requests at one rate.
  static func steady(
    _ rate: Double, requests: Int = overloadRequests,
    shares: [Double] = [1.0 / 3, 1.0 / 3, 1.0 / 3], seed: UInt64
  ) -> ClassLoad {
    ClassLoad(
      phases: [Phase(rate: rate, seconds: Double(requests) / rate)], shares: shares, seed: seed)
  }

  /// Log-normal laws through the published medians and 90th percentiles of prompts and outputs.
  private static let lengths = TraceRecipe.Lengths.sides(
    prompt: .through(median: 1930, p90: 6251), output: .through(median: 8, p90: 43))

  /// Poisson arrivals, lengths of code traffic, classes drawn by their shares. Prompts are cut to what the model takes.
  func requests() throws -> [Request] {
    var gaps = RandomStream(seed: seed, label: "slo-arrivals")
    var arrivals: [SimInstant] = []
    var start = 0.0
    for phase in phases {
      var time = start + gaps.exponential(mean: 1 / phase.rate)
      while time < start + phase.seconds {
        arrivals.append(SimInstant.zero + SimDuration(rounding: time))
        time += gaps.exponential(mean: 1 / phase.rate)
      }
      start += phase.seconds
    }
    let recipe = TraceRecipe(lengths: Self.lengths, count: arrivals.count, seed: seed)
    var classes = RandomStream(seed: seed, label: "slo-classes")
    var priorities = RandomStream(seed: seed, label: "slo-priorities")
    return try zip(TraceGenerator.generate(recipe).requests, arrivals).map { request, arrival in
      var request = request
      request.arrival = arrival
      request.outputTokens = min(request.outputTokens, Self.positions / 2)
      request.promptTokens = min(request.promptTokens, Self.positions - request.outputTokens)
      let draw = classes.uniform()
      request.requestClass = draw < shares[0] ? 1 : draw < shares[0] + shares[1] ? 2 : 3
      if priorities.uniform() < lowPriority { request.priority = 1 }
      return request
    }
  }

  /// Serves the requests on Llama-3-8B and an A100, at the paper's own prices.
  ///
  /// - Throws: ``UserError`` for a run that cannot go on.
  func served(by service: ClassService) throws -> Lateness {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("llama-3-8b"),
      device: try DeviceCatalogue.find("a100-80gb"))
    scenario.prefixCaching = false
    scenario.service = service.policy
    scenario.targets = Self.targets
    scenario.maxBatchedTokens = service.tokensMax
    var load = Fleet.Load(try requests())
    load.classNames = Self.names
    let record: RunRecord
    do {
      record = try scenario.system.serve(
        load, settings: scenario.resolved().settings,
        executor: PricedExecutor(QoServePredictor()))
    } catch let failure as RunFailure {
      throw failure.userError(trace: "code traffic", scenario: scenario)
    }
    return Lateness(record)
  }

  /// Looks for the highest rate at which at most 1 % of each class are late, by halving.
  ///
  /// - Returns: That rate, requests a second, and all that were tried, in this order.
  static func sustained(
    by service: ClassService, seed: UInt64
  ) throws -> (rate: Double, tried: [(rate: Double, lateness: Lateness)]) {
    var (low, high) = (1.0, 7.0)
    var tried: [(rate: Double, lateness: Lateness)] = []
    while high - low > 0.05 {
      let middle = (low + high) / 2
      let load = steady(middle, requests: searchRequests, seed: seed)
      let lateness = try load.served(by: service)
      tried.append((middle, lateness))
      if lateness.byClass.allSatisfy({ $0 <= 1 }) { low = middle } else { high = middle }
    }
    return (low, tried)
  }
}

/// An order of service as the paper's evaluation has it, with the tokens of an iteration that go with it.
struct ClassService: Sendable {
  var name: String
  var policy: ServicePolicy
  /// Tokens of an iteration, at most.
  var tokensMax: Int

  /// What an iteration has where its size is fixed, in the scripts.
  private static let chunk = 256
  /// The largest that QoServe tries.
  private static let largest = 2552

  static let fcfs = ClassService(name: "FCFS", policy: .arrival, tokensMax: chunk)
  static let edf = ClassService(name: "EDF", policy: .earliestDeadline, tokensMax: chunk)
  static let chunks = ClassService(
    name: "EDF and chunks by slack", policy: edf(DeadlineRules(relegates: false)),
    tokensMax: largest)
  static let relegation = ClassService(
    name: "EDF, chunks and relegation", policy: edf(DeadlineRules()), tokensMax: largest)
  static let qoserve = ClassService(name: "QoServe", policy: .qoserve, tokensMax: largest)
  static let slosServe = ClassService(name: "SLOs-Serve", policy: .slosServe, tokensMax: largest)
  /// A replica for batches alone: arrival order, iterations as large as they come.
  static let batch = ClassService(name: "FCFS", policy: .arrival, tokensMax: largest)

  private static func edf(_ rules: DeadlineRules) -> ServicePolicy {
    ServicePolicy(
      name: "edf", summary: "EDF with rules of QoServe",
      prompts: PromptOrder(deadlines: rules, key: PromptOrder.deadline(of:)))
  }
}

/// How many requests are late (``ClassLoad/due``), per cent.
struct Lateness: Sendable {
  /// 0 for a class without requests.
  private(set) var byClass: [Double]
  /// Of those that matter, over all classes.
  private(set) var important: Double
  /// The mean over the classes, as the authors' own figures have it.
  var late: Double { byClass.reduce(0, +) / Double(byClass.count) }

  init(_ record: RunRecord) {
    let due = ClassLoad.due.byClass(ClassLoad.names)
    byClass = ClassLoad.names.indices.map { number in
      record.attained(due) { Int($0.requestClass) == number + 1 }.map { 100 * (1 - $0) } ?? 0
    }
    important = record.attained(due) { $0.priority == 0 }.map { 100 * (1 - $0) } ?? 0
  }
}
