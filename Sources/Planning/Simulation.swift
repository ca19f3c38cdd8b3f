import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Workload

/// The version that every result carries.
package let toolVersion = "0.1.0"

/// One finished simulation with what its user should be told.
package struct Simulation: Sendable {
  package var result: RunResult
  package var warnings: [String]

  /// Replays a trace through a scenario on one replica.
  ///
  /// The parameters are those of ``run(_:trace:keepingRequests:prices:)-(Deployment,_,_,_)``.
  package static func run(
    _ scenario: Scenario, trace: Trace, keepingRequests: Bool = true, prices: PriceSource = .own
  ) throws -> Simulation {
    try run(
      Deployment(scenario), trace: trace, keepingRequests: keepingRequests, prices: prices)
  }

  /// Replays a trace through the replicas of a deployment; how it is prepared and measured says the scenario of the
  /// first.
  ///
  /// - Parameters:
  ///   - keepingRequests: Keep a row for each request beside the summary.
  ///   - prices: Where prices come from; the scenarios' own unless several runs share them.
  /// - Throws: ``UserError`` for a scenario that is not valid, a trace without arrivals where no rate is
  ///   given, and a run that cannot go on.
  package static func run(
    _ deployment: Deployment, trace: Trace, keepingRequests: Bool = true,
    prices: PriceSource = .own
  ) throws -> Simulation {
    let prepared = try PreparedDeployment(deployment, prices: prices)
    let scenario = deployment.groups[0].scenario
    var warnings: [String] = []
    let replayed = try scenario.prepared(trace, warnings: &warnings)
    let record = try prepared.record(
      of: replayed, seed: scenario.seed, keepingPreemptions: keepingRequests)
    var labels = prepared.labels(
      of: record, trace: replayed,
      requestRate: scenario.rateOfRequests ?? record.arrivalRate,
      seed: scenario.seed,
      replicas: deployment.replicas == 1 ? [] : deployment.routerFields)
    var profiles: [String] = []
    for profile in prepared.resolved.map(\.costProfileText) where !profiles.contains(profile) {
      profiles.append(profile)
    }
    labels.provenance.costProfile = profiles.joined(separator: "; ")
    labels.provenance.servedError = ServedErrorTable.shipped.error(of: scenario)
    let summary = record.summary(labels)
    warnings += prepared.caveats
    warnings += summary.warnings(replayed, scenario: scenario)
    if let warning = scenario.warningOfServer(summary) { warnings.append(warning) }
    return Simulation(
      result: RunResult(
        summary: summary,
        requests: keepingRequests ? record.requestRecords(classNames: replayed.classNames) : [],
        history: record.historyPoints, replicaHistories: record.replicaHistories,
        window: record.window),
      warnings: warnings)
  }
}

extension Scenario {
  /// The trace as it is served: sampled, cut or repeated to the wanted count, with arrivals.
  package func prepared(_ trace: Trace, warnings: inout [String]) throws -> Trace {
    try checkSequences(of: trace)
    try checkContents(of: trace)
    if requestRate == nil, maxConcurrency != nil, trace.hasArrivals {
      warnings.append(
        "the arrivals of `\(trace.name)` are not used: with `--max-concurrency` and no "
          + "`--request-rate`, clients "
          + (thinkTime == nil
            ? "send as soon as they have an answer" : "begin a session when the one before is over")
      )
    }
    var trace = try thinking(trace).served(
      .init(count: promptCount, isFirst: firstRows ?? false, seed: seed),
      drawsArrivals: drawsArrivals,
      warnings: &warnings)
    if let finiteRequestRate {
      try RequestRate.requireAtMostHighest(finiteRequestRate, hint: RequestRate.allAtOnce)
      return try (consume trace).retimed(
        poissonRate: finiteRequestRate, seed: seed, sessions: thinkTime != nil)
    }
    if drawsArrivals {
      trace.hasArrivals = true
      return trace
    }
    guard trace.hasArrivals else {
      throw UserError(
        "`\(trace.name)` has no arrival times",
        hint: "give `--request-rate 2` for Poisson arrivals at 2 requests per second")
    }
    return trace
  }

  /// The trace with a think time before each turn that waits; as it is where none do.
  package func thinking(_ trace: Trace) throws -> Trace {
    guard let thinkTime else { return trace }
    let count = trace.requests.count
    guard promptCount ?? 0 <= count else {
      throw UserError(
        "`--num-prompts` \(promptCount ?? 0) would repeat the \(count) requests of `\(trace.name)` shuffled, and "
          + "`--session-think-time` keeps the order of their turns",
        hint: "ask for at most \(count), or generate more sessions: `kvplan trace generate --turns`"
      )
    }
    return try trace.thinking(thinkTime, seed: seed)
  }

