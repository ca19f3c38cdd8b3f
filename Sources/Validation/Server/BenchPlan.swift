import CostModel
import Foundation
import Messages
import Planning
import Serving
import Workload

/// The fewest runs of a load generator from which ``ServerCalibration`` tells a server well enough, chosen before any is
/// made.
///
/// What is measured of a run answers to the residuals by the slopes j of its logarithms, which simulations give. Before
/// any run, residuals are known to the first step of the calibration's search. Each measurement, known to ``noise``,
/// narrows what is known of them, P:
///
///     P ← P − (P j)(P j)ᵀ ⁄ (jᵀ P j + noise²)         expected error of a prediction: √(jᵀ P j)
///
/// The first run has the most clients, as a profile says nothing beyond twice what was seen; the next is always the
/// one after which the worst expected error over the operating range is least.
package struct BenchPlan: Sendable {
  package var scenario: Scenario
  /// Of each request.
  package var promptTokens: Int
  package var outputTokens: Int
  /// Requests in flight that predictions are wanted for.
  package var clients: ClosedRange<Int>
  /// The worst expected error to reach, as a share.
  package var target: Double
  /// How far a measurement lies from the best that residuals can say, as a share: one standard deviation.
  package var noise: Double

  package init(
    _ scenario: Scenario, promptTokens: Int, outputTokens: Int, clients: ClosedRange<Int>,
    target: Double, noise: Double
  ) {
    self.scenario = scenario
    self.promptTokens = promptTokens
    self.outputTokens = outputTokens
    self.clients = clients
    self.target = target
    self.noise = noise
  }

  /// A run to make, and what is expected then.
  package struct Step: Sendable {
    package var run: ServerRun
    /// How long it takes, by the simulation.
    package var seconds: Double
    /// The worst over the operating range, with this run and those before.
    package var expectedError: Double
  }

  package struct Answer: Sendable {
    /// Without any run.
    package var errorBefore: Double
    package var steps: [Step]
    package var isReached: Bool
  }

  /// More runs than anybody makes by hand.
  private static let runsMax = 12
  /// Shares of what the most clients get at which runs may be sent at a rate.
  private static let rateShares = [0.5, 0.8]

  /// - Throws: ``UserError`` for a scenario that is not valid or cannot serve the requests.
  package func run() throws -> Answer {
    let prices = PriceSource.shared(PreparedPrices())
    let closed = closedRuns
    let residuals = try residuals(prices)
    var candidates = try measured(closed, residuals, prices)
    guard let most = candidates.last, let throughput = most.values[.throughput] else {
      throw UserError("no request is finished with \(clients.upperBound) clients")
    }
    let wanted = candidates
    let rates = Self.rateShares.map { share in
      // Two digits are enough to type.
      let digits = pow(10, floor(log10(throughput * share)) - 1)
      let rate = (throughput * share / digits).rounded() * digits
      // As many as are in flight then, ten times.
      return run("r\(rate)", .poisson(rate), nil, count: Int(Double(clients.upperBound) * share))
    }
    candidates += try measured(rates, residuals, prices)
    var known = Known(residuals.map(\.search.step))
    var answer = Answer(errorBefore: known.worst(wanted), steps: [], isReached: false)
    while answer.steps.count < Self.runsMax && !answer.isReached {
      let tried = (answer.steps.isEmpty ? [most] : candidates).map { candidate in
        (candidate, known.taught(by: candidate, noise: noise))
      }
      guard let best = tried.min(by: { $0.1.worst(wanted) < $1.1.worst(wanted) }) else { break }
      known = best.1
      let error = known.worst(wanted)
      answer.steps.append(.init(run: best.0.run, seconds: best.0.seconds, expectedError: error))
      // One run tells two residuals only: the calibration fits the others from the second on.
      answer.isReached = error <= target && answer.steps.count > 1
    }
    return answer
  }

  /// Runs of clients that send as they are answered: the least, the most, and doubled in between.
  private var closedRuns: [ServerRun] {
    var counts: [Int] = []
    var count = clients.lowerBound
    while count < clients.upperBound {
      counts.append(count)
      count *= 2
    }
    return (counts + [clients.upperBound]).map { run("c\($0)", .clients, $0, count: $0) }
  }

  /// A run of ten requests for each that is in flight.
  private func run(
    _ name: String, _ arrivals: ServerRun.Arrivals, _ clients: Int?, count: Int
  ) -> ServerRun {
    ServerRun(
      name: name, arrivals: arrivals, clients: clients,
      requests: Array(
        repeating: Request(
          promptTokens: Int32(promptTokens), outputTokens: Int32(outputTokens)),
        count: max(count, 1) * 10),
      measured: [:])
  }

  private func residuals(_ prices: PriceSource) throws -> [ServerCalibration.Residual] {
    let resolved = try scenario.resolved(prices: prices)
    return ServerCalibration.residuals(
      runs: 2, hasFirst: true, isMeasured: resolved.costModel.profile.isCalibrated,
      hidesHost: scenario.releaseOverheads.hidesHost,
      isProcessor: scenario.device.architecture == .cpu)
  }

  /// Simulates runs at the start of the calibration's search, and beside it.
  private func measured(
    _ runs: [ServerRun], _ residuals: [ServerCalibration.Residual], _ prices: PriceSource
  ) throws -> [Candidate] {
    let calibration = ServerCalibration(scenario, runs: runs, name: "plan")
    let start = ServerProfile.Residuals(scenario.releaseOverheads)
    let base = try calibration.predictions(runs, start, prices: prices)
    var slopes = runs.map { _ in [[Double]](repeating: [], count: ServerRun.Quantity.fitted.count)
    }
    for residual in residuals {
      // Half a step: a whole one of a scale changes who waits for whom.
      let change = residual.search.step / 2
      var beside = start
      beside[keyPath: residual.path] += change
      let moved = try calibration.predictions(runs, beside, prices: prices)
      for (index, (from, to)) in zip(base, moved).enumerated() {
        for (place, quantity) in ServerRun.Quantity.fitted.enumerated() {
          guard let before = from.values[quantity], let after = to.values[quantity] else {
            continue
          }
          slopes[index][place].append(log(after / before) / change)
        }
      }
    }
    return zip(base, slopes).map { prediction, slopes in
      Candidate(
        run: prediction.run, values: prediction.values,
        slopes: slopes.filter { $0.count == residuals.count })
    }
  }
}

