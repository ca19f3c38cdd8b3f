import CostModel
import Fleet
import Messages
import Metrics
import ModelFiles
import Planning
import Serving
import Workload

/// What the simulator says of a submitted result.
///
/// Submitters of vLLM do not say how a node's GPUs were cut into replicas, nor how keys and values were stored: a replica
/// is assumed to have as few GPUs as the model and a request fit on, and keys of 8 bits where the weights are. Those of
/// TensorRT-LLM publish settings (``MLPerfSettings``).
package struct MLPerfPrediction: Sendable {
  package var result: MLPerfResult
  /// How many of the published settings are those that are simulated; `nil` where none are.
  package var settings: String?
  /// The assumed layout first, then the others, by rising size of a replica.
  package var layouts: [Layout]

  /// GPUs of a replica, how many replicas there are, and what they reach: in the unit of ``MLPerfResult/measured``.
  package struct Layout: Equatable, Sendable {
    package var tensorParallel: Int
    package var replicas: Int
    package var predicted: Double
  }

  /// A row that cannot be answered, and why.
  package struct Unanswered: Sendable {
    package var result: MLPerfResult
    package var reason: String
  }

  /// Of the assumed layout, as a share of what was measured.
  package var error: Double { layouts[0].predicted / result.measured - 1 }

  /// Largest tensor parallelism that is tried: the GPUs of a node.
  private static let tensorParallelMax = 8
  /// Of arrivals: a rate is the mean of what is held with each.
  private static let seeds: [UInt64] = [0, 1, 2]
  /// Width of the bracket at which the search for a rate ends.
  private static let tolerance = 0.005

  /// Answers the results that there are the facts for, in their order.
  ///
  /// - Parameters:
  ///   - lengths: Folder of the files of lengths.
  ///   - settings: What is published of TensorRT-LLM's.
  package static func predict(
    _ results: [MLPerfResult], lengths: String, settings: [MLPerfSettings] = [],
    progress: @escaping @Sendable (_ done: Int) -> Void = { _ in }
  ) -> (predictions: [MLPerfPrediction], unanswered: [Unanswered]) {
    var predictions: [MLPerfPrediction] = []
    var unanswered: [Unanswered] = []
    for (index, result) in results.enumerated() {
      do {
        predictions.append(
          result.engine == "tensorrt-llm"
            ? try MLPerfPrediction(result, lengths: lengths, settings)
            : try MLPerfPrediction(result, lengths: lengths))
      } catch let error as UserError {
        unanswered.append(Unanswered(result: result, reason: error.message))
      } catch {
        preconditionFailure("`\(result.id)`: \(error)")
      }
      progress(index + 1)
    }
    return (predictions, unanswered)
  }

  /// - Throws: ``UserError`` for a fact that is missing, and a model that does not fit.
  private init(_ result: MLPerfResult, lengths folder: String) throws {
    self.result = result
    let benchmark = try result.benchmark()
    let scenario = try result.scenario(of: try ModelFile.find(benchmark.model))
    let trace = try result.trace(benchmark, lengths: folder)
    let sizes = sequence(first: 1) { $0 * 2 }.prefix { $0 <= Self.tensorParallelMax }
      .filter { result.gpus % $0 == 0 && scenario.with(tensorParallel: $0).fits(trace) }
    guard !sizes.isEmpty else {
      throw UserError(
        "`\(benchmark.model)` fits on no layout of \(result.gpus) × \(scenario.device.name)")
    }
    layouts = try Parallel.map(sizes) { size in
      let deployment = Deployment(
        scenario.with(tensorParallel: size), replicas: result.gpus / size,
        router: .leastOutstanding)
      return Layout(
        tensorParallel: size, replicas: result.gpus / size,
        predicted: try Self.predicted(result, deployment, trace))
    }
  }

  /// A result of TensorRT-LLM.
  ///
  /// - Throws: ``UserError`` for a fact that is missing, and a model that does not fit.
  private init(_ result: MLPerfResult, lengths folder: String, _ settings: [MLPerfSettings]) throws
  {
    self.result = result
    let benchmark = try result.benchmark()
    if let missing = result.missingOfTRTLLM { throw UserError(missing) }
    guard let (engine, count) = MLPerfSettings.common(to: result, in: settings) else {
      throw UserError("no settings of TensorRT-LLM are published for its GPU, model and load")
    }
    self.settings = count
    let scenario = try result.scenario(of: try ModelFile.find(benchmark.model), engine)
    let replicas = result.gpus / (engine.tensorParallel * engine.pipelineParallel)
    // All requests come at once and replicas are alike: one with its share of them stands for all.
    let share = try result.trace(benchmark, lengths: folder, among: replicas)
    layouts = [
      Layout(
        tensorParallel: engine.tensorParallel, replicas: replicas,
        predicted: Double(replicas) * (try Self.predicted(result, Deployment(scenario), share)))
    ]
  }

  private static func predicted(
    _ result: MLPerfResult, _ deployment: Deployment, _ trace: Trace
  ) throws -> Double {
    guard let limits = result.limits else {
      var deployment = deployment
      deployment.groups[0].scenario.requestRate = .infinity
      return try Simulation.run(deployment, trace: trace, keepingRequests: false).result.summary
        .outputThroughput
    }
    let level = try ServiceLevel(
      "ttft.p99<=\(limits.ttft)s, tpot.p99<=\(limits.tpot)s",
      model: deployment.groups[0].scenario.model)
    let probe = RateProbe(
      try PreparedDeployment(deployment), trace: trace, serviceLevel: level)
    let search = CapacitySearch(
      probe, firstGuess: Double(deployment.replicas), tolerance: tolerance)
    return try search.run(seeds: Self.seeds).rate
  }
}