  /// Sequences are numbered over the whole run.
  private func checkSequences(of trace: Trace) throws {
    var count = 0
    for (index, request) in trace.requests.enumerated() {
      count += Int(request.sequenceCount)
      guard count <= Self.sequencesMax else {
        throw UserError(
          "`\(trace.name)`: the first \(index + 1) requests have over \(Self.sequencesMax) sequences, "
            + "request \(index + 1) alone \(request.sequenceCount)",
          hint: "lower `n` or `beam_width`")
      }
    }
  }

  private static var sequencesMax: Int { 100_000_000 }

  /// Whether requests come as the scenario says, not as the trace says.
  private var drawsArrivals: Bool { requestRate != nil || maxConcurrency != nil }

  /// The rate of Poisson arrivals; `nil` for those of the trace, and for all at once.
  var finiteRequestRate: Double? { requestRate == .infinity ? nil : requestRate }

  /// The rate of requests, as far as it is known beforehand: where turns wait, ``finiteRequestRate`` is that of sessions.
  var rateOfRequests: Double? { thinkTime == nil ? finiteRequestRate : nil }
}

extension ResolvedScenario {
  /// Serves a trace that the scenario has prepared (``Scenario/prepared(_:warnings:)``).
  ///
  /// - Parameter frontEnd: What closed-loop clients reach the engine through.
  /// - Throws: ``RunFailure`` when the run cannot go on.
  package func serve(_ trace: Trace, frontEnd: FrontEnd = FrontEnd()) throws -> RunRecord {
    var load = load(trace)
    load.frontEnd = frontEnd
    return try scenario.system.serve(load, settings: settings, executor: PricedExecutor(costModel))
  }

  /// A trace with what the scenario says of the run.
  func load(_ trace: Trace) -> Fleet.Load {
    var load = Fleet.Load(trace.requests, contents: trace.contents)
    load.classNames = trace.classNames
    load.window = window
    load.oversized = scenario.oversized
    load.clients = scenario.maxConcurrency
    if scenario.thinkTime != nil {
      load.turns = SessionTurns(trace.requests, thinkTimes: trace.notes.thinkTimes)
    }
    load.warmups = scenario.warmups
    if case .server(let profile) = scenario.overheadsChoice {
      load.answerTime = SimDuration(rounding: profile.residuals.answerSeconds)
    }
    return load
  }

  /// Where the prices come from, how far they can be trusted, and what they rest on nothing for.
  var costProfileText: String {
    let facts = [costModel.profile.error] + unmeasured.map { "\($0) not measured" }
    return "\(costModel.profile.name) (\(facts.joined(separator: "; ")))"
  }
}

extension Trace {
  /// Requests per second between the first and the last arrival; 0 for a single instant.
  package var offeredRate: Double {
    rate(requests.count, from: requests.first?.arrival, to: requests.last?.arrival)
  }
}

extension RunRecord {
  /// The same of the requests that arrived.
  var arrivalRate: Double {
    let arrivals = arrived.lazy.map { requests[$0].arrival }
    return rate(arrivedCount, from: arrivals.min(), to: arrivals.max())
  }
}

private func rate(_ count: Int, from first: SimInstant?, to last: SimInstant?) -> Double {
  guard let first, let last, last > first else { return 0 }
  return Double(count - 1) / (last - first).seconds
}

extension RunSummary {
  /// Completed requests below which a 99th percentile rests on too few samples.
  private static let samplesForP99 = 100

  package func warnings(_ trace: Trace, scenario: Scenario) -> [String] {
    var warnings: [String] = []
    if rejected > 0 {
      warnings.append(
        "\(rejected) of \(trace.requests.count) requests can never be admitted by `\(system)` "
          + (failures.isEmpty ? "" : "or came while no replica was to return, ")
          + "and were rejected")
    }
    if let to = scenario.windowTo, scenario.thinkTime == nil, let last = trace.requests.last,
      last.arrival.seconds < to
    {
      let end = (last.arrival.seconds * 10).rounded() / 10
      warnings.append(
        "the last request arrives at \(end) s, before `--to-second` \(to): the load ends inside "
          + "the window; raise `--num-prompts`")
    }
    if completed < Self.samplesForP99 {
      warnings.append(
        "only \(completed) request\(completed == 1 ? "" : "s") of `\(system)` at "
          + "\(plain(rounded(requestRate))) req/s finished in the window; p99 rests on fewer than "
          + "\(Self.samplesForP99) samples")
    }
    let goesByPriority = scenario.service == .priority || scenario.sglang.priorityScheduling == true
    if goesByPriority, trace.requests.allSatisfy({ $0.priority == 0 }) {
      let flag =
        scenario.service == .priority
        ? "--scheduling-policy priority" : "--enable-priority-scheduling"
      warnings.append(
        "no request of `\(trace.name)` has a priority: `\(flag)` serves them as they came")
    }
    return warnings
  }
}
