import Foundation
import Messages
import Planning
import Statistics

/// One acceptance of drafts, fitted to some runs of a server that drafts and tried on the others: what a benchmark does not
/// record, and what nothing else of a run depends on.
package struct AcceptanceFit: Sendable {
  /// Drafts by its configuration; its acceptance is what is looked for.
  package var scenario: Scenario
  package var runs: [ServerRun]
  /// Runs of at most so many clients are fitted.
  package var clientsFitted: Int

  package init(_ scenario: Scenario, runs: [ServerRun], clientsFitted: Int) {
    self.scenario = scenario
    self.runs = runs
    self.clientsFitted = clientsFitted
  }

  /// What the fit gives.
  package struct Answer: Sendable {
    /// Share of drafts behind accepted ones that are accepted, the same at each position.
    package var share: Double
    package var fitted: [ServerCalibration.Prediction]
    package var tried: [ServerCalibration.Prediction]
  }

  /// What the fit looks at, and what it is held to.
  package static let quantities = [ServerRun.Quantity.throughput, .tpot]

  /// Steps of the search: 0.1 to begin with, halved to a share of 0.003.
  private static let (step, halvings) = (0.1, 5)

  /// Simulations that it takes, about.
  package var simulationsExpected: Int {
    runs.count { isFitted($0) } * 2 * (Self.halvings + 3) + runs.count
  }

  private func isFitted(_ run: ServerRun) -> Bool {
    run.clients.map { $0 <= clientsFitted } ?? false
  }

  /// - Throws: ``UserError`` for a scenario that is not valid, an acceptance that is given, and where no run is fitted.
  package func run() throws -> Answer {
    guard scenario.draftTokens > 0 else {
      throw UserError(
        "no tokens are drafted: there is no acceptance to fit",
        hint: "add `--speculative-config '{\"method\": \"eagle3\", \"num_speculative_tokens\": 1}'`"
      )
    }
    guard scenario.acceptance == nil else {
      throw UserError(
        "`--acceptance` is what is fitted",
        hint: "leave it out; `kvplan validate server` takes one that is known")
    }
    let (few, many) = (runs.filter(isFitted), runs.filter { !isFitted($0) })
    guard !few.isEmpty else {
      throw UserError(
        "no run has at most \(clientsFitted) clients: there is nothing to fit",
        hint: "raise `--fit-clients`")
    }
    let prices = PriceSource.shared(PreparedPrices())
    func predictions(
      _ runs: [ServerRun], _ share: Double
    ) throws -> [ServerCalibration.Prediction] {
      var scenario = scenario
      scenario.acceptance = .geometric(share)
      return try ServerCalibration.predictions(runs, by: scenario, prices: prices)
    }
    let search = PatternSearch(
      [.init(start: 0.5, step: Self.step, least: 0)], halvings: Self.halvings)
    let share = try search.minimum { tried in
      tried[0] > 1 ? .infinity : Self.loss(try predictions(few, tried[0]))
    }[0]
    return Answer(
      share: share, fitted: try predictions(few, share), tried: try predictions(many, share))
  }

  /// The mean square of the logarithm of predicted over measured.
  static func loss(_ predictions: [ServerCalibration.Prediction]) -> Double {
    let errors = predictions.flatMap { prediction in quantities.compactMap(prediction.error) }
    let squares = errors.map { error in
      let logarithm = log(max(1 + error, 1e-9))
      return logarithm * logarithm
    }
    return squares.reduce(0, +) / Double(max(squares.count, 1))
  }
}
