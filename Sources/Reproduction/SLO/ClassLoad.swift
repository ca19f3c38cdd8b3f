import CostModel
import Fleet
import Metrics
import Planning
import Serving
import SimulationKernel
import Workload

/// Requests of three classes for one engine, as QoServe's evaluation has them: answers that people wait for, and two
/// batches that are due minutes later.
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
  var seed: UInt64

  /// Of Llama-3-8B.
  private static let positions: Int32 = 8192

  static let names = ["Q1", "Q2", "Q3"]
  static let targets: ServiceTargets = {
    var targets = ServiceTargets()
    targets.classes = zip(
      names,
      [
        ServiceTarget(
          ttft: SimDuration(rounding: 6), tpot: SimDuration(rounding: 0.05)),
        ServiceTarget(e2e: SimDuration(rounding: 600)),
        ServiceTarget(e2e: SimDuration(rounding: 1800)),
      ]
    ).map(ServiceTargets.Named.init)
    return targets
  }()

  /// 360,000 requests at 35 a second.
  static let seconds = 360_000 / 35.0

  /// At one rate throughout.
  static func steady(
    _ rate: Double, shares: [Double] = [1.0 / 3, 1.0 / 3, 1.0 / 3], seed: UInt64
  ) -> ClassLoad {
    ClassLoad(phases: [Phase(rate: rate, seconds: seconds)], shares: shares, seed: seed)
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
    return try zip(TraceGenerator.generate(recipe).requests, arrivals).map { request, arrival in
      var request = request
      request.arrival = arrival
      request.outputTokens = min(request.outputTokens, Self.positions / 2)
      request.promptTokens = min(request.promptTokens, Self.positions - request.outputTokens)
      let draw = classes.uniform()
      request.requestClass = draw < shares[0] ? 1 : draw < shares[0] + shares[1] ? 2 : 3
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

  /// Looks for the highest rate of ``steady(_:shares:seed:)`` at which at most 1 % are late, by halving.
  ///
  /// - Returns: That rate, requests a second, and all that were tried, in this order.
  static func sustained(
    by service: ClassService, seed: UInt64
  ) throws -> (rate: Double, tried: [(rate: Double, lateness: Lateness)]) {
    var (low, high) = (1.0, 7.0)
    var tried: [(rate: Double, lateness: Lateness)] = []
    while high - low > 0.05 {
      let middle = (low + high) / 2
      let lateness = try steady(middle, seed: seed).served(by: service)
      tried.append((middle, lateness))
      if lateness.late <= 1 { low = middle } else { high = middle }
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

  /// What an iteration may have where its size is fixed: 50 ms, by the paper's calibration.
  private static let chunk = 330
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

/// How many requests are late, by class and over all, per cent: what is not ``ServiceTarget/isMet(by:firstToken:finish:)``.
struct Lateness: Sendable {
  /// 0 for a class without requests.
  private(set) var byClass: [Double]
  private(set) var late: Double

  init(_ record: RunRecord) {
    let targets = ClassLoad.targets.byClass(ClassLoad.names)
    func late(_ only: UInt16?) -> Double {
      record.attained(targets, of: only).map { 100 * (1 - $0) } ?? 0
    }
    byClass = ClassLoad.names.indices.map { late(UInt16($0 + 1)) }
    self.late = late(nil)
  }
}
