import Fleet
import Planning
import Serving
import SimulationKernel
import Workload

extension PointPrediction {
  /// Simulates a point whose workers prefill and decode apart: an equal share of them, with as large a share of its
  /// clients.
  ///
  /// The scheduler is that of `vllm-v1` for every engine, with the overheads, kernels, chunks and pools of the engine that was
  /// measured: others are not simulated with prefill and decode apart. Of a worker that prefills, ranks of attention data
  /// parallelism step together, so that a lone prompt has the experts of all to itself; of one that decodes, where ranks
  /// have about as much to do as each other, each is a replica that is priced as if the others did the same.
  static func predict(
    _ point: ServingPoint, _ split: ServingPoint.Split, model: BackendModel, prices: PriceSource
  ) throws -> PointPrediction {
    var model = model
    model.system = .vllmV1
    let shares = split.shares
    let clients = (point.concurrency + shares - 1) / shares
    func group(_ role: ReplicaRole, _ pool: ServingPoint.Pool) throws -> Deployment.Group {
      var scenario = try model.scenario(of: point.of(pool))
      scenario.simulatesOneRank = role == .decode
      scenario.maxConcurrency = clients
      scenario.prefixCaching = false
      let recipe = point.recipe
      if role == .decode {
        scenario.maxSequences =
          recipe?.decodeSequences ?? min(model.maxSequences, split.decodeSequences)
      } else {
        if let tokens = recipe?.prefillTokens {
          scenario.maxBatchedTokens = tokens
          scenario.chunkedPrefill = true
        }
        if let sequences = recipe?.prefillSequences { scenario.maxSequences = sequences }
      }
      if let pool = role == .decode ? recipe?.decodePool : recipe?.prefillPool {
        scenario.deviceBlocksOverride = min(
          scenario.deviceBlocksOverride ?? .max, pool / scenario.blockSize)
      }
      let replicas = role == .decode ? pool.ranks : pool.workers
      var group = Deployment.Group(scenario, count: replicas / shares)
      group.role = role
      return group
    }
    var deployment = Deployment(
      groups: [try group(.prefill, split.prefill), try group(.decode, split.decode)],
      router: .leastOutstanding)
    // GPUs of a worker that prefills have a network card each, and send side by side.
    let cards = split.prefill.gpus
    deployment.link = KVLink(
      latency: SimDuration(rounding: model.transferMilliseconds / 1e3),
      bandwidth: model.transferGBps * 1e9 * Double(cards))
    let prepared = try PreparedDeployment(deployment, prices: prices)
    let trace = Trace(
      name: point.id, requests: requests(of: point, clients: clients, model: model),
      hasArrivals: false)
    var warnings: [String] = []
    let served = try deployment.groups[1].scenario.prepared(trace, warnings: &warnings)
    let record = try prepared.record(of: served, seed: 0, frontEnd: model.frontEnd)
    return PointPrediction(point, record, model, prepared.resolved[1])
  }
}
