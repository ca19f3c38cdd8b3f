import CostModel
import Messages

extension ServingPoint {
  /// Workers that prefill, and workers that decode what those hand over.
  package struct Split: Equatable, Sendable {
    package var prefill: Pool
    package var decode: Pool
    /// Most sequences that a rank decodes at once.
    var decodeSequences = Int.max

    /// Workers that prefill and ranks that decode are multiples of this, so that an equal share of all is simulated.
    var shares: Int {
      func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
      return divisor(prefill.workers, decode.ranks)
    }

    /// The most sequences that a rank is started for, by its share of the most clients: the largest power of two, or three
    /// times one, that these reach. Others wait for a place.
    ///
    /// Read off published recipes of the campaign, which name the batch beside the clients (InferenceX: DeepSeek-R1 on
    /// TensorRT-LLM without drafts, B200 and B300 with 4 bits, B200 with 8): it is the batch of 30 of 37, and in three of
    /// the others nothing waits either way.
    static func batch(upTo clients: Int) -> Int {
      var power = 1
      while 2 * power <= clients { power *= 2 }
      return power >= 2 && power / 2 * 3 <= clients ? power / 2 * 3 : power
    }
  }

  /// Workers that are alike.
  package struct Pool: Equatable, Sendable {
    package var workers: Int
    package var tensorParallel: Int
    /// Attention data parallelism: groups of `tensorParallel` GPUs of a worker, each with requests of its own.
    package var dataParallel: Int
    /// GPUs of a worker that routed experts are spread over whole.
    package var expertParallel: Int

    /// Groups that have requests of their own, of all workers.
    package var ranks: Int { workers * dataParallel }

    /// Of a worker.
    var gpus: Int { tensorParallel * dataParallel }

    init(workers: Int, tensorParallel: Int, dataParallel: Int, expertParallel: Int) {
      self.workers = workers
      self.tensorParallel = tensorParallel
      self.dataParallel = dataParallel
      self.expertParallel = expertParallel
    }

    /// - Throws: ``UserError`` with file and line.
    init(_ table: MeasurementTable, _ row: Int, of role: String) throws {
      func size(_ column: String) throws -> Int {
        Int(try table.size("\(role)_\(column)", row))
      }
      workers = try size("num_workers")
      tensorParallel = try size("tp_size")
      dataParallel = try size("attention_dp_size")
      // 0 of layouts that say nothing of experts.
      expertParallel = max(1, Int(try table.number("\(role)_moe_ep_size", row)))
    }
  }

  /// The columns of a file whose points have workers that prefill and decode apart.
  static let splitColumns = ["prefill", "decode"].flatMap { role in
    ["num_workers", "tp_size", "pp_size", "attention_dp_size", "moe_ep_size"].map {
      "\(role)_\($0)"
    }
  }

  /// Holds out every second curve, in the order of their first points, and starts the servers of each for its most clients.
  static func sortIntoCurves(_ points: inout [ServingPoint]) {
    struct Curve: Hashable {
      var names: [String]
      var numbers: [Int]
    }
    var curves: [Curve: [Int]] = [:]
    var order: [Curve] = []
    for index in points.indices {
      let point = points[index]
      let pools = [point.split?.prefill, point.split?.decode].compactMap { $0 }
      let curve = Curve(
        names: [
          point.model.name, point.device.name, point.backend.rawValue, point.version,
          point.weights.rawValue,
        ],
        numbers: [point.promptTokens, point.outputTokens]
          + pools.flatMap { [$0.workers, $0.tensorParallel, $0.dataParallel, $0.expertParallel] })
      if curves[curve] == nil { order.append(curve) }
      curves[curve, default: []].append(index)
    }
    for (number, curve) in order.enumerated() {
      let members = curves[curve]!
      let most = members.map { points[$0].concurrency }.max()!
      for index in members {
        points[index].isHeldOut = number % 2 == 1
        guard points[index].campaign == .sweep, let split = points[index].split else { continue }
        points[index].split?.decodeSequences = Split.batch(upTo: most / split.decode.ranks)
      }
    }
  }

  /// Leaves out points that do not say how many clients there were: it decides both times.
  static func leaveOutGuesses(_ points: inout [ServingPoint], _ leftOut: inout LeftOutRows) {
    for point in points where !point.hasRecordedClients {
      leftOut.add("`\(point.id)`", "how many clients there were is not recorded")
    }
    points.removeAll { !$0.hasRecordedClients }
  }

  /// The point as one of ordinary servers that are the workers of a pool.
  func of(_ pool: Pool) -> ServingPoint {
    var point = self
    point.tensorParallel = pool.tensorParallel
    point.dataParallel = pool.dataParallel
    point.expertParallel = pool.expertParallel
    return point
  }
}
