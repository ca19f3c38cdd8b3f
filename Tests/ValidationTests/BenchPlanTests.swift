import CostModel
import Planning
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Validation

/// The runs that are planned are enough: a server whose residuals are known, measured there with noise, is calibrated and
/// then predicted elsewhere within the target.
@Suite struct BenchPlanTests {
  private let prices = PriceSource.shared(PreparedPrices())

  private func scenario() throws -> Scenario {
    Scenario(
      system: .today, model: try ModelCatalogue.find("llama-3.1-8b"),
      device: try DeviceCatalogue.find("h100-sxm"))
  }

  private func plan(target: Double, noise: Double = 0.03) throws -> BenchPlan.Answer {
    try BenchPlan(
      scenario(), promptTokens: 256, outputTokens: 16, clients: 1...16, target: target,
      noise: noise
    ).run()
  }

  /// The server, 1.5 ms slower in each iteration, 6 ms in each answer, 15 % in prompts.
  private func server(_ run: ServerRun) throws -> [ServerRun.Quantity: Double] {
    let scenario = try scenario()
    var residuals = ServerProfile.Residuals(scenario.releaseOverheads)
    residuals.iterationSeconds += 1.5e-3
    residuals.answerSeconds += 6e-3
    residuals.promptScale += 0.15
    return try ServerCalibration(scenario, runs: [], name: "true")
      .predictions([run], residuals, prices: prices)[0].values
  }

  @Test(arguments: 0..<2 as Range<UInt64>)
  func whatIsPlannedCalibratesWithinTheTarget(seed: UInt64) throws {
    let answer = try plan(target: 0.05)
    #expect(answer.isReached)
    #expect(answer.errorBefore > 0.05)
    var chance = RandomStream(seed: seed, label: "noise")
    let runs = try answer.steps.map { step in
      var run = step.run
      // Evenly drawn, with a standard deviation of 3 %, in the order of the quantities.
      let exact = try server(run)
      for quantity in ServerRun.Quantity.allCases {
        let drawn = 1 + 0.052 * (2 * chance.uniform() - 1)
        run.measured[quantity] = exact[quantity].map { $0 * drawn }
      }
      return run
    }
    let profile = try ServerCalibration(scenario(), runs: runs, name: "fitted").run().profile
    var fitted = try scenario()
    fitted.engineOverheads = .server(profile)
    var squares: [Double] = []
    for clients in [1, 3, 12] {
      let run = ServerRun(
        name: "c\(clients)", arrivals: .clients, clients: clients,
        requests: Array(
          repeating: Request(promptTokens: 256, outputTokens: 16), count: clients * 10),
        measured: [:])
      let predicted = try run.predicted(by: fitted, prices: prices).values
      for (quantity, value) in try server(run) {
        let error = (predicted[quantity] ?? 0) / value - 1
        // The target is a standard deviation.
        #expect(abs(error) < 2 * 0.05, "\(quantity) of \(run.name)")
        squares.append(error * error)
      }
    }
    #expect((squares.reduce(0, +) / Double(squares.count)).squareRoot() < 0.05)
  }

  /// More is known after each run, and a stricter target takes no fewer.
  @Test func eachRunTeaches() throws {
    let (loose, strict) = (try plan(target: 0.05), try plan(target: 0.02))
    #expect(loose.steps.count <= strict.steps.count)
    #expect(strict.steps[0].run.clients == 16)
    let errors = [strict.errorBefore] + strict.steps.map(\.expectedError)
    #expect(errors == errors.sorted(by: >))
    #expect(try !plan(target: 0.0001).isReached)
  }
}
