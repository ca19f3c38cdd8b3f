import CostModel
import Kernels
import Metrics
import Planning
import Serving
import SimulationKernel
import Workload

/// Workloads that are served for real and simulated with the prices of this machine.
package enum CPUWorkload: String, CaseIterable, Sendable {
  /// Requests come one after another.
  case light
  /// More than can be served: the batch is as large as it may be.
  case saturated
  /// A pool too small for the batch, given up by swapping.
  case swap
  /// The same, by recomputing.
  case recompute
  /// Prompts with a long common beginning, through the prefix cache of `vllm-v1`.
  case sharedPrefix = "shared-prefix"
  /// Four samples of each prompt.
  case samples = "n4"
  /// Three drafts behind each token, of which some are accepted.
  case drafts

  /// The scenario, for a model whose capacity is about `rate` requests per second.
  func scenario(_ model: ModelSpec, rate: Double) throws -> CPUScenario {
    let isV1 = self == .sharedPrefix || self == .drafts
    var scenario = CPUScenario(system: isV1 ? .vllmV1 : .vllmSOSP23, model: model)
    scenario.base.maxSequences = 32
    scenario.base.requestRate = rate * loadFactor
    scenario.base.maxModelLength = 512
    scenario.base.maxBatchedTokens = 512
    if self == .swap || self == .recompute { scenario.base.deviceBlocksOverride = 120 }
    if self == .swap { scenario.base.preemptionMode = .swap }
    if self == .drafts { try scenario.force(.byPosition([0.8, 0.6, 0.4]), drafts: 3) }
    return scenario
  }

  private var loadFactor: Double {
    switch self {
    case .light: 0.3
    case .samples: 0.4
    default: 3
    }
  }

  /// Requests: prompts of 16 to 200 tokens, outputs of 16 to 120.
  func trace(count: Int) -> Trace {
    var random = RandomStream(seed: 11, label: rawValue)
    let requests = (0..<count).map { _ in
      Request(
        promptTokens: Int32(16 + random.below(185)) + (self == .sharedPrefix ? 128 : 0),
        outputTokens: Int32(16 + random.below(105)), samples: self == .samples ? 4 : 1)
    }
    return Trace(name: rawValue, requests: requests, hasArrivals: false)
  }

  /// What the prompts of a trace have in common.
  func contents(_ trace: Trace) -> PromptContents? {
    guard self == .sharedPrefix else { return nil }
    var contents = PromptContents()
    for (id, request) in trace.requests.enumerated() {
      contents.append([
        TokenPiece(stream: 1, start: 0, count: 128),
        TokenPiece(
          stream: PromptContents.ownStream(of: id), start: 0, count: request.promptTokens - 128),
      ])
    }
    return contents
  }
}

/// A workload measured and simulated.
package struct CPUComparison: Sendable {
  package var workload: CPUWorkload
  package var measured: RunSummary
  package var simulated: RunSummary
  /// Sequences served, and how many of them were not what the model generates alone.
  package var sequences: Int
  package var differing: Int
  /// The iterations that were served, with what each took and its price: prices by themselves, without the
  /// scheduling that follows from them.
  package var iterations: [(iteration: CPUIteration, measured: Double, priced: Double)]

  /// A quantity of both.
  package struct Row: Equatable, Sendable {
    package var name: String
    package var measured: Double
    package var simulated: Double
    /// Simulated against measured; `nil` where nothing was measured.
    package var error: Double? { measured == 0 ? nil : simulated / measured - 1 }
  }

  package var rows: [Row] {
    var rows: [Row] = []
    func add(_ name: String, _ value: (RunSummary) -> Double?) {
      guard let a = value(measured), let b = value(simulated) else { return }
      rows.append(Row(name: name, measured: a, simulated: b))
    }
    add("output tokens/s") { $0.outputThroughput }
    func addDistribution(_ name: String, _ path: KeyPath<RunSummary, Distribution>) {
      add("mean \(name), ms") { $0[keyPath: path].mean }
      add("p50 \(name), ms") { $0[keyPath: path].median }
      add("p99 \(name), ms") { $0[keyPath: path].p99 }
    }
    addDistribution("TTFT", \.ttft)
    addDistribution("TPOT", \.tpot)
    addDistribution("E2E", \.e2el)
    rows.append(
      Row(
        name: "served iterations, s", measured: iterations.reduce(0) { $0 + $1.measured },
        simulated: iterations.reduce(0) { $0 + $1.priced }))
    add("mean batch") { $0.meanBatchedRequests }
    add("iterations") { Double($0.iterations) }
    add("preemptions, recompute") { Double($0.preemptionsRecompute) }
    add("preemptions, swap") { Double($0.preemptionsSwap) }
    add("KV token state") { $0.kv.tokenState }
    add("KV free") { $0.kv.free }
    add("KV cached") { $0.kv.cached }
    return rows
  }
}

extension CPUServing {
  /// Serves a workload for real and simulates it.
  ///
  /// - Parameter pacing: The wall clock, or processor time on a machine that others use.
  package func compare(
    _ workload: CPUWorkload, requests: Int, profile: CPUProfile,
    pacing: ReferenceExecutor.Pacing
  ) throws -> CPUComparison {
    let model = transformer.model
    let costModel = { CPUCostModel(profile, model: model, blockSize: $0) }
    let scenario = try workload.scenario(model, rate: Self.capacity(costModel(16)))
    let settings = try scenario.settings()
    var warnings: [String] = []
    let unprepared = workload.trace(count: requests)
    let contents = workload.contents(unprepared)
    let trace = try scenario.prepared(unprepared, warnings: &warnings)
    let sampler = TokenSampler(seed: 0, temperature: 1)
    let executor = ReferenceExecutor(
      transformer, requests: trace.requests, settings: settings,
      deviceBlocks: scenario.base.system.placedBlocks(settings), sampler: sampler,
      contents: contents, pacing: pacing)
    let observed = ObservingExecutor(executor, blockSize: settings.blockSize)
    let priced = CPUPricer(costModel(settings.blockSize), blockSize: settings.blockSize)
    warmUp()
    let summaries = try [observed as any IterationExecutor, priced].map { executor in
      try scenario.run(trace, settings: settings, executor: executor, contents: contents)
        .summary(scenario.labels(trace, settings: settings, profile: "cpu"))
    }
    var alone = OneAtATime(transformer, sampler: sampler)
    let outputs = trace.requests.indices.flatMap { executor.outputs(of: RequestID($0)) }
    let prices = costModel(settings.blockSize)
    return CPUComparison(
      workload: workload, measured: summaries[0], simulated: summaries[1],
      sequences: outputs.count, differing: outputs.count { alone.firstDifference($0) != nil },
      iterations: observed.iterations.map {
        ($0.iteration, $0.duration.seconds, prices.duration(of: $0.iteration).seconds)
      })
  }

  /// Requests per second that a batch of 16 decodes, at 68 tokens each and a prompt of 108.
  private static func capacity(_ costModel: CPUCostModel) -> Double {
    var decode = IterationWork()
    decode.decodeSequences = 16
    decode.decodeContextTokens = 16 * 140
    decode.sampledSequences = 16
    var prompt = IterationWork()
    prompt.prefillChunks = [.init(tokens: 108, contextTokens: 0)]
    prompt.sampledSequences = 1
    let seconds =
      68 * costModel.duration(of: CPUIteration(decode)).seconds / 16
      + costModel.duration(of: CPUIteration(prompt)).seconds
    return 1 / seconds
  }
}
