import Messages
import Planning

/// Measured stages beside replayed ones.
package struct RouterComparison: Sendable {
  package struct Row: Sendable {
    package var measured: RouterMeasurement
    package var simulated: RouterReplay.Result

    package var throughputError: Double { simulated.throughput / measured.throughput - 1 }
    package var ttftError: Double { simulated.ttft / measured.ttft - 1 }
  }

  /// Measured TTFTs from which on no error is asked for, seconds: how long queues grow until a stage ends is told by its
  /// throughput.
  package static let ttftMax = 2.0
  /// Requests per second from which on the policies are put in order.
  package static let orderedFrom = 22.0

  /// In the order of the file, without those of all stages together.
  package let rows: [Row]

  /// Replays the stages under every policy of the file.
  ///
  /// - Throws: ``UserError`` for rows of unlike fleets, and a rate that no stage has.
  package init(
    _ measurements: [RouterMeasurement], _ stages: [RouterStage], server: RouterReplay.Server
  ) throws {
    let setting = measurements[0].setting
    guard measurements.allSatisfy({ $0.setting == setting }) else {
      throw UserError("the rows are of unlike fleets or prompts", hint: "give a file for each")
    }
    let rates = measurements.filter { $0.rate != nil }
    for row in rates where !stages.contains(where: { $0.rate == row.rate }) {
      throw UserError(
        "no stage has the rate \(row.rate ?? 0) of `\(row.policy.rawValue)`",
        hint: "give the stages of this benchmark with `--stages`")
    }
    let policies = RouterPolicy.allCases.filter { policy in rates.contains { $0.policy == policy } }
    let replay = RouterReplay(setting, stages, server: server)
    let results = try Parallel.map(policies) { try replay.results(of: $0) }
    rows = rates.map { measured in
      // A rate that comes twice was first sent to warm the caches up.
      let own = zip(policies, results).first { $0.0 == measured.policy }?.1 ?? []
      guard let simulated = own.last(where: { $0.stage.rate == measured.rate }) else {
        preconditionFailure("no stage of \(measured.rate ?? 0) req/s")
      }
      return Row(measured: measured, simulated: simulated)
    }
  }

  /// Rates from ``orderedFrom`` on that all policies were measured at, rising.
  package var orderedRates: [Double] {
    let all = Set(rows.compactMap(\.measured.rate)).filter { rate in
      rate >= Self.orderedFrom && RouterPolicy.allCases.allSatisfy { ttft($0, rate) != nil }
    }
    return all.sorted()
  }

  /// Whether the precise router's mean TTFT is below the estimate's, and that below both others'.
  package func isOrdered(_ rate: Double) -> Bool {
    guard let precise = ttft(.precise, rate), let estimated = ttft(.estimated, rate),
      let random = ttft(.random, rate), let load = ttft(.load, rate)
    else { return false }
    return precise < estimated && estimated < min(random, load)
  }

  /// How far the mean TTFTs of `random` and `load` are apart, as a share of the smaller.
  package func distance(_ rate: Double) -> Double {
    guard let random = ttft(.random, rate), let load = ttft(.load, rate) else { return .infinity }
    return max(random, load) / min(random, load) - 1
  }

  private func ttft(_ policy: RouterPolicy, _ rate: Double) -> Double? {
    rows.first { $0.measured.policy == policy && $0.measured.rate == rate }?.simulated.ttft
  }
}
