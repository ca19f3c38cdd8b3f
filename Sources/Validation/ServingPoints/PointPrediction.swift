import CostModel
import Dispatch
import Messages
import Planning
import Serving
import SimulationKernel
import Synchronization
import Workload

/// What the simulator says of a measured point.
package struct PointPrediction: Sendable {
  package var point: ServingPoint
  /// Mean milliseconds.
  package var ttft: Double
  package var tpot: Double
  /// KV blocks of the pool.
  package var blocks: Int
  /// Where the kernels' prices come from.
  package var prices: CostProfile

  package var ttftError: Double { ttft / point.ttft - 1 }
  package var tpotError: Double { tpot / point.tpot - 1 }

  /// Simulates every point, side by side on the cores at hand.
  ///
  /// - Parameter models: How each engine is simulated.
  /// - Returns: Predictions in the order of the points, and why the others could not be simulated.
  package static func predict(
    _ points: [ServingPoint], models: @Sendable (ServingPoint) -> BackendModel,
    progress: @Sendable (_ done: Int) -> Void = { _ in }
  ) -> (predictions: [PointPrediction], failures: [String]) {
    let slots = Mutex<(results: [Result<PointPrediction, any Error>?], done: Int)>(
      (Array(repeating: nil, count: points.count), 0))
    DispatchQueue.concurrentPerform(iterations: points.count) { index in
      let result = Result { try predict(points[index], model: models(points[index])) }
      slots.withLock {
        $0.results[index] = result
        $0.done += 1
        progress($0.done)
      }
    }
    var predictions: [PointPrediction] = []
    var failures: [String] = []
    for (point, result) in zip(points, slots.withLock(\.results)) {
      switch result {
      case .success(let prediction): predictions.append(prediction)
      case .failure(let failure as RunFailure):
        failures.append("row `\(point.id)` is left out: \(failure.summary)")
      case .failure(let failure as UserError):
        failures.append("row `\(point.id)` is left out: \(failure.message)")
      case .failure(let failure): preconditionFailure("row `\(point.id)`: \(failure)")
      case nil: preconditionFailure("row `\(point.id)` was not simulated")
      }
    }
    return (predictions, failures)
  }

  /// Simulates one point.
  static func predict(_ point: ServingPoint, model: BackendModel) throws -> PointPrediction {
    let gpus = point.tensorParallel
    let kvCache = model.kvCache(point)
    var device = point.device
    // Data sheets say GB where drivers report GiB: aiconfigurator's system files have
    // 85,899,345,920 bytes for an H100, 141 GiB for an H200 and 180 GiB for a B200.
    if device.memoryEvidence == .nominal {
      device.memoryBytes = Int(Double(point.device.memoryBytes) / 1e9 * Double(1 << 30))
    }
    let budget = try KVBudget(
      model: point.model, device: device, tensorParallel: gpus, utilization: model.utilization,
      tokenBudget: min(model.tokenBudget, 8192), blockSize: 16, weights: point.weights,
      kvCache: kvCache, logits: .sampled(sequences: 256))
    var deployment = PricedDeployment(
      model: point.model, device: point.device, blockBytes: budget.blockBytes)
    deployment.tensorParallel = gpus
    deployment.weights = point.weights
    deployment.kvCache = kvCache
    deployment.overheads = model.overheads
    let requests = requests(of: point, model: model)
    var settings = EngineSettings(
      blockSize: 16, deviceBlocks: budget.blocks, maxSequences: model.maxSequences,
      maxBatchedTokens: model.chunkedPrefill && model.system == .vllmV1
        ? model.tokenBudget : max(model.tokenBudget, point.promptTokens + point.outputTokens),
      maxModelLength: point.promptTokens + point.outputTokens)
    settings.v1.chunkedPrefill = model.chunkedPrefill
    let contents = contents(of: requests, point, model)
    settings.v1.prefixCaching = contents != nil
    settings.vllm02 = VLLM02Options(.v020)
    let costModel = try KernelCostModel(deployment)
    let record = try model.system.serve(
      requests, settings: settings, executor: PointExecutor(costModel: costModel),
      oversized: .fail, contents: contents, maxConcurrency: point.concurrency,
      frontEnd: model.frontEnd)
    var ttft = 0.0
    var tpot = 0.0
    var count = 0.0
    for (request, milestones) in zip(record.requests, record.milestones) {
      guard let first = milestones.firstToken, let finish = milestones.finish else { continue }
      ttft += (first - request.arrival).seconds
      tpot += (finish - first).seconds / Double(max(request.outputTokens - 1, 1))
      count += 1
    }
    return PointPrediction(
      point: point, ttft: ttft / count * 1e3 + model.requestMilliseconds,
      tpot: tpot / count * 1e3, blocks: budget.blocks, prices: costModel.profile)
  }

  /// Prompts taken in turn from a limited set, where a campaign repeats them; `nil` elsewhere.
  private static func contents(
    of requests: [Request], _ point: ServingPoint, _ model: BackendModel
  ) -> PromptContents? {
    guard model.repeatedPrompts > 0, model.system == .vllmV1 else { return nil }
    var contents = PromptContents()
    for (index, request) in requests.enumerated() {
      let stream = Int64(index % model.repeatedPrompts)
      contents.append([
        TokenPiece(stream: stream, start: 0, count: request.promptTokens)
      ])
    }
    return contents
  }

  /// The clients' requests: of one length, or drawn evenly up to it.
  private static func requests(of point: ServingPoint, model: BackendModel) -> [Request] {
    let jitter = model.jitter
    var draws = RandomStream(seed: 0, label: "lengths \(point.id)")
    func length(_ nominal: Int) -> Int32 {
      let drawn = Double(nominal) * (1 - jitter * draws.uniform())
      return Int32(max(1, drawn.rounded()))
    }
    return (0..<point.concurrency * model.roundsPerClient).map { _ in
      Request(promptTokens: length(point.promptTokens), outputTokens: length(point.outputTokens))
    }
  }
}

/// Prices plans by the cost model.
struct PointExecutor: PlanPricer {
  let costModel: KernelCostModel

  mutating func execute(_ plan: IterationPlan) -> SimDuration {
    costModel.duration(of: plan.shape)
  }
}