extension MLPerfResult {
  /// The requests that were sent, as far as is known, or the share of one of some replicas.
  fileprivate func trace(
    _ benchmark: Benchmark, lengths folder: String, among replicas: Int = 1
  ) throws -> Trace {
    try MLPerfLengths(path: "\(folder)/mlperf_lengths_\(benchmark.lengths).csv.gz")
      .stretched(toMean: meanOutput, most: benchmark.outputMax)
      .trace(name: benchmark.lengths, count: (queries + replicas - 1) / replicas, seed: 0)
  }

  /// The engine with its own defaults on that device.
  ///
  /// - Throws: ``UserError`` for a fact that is missing.
  func scenario(of model: ModelSpec) throws -> Scenario {
    guard engine == "vllm" else { throw UserError("`\(engine)` is not simulated here") }
    let release = framework.split(whereSeparator: { " ,+".contains($0) })
      .map { $0.hasPrefix("v") ? $0.dropFirst() : $0 }
      .lazy.compactMap { VLLMRelease(String($0)) }.first
    guard let release, release >= .v1Engine else {
      throw UserError("`\(framework)` served with vLLM's engine before V1, which is not simulated")
    }
    guard weights == "fp8" else {
      throw UserError("it is not recorded how the weights were stored")
    }
    var scenario = Scenario(system: .vllmV1, model: model, device: try device())
    scenario.engineRelease = "\(release.major).\(release.minor)"
    scenario.quantization = .fp8
    scenario.kvCache = .fp8
    return scenario
  }
}

extension Scenario {
  fileprivate func with(tensorParallel: Int) -> Scenario {
    var copy = self
    copy.tensorParallel = tensorParallel
    return copy
  }

  /// Whether the longest request of a trace fits beside the weights.
  fileprivate func fits(_ trace: Trace) -> Bool {
    guard let resolved = try? resolved() else { return false }
    let longest = trace.requests.map { Int($0.promptTokens) + Int($0.outputTokens) }.max() ?? 0
    return resolved.settings.deviceBlocks * resolved.settings.blockSize >= longest
  }
}
