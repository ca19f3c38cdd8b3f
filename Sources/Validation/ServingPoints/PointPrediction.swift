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
    let prices = PriceSource.shared(PreparedPrices())
    DispatchQueue.concurrentPerform(iterations: points.count) { index in
      let result = Result {
        try predict(points[index], model: models(points[index]), prices: prices)
      }
      slots.withLock {
        $0.results[index] = result
        $0.done += 1
        progress($0.done)
      }
    }
    var predictions: [PointPrediction] = []
    var leftOut = LeftOutRows()
    for (point, result) in zip(points, slots.withLock(\.results)) {
      switch result {
      case .success(let prediction): predictions.append(prediction)
      case .failure(let failure as RunFailure):
        leftOut.add("`\(point.id)`", failure.summary)
      case .failure(let failure as UserError):
        leftOut.add("`\(point.id)`", failure.message)
      case .failure(let failure): preconditionFailure("row `\(point.id)`: \(failure)")
      case nil: preconditionFailure("row `\(point.id)` was not simulated")
      }
    }
    return (predictions, leftOut.lines { "row \($0) is left out: \($1)" })
  }

  /// Simulates one point as users simulate a scenario, through the front end of the measured server.
  static func predict(
    _ point: ServingPoint, model: BackendModel, prices: PriceSource
  ) throws -> PointPrediction {
    if let split = point.split { return try predict(point, split, model: model, prices: prices) }
    let requests = requests(of: point, clients: point.clients, model: model)
    let trace = Trace(
      name: point.id, requests: requests, hasArrivals: false,
      contents: contents(of: requests, point, model))
    var scenario = try model.scenario(of: point)
    if model.system.capabilities.hasPrefixCache { scenario.prefixCaching = trace.contents != nil }
    let resolved = try scenario.resolved(prices: prices)
    // There are no arrivals whose loss could be warned of.
    var warnings: [String] = []
    let record = try resolved.serve(
      try scenario.prepared(trace, warnings: &warnings), frontEnd: model.frontEnd)
    return PointPrediction(point, record, model, resolved)
  }

  /// Prompts taken in turn from a limited set, where a campaign repeats them; `nil` elsewhere.
  private static func contents(
    of requests: [Request], _ point: ServingPoint, _ model: BackendModel
  ) -> PromptContents? {
    guard model.repeatedPrompts > 0, model.system.capabilities.hasPrefixCache else { return nil }
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
  ///
  /// - Parameter clients: Those that are simulated.
  static func requests(
    of point: ServingPoint, clients: Int, model: BackendModel
  ) -> [Request] {
    let jitter = model.jitter
    var draws = RandomStream(seed: 0, label: "lengths \(point.id)")
    func length(_ nominal: Int) -> Int32 {
      let drawn = Double(nominal) * (1 - jitter * draws.uniform())
      return Int32(max(1, drawn.rounded()))
    }
    return (0..<clients * model.roundsPerClient).map { _ in
      Request(promptTokens: length(point.promptTokens), outputTokens: length(point.outputTokens))
    }
  }
}

extension PointPrediction {
  /// The means of a simulated point.
  ///
  /// - Parameter resolved: Of the replicas, or of those that decode.
  init(
    _ point: ServingPoint, _ record: RunRecord, _ model: BackendModel, _ resolved: ResolvedScenario
  ) {
    var ttft = 0.0
    var tpot = 0.0
    var count = 0.0
    for (request, milestones) in zip(record.requests, record.milestones) {
      guard let first = milestones.firstToken, let finish = milestones.finish else { continue }
      ttft += (first - request.arrival).seconds
      tpot += (finish - first).seconds / Double(max(request.outputTokens - 1, 1))
      count += 1
    }
    self.init(
      point: point, ttft: ttft / count * 1e3 + model.requestMilliseconds,
      tpot: tpot / count * 1e3, blocks: resolved.kvCapacity.blocks,
      prices: resolved.costModel.profile)
  }
}
