import Messages
import Planning
import Serving
import SimulationKernel
import Workload

/// One run of a load generator against a server: what was sent, and what was seen.
package struct ServerRun: Sendable {
  /// What was measured of a run: requests per second, means in seconds, and as a server sees itself, requests that run
  /// and the share of the KV cache that they hold.
  package enum Quantity: String, CaseIterable, Sendable {
    case throughput, ttft, tpot, e2e, running, kvUse

    /// What residuals are fitted to: times. Requests in a server follow from them, and its memory has none.
    package static let fitted: [Quantity] = [.throughput, .ttft, .tpot, .e2e]

    /// As results name it, with its unit.
    package var column: String {
      switch self {
      case .throughput: "request_throughput"
      case .ttft: "mean_ttft_ms"
      case .tpot: "mean_tpot_ms"
      case .e2e: "mean_e2el_ms"
      case .running: "mean_running_requests"
      case .kvUse: "mean_kv_cache_usage_percent"
      }
    }

    /// Seconds, requests per second, requests or a share in the unit of ``column``.
    package func shown(_ value: Double) -> Double {
      switch self {
      case .throughput, .running: value
      case .ttft, .tpot, .e2e: value * 1e3
      case .kvUse: value * 100
      }
    }
  }

  /// As the server calls its model; `nil` where the result does not say it.
  package var model: String?

  /// How requests come.
  package enum Arrivals: Equatable, Sendable {
    /// From clients with one in flight each, at once.
    case clients
    /// Poisson at a rate, requests per second.
    case poisson(Double)
    /// At even distances.
    case constant(Double)
    /// As they were recorded, seconds, in order.
    case recorded([Double])
  }

  /// The file and what tells runs in it apart.
  package var name: String
  package var arrivals: Arrivals
  /// Most requests in flight; `nil` for no limit.
  package var clients: Int?
  /// Lengths, in the order of arrivals.
  package var requests: [Request]
  /// What the prompts consist of; `nil` where it is not recorded.
  package var contents: PromptContents?
  /// Requests that count; the others are served too.
  package var scored: Range<Int>
  package var measured: [Quantity: Double]
  /// By request, where the result has them; a part of them can be scored then.
  package var spans: [Span] = []

  /// The seconds at which a request was sent, and its first and last token seen.
  package struct Span: Equatable, Sendable {
    package var start: Double
    package var first: Double
    package var last: Double
  }

  package init(
    name: String, arrivals: Arrivals, clients: Int?, requests: [Request],
    measured: [Quantity: Double]
  ) {
    self.name = name
    self.arrivals = arrivals
    self.clients = clients
    self.requests = requests
    scored = requests.indices
    self.measured = measured
  }

  /// How it was sent, in words.
  package var load: String {
    let limit = clients.map { ", at most \($0) in flight" } ?? ""
    return switch arrivals {
    case .clients: "\(clients ?? requests.count) clients"
    case .poisson(let rate): "\(plain(rate)) req/s\(limit)"
    case .constant(let rate): "\(plain(rate)) req/s, even\(limit)"
    case .recorded: "as recorded\(limit)"
    }
  }

  private func plain(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    return Int(exactly: rounded).map { "\($0)" } ?? "\(rounded)"
  }

  /// The same run with some of its requests scored: all are served.
  ///
  /// - Throws: ``UserError`` where the result does not hold single requests, or not so many.
  package func scoring(_ range: Range<Int>) throws(UserError) -> ServerRun {
    guard !spans.isEmpty else {
      throw UserError(
        "`\(name)` has no times of single requests: `--requests` has nothing to choose from")
    }
    guard range.lowerBound >= 0, range.upperBound <= spans.count, !range.isEmpty else {
      throw UserError(
        "`--requests` \(range.lowerBound)-\(range.upperBound): `\(name)` has \(spans.count) requests"
      )
    }
    var run = self
    run.scored = range
    var values = MeanValues()
    for index in range {
      let span = spans[index]
      values.add(
        arrival: span.start, first: span.first, last: span.last,
        tokens: Int(requests[index].outputTokens))
    }
    run.measured = values.quantities
    return run
  }

  /// The run as a trace with arrivals.
  func trace(seed: UInt64) throws -> Trace {
    var timed = requests
    switch arrivals {
    case .clients: for index in timed.indices { timed[index].arrival = .zero }
    case .poisson(let rate):
      return try Trace(
        name: name, requests: requests, hasArrivals: false, contents: contents
      ).retimed(poissonRate: rate, seed: seed)
    case .constant(let rate):
      for index in timed.indices {
        timed[index].arrival = .zero + SimDuration(rounding: Double(index) / rate)
      }
    case .recorded(let seconds):
      for index in timed.indices {
        timed[index].arrival = .zero + SimDuration(rounding: seconds[index])
      }
    }
    return Trace(name: name, requests: timed, hasArrivals: true, contents: contents)
  }

  /// What a simulation of the run gives.
  package struct Outcome: Sendable {
    package var values: [Quantity: Double]
    /// Mean requests in an iteration.
    package var batched: Double
  }

  /// Simulates the run.
  ///
  /// - Throws: ``UserError`` for a scenario that is not valid, and a request that cannot be served.
  package func predicted(by scenario: Scenario, prices: PriceSource) throws -> Outcome {
    var scenario = scenario
    scenario.maxConcurrency = clients
    scenario.oversized = .fail
    let resolved = try scenario.resolved(prices: prices)
    let record: RunRecord
    do {
      record = try resolved.serve(try trace(seed: scenario.seed))
      SimulationCount.add()
    } catch let failure as RunFailure {
      throw UserError(
        "`\(name)`: `\(scenario.system.name)` cannot serve the run: \(failure.summary)",
        hint: "give the settings of the server that was measured")
    }
    var values = MeanValues()
    for index in scored {
      let milestones = record.milestones[index]
      guard let first = milestones.firstToken, let last = milestones.finish else { continue }
      values.add(
        arrival: record.requests[index].arrival.seconds, first: first.seconds, last: last.seconds,
        tokens: Int(record.requests[index].outputTokens))
    }
    var quantities = values.quantities
    if measured[.running] != nil { quantities[.running] = record.meanRunning }
    if measured[.kvUse] != nil { quantities[.kvUse] = record.heldShare }
    return Outcome(values: quantities, batched: record.meanBatched)
  }

  /// Sums over requests, for the means.
  struct MeanValues {
    private var count = 0.0
    private var ttft = 0.0
    private var e2e = 0.0
    private var tpot = (sum: 0.0, count: 0.0)
    private var begin = Double.infinity
    private var end = -Double.infinity

    mutating func add(arrival: Double, first: Double, last: Double, tokens: Int) {
      count += 1
      ttft += first - arrival
      e2e += last - arrival
      if tokens > 1 { tpot = (tpot.sum + (last - first) / Double(tokens - 1), tpot.count + 1) }
      begin = min(begin, arrival)
      end = max(end, last)
    }

    var quantities: [Quantity: Double] {
      guard count > 0 else { return [:] }
      var values: [Quantity: Double] = [.ttft: ttft / count, .e2e: e2e / count]
      if tpot.count > 0 { values[.tpot] = tpot.sum / tpot.count }
      if end > begin { values[.throughput] = count / (end - begin) }
      return values
    }
  }
}

extension RunRecord {
  /// Requests in an iteration, in the mean over the iterations of all replicas.
  fileprivate var meanBatched: Double {
    let iterations = replicas.reduce(0) { $0 + $1.steps.count }
    let requests = replicas.reduce(0) { $0 + $1.steps.runningRequests }
    return iterations == 0 ? 0 : Double(requests) / Double(iterations)
  }

  /// Requests that run, in the mean over time; `nil` for a run that takes none.
  fileprivate var meanRunning: Double? {
    let nanoseconds = (measured.to - measured.from).nanoseconds
    return nanoseconds > 0 ? Double(integrals.runningRequests) / Double(nanoseconds) : nil
  }

  /// The share of the pool that requests hold, in the mean over time: what is cached for none is not in it, as engines
  /// count. `nil` where there is no pool.
  fileprivate var heldShare: Double? {
    let sums = integrals
    let held = sums.tokenState + sums.reserved + sums.internalFragmentation
    let all = held + sums.externalFragmentation + sums.cached + sums.free
    return all > 0 ? Double(held) / Double(all) : nil
  }
}
