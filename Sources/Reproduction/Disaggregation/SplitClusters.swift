import CostModel
import Fleet
import Metrics
import Planning
import Serving
import SimulationKernel
import Workload

/// Clusters of DGX machines within a budget, each machine a replica: all alike and doing both, or one kind for prompts and
/// one for decodes.
///
/// - Source: Splitwise (ISCA 2024) and its simulator: Llama-2-70B, Azure's conversations; latencies as multiples of those
///   without contention on a DGX-A100; batches of 512 sequences and 2,048 tokens; keys and values over 200 GB/s, nine tenths
///   of them while the prompt is computed.
struct SplitClusters: Sendable {
  struct Cluster: Sendable {
    /// Machines of A100 and of H100 that prefill, and that decode; a cluster that does not split has prefill only.
    var prefill: (device: Device, count: Int)
    var decode: (device: Device, count: Int)?

    private var machines: [(device: Device, count: Int)] { [prefill] + (decode.map { [$0] } ?? []) }
    /// In DGX-A100.
    var cost: Double { machines.reduce(0) { $0 + $1.device.cost * Double($1.count) } }
    var watts: Double { machines.reduce(0) { $0 + $1.device.watts * Double($1.count) } }
    var isSplit: Bool { decode != nil }

    var text: String {
      machines.map { "\($0.count) \($0.device.rawValue)" }.joined(separator: " + ")
    }
  }

  enum Device: String, CaseIterable, Sendable {
    case a100 = "DGX-A100"
    case h100 = "DGX-H100"

    /// 17.6 and 38 $ an hour.
    var cost: Double { self == .a100 ? 1 : 38 / 17.6 }
    var watts: Double { self == .a100 ? 6500 : 10_200 }
    var name: String { self == .a100 ? "a100-80gb" : "h100-sxm" }
  }

  static let machines = 10
  static let link = KVLink(latency: .zero, bandwidth: 2e12)
  private static let requests = 1500

  /// Clusters and the requests per second that each sustains.
  var found: [(cluster: Cluster, rate: Double)]

  /// The best of those that split or do not, within a cost and a power.
  func best(isSplit: Bool, cost: Double, watts: Double = .infinity) -> (
    cluster: Cluster, rate: Double
  )? {
    found.filter {
      $0.cluster.isSplit == isSplit && $0.cluster.cost <= cost && $0.cluster.watts <= watts
    }.max { $0.rate < $1.rate }
  }

  /// All machines of ``machines`` DGX-A100's cost, and four fifths of it, in splits around the middle.
  static func clusters() -> [Cluster] {
    let budget = Double(machines)
    let whole = Device.allCases.map {
      Cluster(prefill: ($0, Int(budget / $0.cost)), decode: nil)
    }
    let kinds: [(Device, Device)] = [(.a100, .a100), (.h100, .a100), (.h100, .h100)]
    let split = [budget, 0.8 * budget].flatMap { budget in
      kinds.flatMap { prompts, decodes in
        (1...6).compactMap { count -> Cluster? in
          let rest = Int((budget - Double(count) * prompts.cost) / decodes.cost)
          return rest > 0 ? Cluster(prefill: (prompts, count), decode: (decodes, rest)) : nil
        }
      }
    }
    return whole + split
  }

  static func measure(seed: UInt64) throws -> SplitClusters {
    let model = try ModelCatalogue.find("llama-2-70b")
    func scenario(_ device: Device) throws -> Scenario {
      var scenario = Scenario(
        system: .vllmV1, model: model, device: try DeviceCatalogue.find(device.name))
      scenario.tensorParallel = 8
      scenario.maxSequences = 512
      scenario.maxBatchedTokens = 2048
      return scenario
    }
    let scenarios = [Device.a100: try scenario(.a100), .h100: try scenario(.h100)]
    let trace = try TraceGenerator.generate(
      TraceRecipe(lengths: .preset(.azureConversation), count: requests, seed: seed)
    ).within(tokens: Int32(scenarios[.a100]?.modelLength ?? 0))
    let level = try serviceLevel(of: trace, alone: scenarios[.a100], seed: seed)
    let found = try Parallel.map(clusters()) { cluster -> (Cluster, Double) in
      guard let prompts = scenarios[cluster.prefill.device] else { return (cluster, 0) }
      var deployment = Deployment(
        prompts, replicas: cluster.prefill.count, router: .leastOutstanding)
      if let decode = cluster.decode, let decodes = scenarios[decode.device] {
        deployment = .apart(
          prompts, decodes, prefill: cluster.prefill.count, decode: decode.count, link: link)
      }
      return (
        cluster,
        try deployment.goodput(
          of: trace, within: level, firstGuess: 2 * cluster.cost, tolerance: 0.05, seed: seed)
      )
    }
    return SplitClusters(found: found)
  }

  /// Slowdowns that Splitwise allows, of quantiles of a trace that is served one request after the other.
  private static func serviceLevel(
    of trace: Trace, alone scenario: Scenario?, seed: UInt64
  ) throws -> ServiceLevel {
    guard let scenario else { return ServiceLevel() }
    let timed = try trace.retimed(poissonRate: 0.005, seed: seed)
    let summary = try Simulation.run(scenario, trace: timed, keepingRequests: false).result.summary
    func targets(_ metric: String, _ alone: Distribution, _ slowdowns: [Double]) -> [String] {
      zip([50, 90, 99], zip([alone.median, alone.p90, alone.p99], slowdowns)).map {
        "\(metric).p\($0)<=\(($1.0 ?? .nan) * $1.1)ms"
      }
    }
    let texts =
      targets("ttft", summary.ttft, [2, 3, 6]) + targets("tpot", summary.tpot, [1.25, 1.5, 5])
    return try ServiceLevel(texts.joined(separator: ", "), model: scenario.model)
  }
}

extension Trace {
  /// Without the requests that are longer than a model can serve.
  fileprivate func within(tokens: Int32) -> Trace {
    var trace = self
    trace.requests.removeAll { $0.promptTokens + $0.outputTokens > tokens }
    return trace
  }
}
