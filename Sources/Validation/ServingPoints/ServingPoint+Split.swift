import CostModel
import Messages

extension ServingPoint {
  /// Workers that prefill, and workers that decode what those hand over.
  package struct Split: Equatable, Sendable {
    package var prefill: Pool
    package var decode: Pool

    /// Ranks of both pools are multiples of this, so that an equal share of all is simulated.
    var shares: Int {
      func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
      return divisor(prefill.ranks, decode.ranks)
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

  /// Holds out every second curve, in the order of their first points.
  static func holdOut(_ points: inout [ServingPoint]) {
    struct Curve: Hashable {
      var names: [String]
      var numbers: [Int]
    }
    var curves: [Curve: Int] = [:]
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
      let number = curves[curve] ?? curves.count
      curves[curve] = number
      points[index].isHeldOut = number % 2 == 1
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