/// A run that may be made.
private struct Candidate {
  var run: ServerRun
  var values: [ServerRun.Quantity: Double]
  /// By quantity that is measured of it, then by residual: of the logarithm.
  var slopes: [[Double]]

  var seconds: Double { values[.throughput].map { Double(run.requests.count) / $0 } ?? 0 }
}

/// What is known of residuals: their covariance.
private struct Known {
  private var covariance: [[Double]]

  /// - Parameter deviations: Of each, independent of the others.
  init(_ deviations: [Double]) {
    covariance = deviations.indices.map { row in
      deviations.indices.map { row == $0 ? deviations[row] * deviations[row] : 0 }
    }
  }

  private func times(_ slopes: [Double]) -> [Double] {
    covariance.map { zip($0, slopes).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  private func variance(_ slopes: [Double]) -> Double {
    zip(times(slopes), slopes).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// What is known with all that is measured of a run.
  func taught(by candidate: Candidate, noise: Double) -> Known {
    var known = self
    for slopes in candidate.slopes {
      let gain = known.times(slopes)
      let total = known.variance(slopes) + noise * noise
      for row in gain.indices {
        for column in gain.indices {
          known.covariance[row][column] -= gain[row] * gain[column] / total
        }
      }
    }
    return known
  }

  /// The largest expected error of what is wanted, as a share.
  func worst(_ wanted: [Candidate]) -> Double {
    let largest = wanted.flatMap(\.slopes).map(variance).max() ?? 0
    return max(largest, 0).squareRoot()
  }
}
