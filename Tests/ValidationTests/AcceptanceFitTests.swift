import CostModel
import Messages
import Planning
import Serving
import Testing
import Workload

@testable import Validation

/// An acceptance that benchmarks do not record, found again.
@Suite struct AcceptanceFitTests {
  private func scenario() throws -> Scenario {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("llama-3.1-8b"),
      device: try DeviceCatalogue.find("h100-sxm"))
    scenario.maxModelLength = 2048
    try ScenarioSetting.find("speculative-config").change(
      #"{"method": "ngram", "num_speculative_tokens": 2}"#)(&scenario)
    return scenario
  }

  private func run(_ clients: Int) -> ServerRun {
    ServerRun(
      name: "\(clients)", arrivals: .clients, clients: clients,
      requests: (0..<4 * clients).map { _ in Request(promptTokens: 100, outputTokens: 150) },
      measured: [:])
  }

  /// What an acceptance of 0.6 gives, measured: the fit is within the step of its search, and nothing is off by more than
  /// what a share of 0.01 makes.
  @Test func theShareIsFoundAgain() throws {
    var known = try scenario()
    known.acceptance = .geometric(0.6)
    let runs = try [1, 2, 8].map { clients in
      var run = run(clients)
      run.measured = try run.predicted(by: known, prices: .own).values
      return run
    }
    let answer = try AcceptanceFit(try scenario(), runs: runs, clientsFitted: 2).run()
    #expect(abs(answer.share - 0.6) < 0.01, "\(answer.share)")
    #expect(answer.fitted.count == 2 && answer.tried.map(\.run.name) == ["8"])
    let error = try #require(answer.tried[0].error(.tpot))
    #expect(abs(error) < 0.01, "\(error)")
  }

  @Test func whatCannotBeFittedIsNamed() throws {
    func message(_ clients: Int, _ change: (inout Scenario) -> Void) throws -> String {
      var scenario = try scenario()
      change(&scenario)
      let error = try #require(throws: UserError.self) {
        _ = try AcceptanceFit(scenario, runs: [run(4)], clientsFitted: clients).run()
      }
      return error.message
    }
    #expect(
      try message(4) { $0.speculativeTokens = 0 }
        == "no tokens are drafted: there is no acceptance to fit")
    #expect(
      try message(4) { $0.acceptance = .geometric(0.5) } == "`--acceptance` is what is fitted")
    #expect(
      try message(2) { _ in } == "no run has at most 2 clients: there is nothing to fit")
  }
}
