import CostModel
import Foundation
import Messages
import Planning
import Serving
import Statistics
import Workload

/// Residuals of a server, fitted to its own runs on top of the device's profile.
package struct ServerCalibration: Sendable {
  package var scenario: Scenario
  package var runs: [ServerRun]
  /// What results will call the profile.
  package var name: String

  package init(_ scenario: Scenario, runs: [ServerRun], name: String) {
    self.scenario = scenario
    self.runs = runs
    self.name = name
  }

  /// What runs were predicted to give: the residuals, and a prediction a run.
  package struct Prediction: Sendable {
    package var run: ServerRun
    package var values: [ServerRun.Quantity: Double]
    package var batched: Double

    /// Predicted ⁄ measured − 1; `nil` for what was not measured.
    package func error(_ quantity: ServerRun.Quantity) -> Double? {
      guard let measured = run.measured[quantity], let predicted = values[quantity] else {
        return nil
      }
      return predicted / measured - 1
    }
  }

  package struct Answer: Sendable {
    package var profile: ServerProfile
    /// Without the fit, with it, and each run by the others; the last is empty where there are fewer than three runs.
    package var before: [Prediction]
    package var after: [Prediction]
    package var leftOut: [Prediction]
    /// Names of the residuals that were fitted.
    package var fitted: [Residual]
    /// The run that would teach most: requests in flight in the widest gap between those that were seen, or beyond the
    /// most; `nil` where what was seen spans every batch up to the most sequences that may run.
    package var nextClients: Int?
  }

  /// A residual that can be fitted, by what it stands for.
  package enum Residual: String, CaseIterable, Sendable {
    case answer = "answer_ms"
    case iteration = "iteration_ms"
    case sequence = "sequence_us"
    case prompt = "prompt_scale"
    case kernels = "kernel_scale"

    var path: WritableKeyPath<ServerProfile.Residuals, Double> {
      switch self {
      case .answer: \.answerSeconds
      case .iteration: \.iterationSeconds
      case .sequence: \.sequenceSeconds
      case .prompt: \.promptScale
      case .kernels: \.kernelScale
      }
    }

    /// First step of the search, and the least value.
    var search: (step: Double, least: Double) {
      switch self {
      case .answer: (8e-3, 0)
      case .iteration: (0.8e-3, 0)
      case .sequence: (16e-6, 0)
      case .prompt: (0.2, 0.4)
      case .kernels: (0.2, 0.2)
      }
    }

    /// Its value in the unit of its name.
    package func shown(in residuals: ServerProfile.Residuals) -> Double {
      let value = residuals[keyPath: path]
      return switch self {
      case .answer, .iteration: value * 1e3
      case .sequence: value * 1e6
      case .prompt, .kernels: value
      }
    }
  }

  /// Residuals that so many runs can tell apart: one run the time of an iteration, and of an answer where a TTFT was
  /// measured; two also how long prompts take, and a sequence. Where the host works behind the device, no time of a
  /// sequence is seen, and the scale of all kernels is fitted in its place; on a device without a profile of its own that
  /// comes first. On a processor the scale of prompts is that of all arithmetic, and a sequence's time that of its attention
  /// beyond a roofline.
  static func residuals(
    runs: Int, hasFirst: Bool, isMeasured: Bool, hidesHost: Bool, isProcessor: Bool = false
  ) -> [Residual] {
    var residuals: [Residual] = isMeasured ? [.iteration] : [.kernels, .iteration]
    if hasFirst { residuals.append(.answer) }
    guard runs >= 2 else { return residuals }
    if isProcessor { return residuals + [.prompt, .sequence] }
    if hasFirst { residuals.append(.prompt) }
    if isMeasured { residuals.append(hidesHost ? .kernels : .sequence) }
    return residuals
  }

  /// Steps are halved so often, to a sixteenth: half a millisecond of an answer, 50 µs of an iteration.
  private static let halvings = 4

  /// Simulations that it takes, about: a fit tries four residuals up and down with every step, each time with all runs;
  /// and there is a fit more, with a run less, for each that is left out.
  package var simulationsExpected: Int {
    let evaluations = 2 * 4 * (Self.halvings + 3)
    return evaluations * (runs.count < 3 ? runs.count : runs.count * runs.count)
  }

  /// Fits, and tries each run with what the others give.
  ///
  /// - Throws: ``UserError`` for a scenario that is not valid or cannot serve a run.
  package func run() throws -> Answer {
    let prices = PriceSource.shared(PreparedPrices())
    var plain = scenario
    plain.maxConcurrency = nil
    let resolved = try plain.resolved(prices: prices)
    let residuals = Self.residuals(
      runs: runs.count,
      hasFirst: runs.contains { $0.measured[.ttft] != nil || $0.measured[.e2e] != nil },
      isMeasured: resolved.costModel.profile.isCalibrated,
      hidesHost: scenario.releaseOverheads.hidesHost,
      isProcessor: scenario.device.architecture == .cpu)
    let start = ServerProfile.Residuals(scenario.releaseOverheads)
    func fit(_ runs: [ServerRun]) throws -> ServerProfile.Residuals {
      let search = PatternSearch(
        residuals.map {
          .init(
            start: max(start[keyPath: $0.path], $0.search.least), step: $0.search.step,
            least: $0.search.least)
        }, halvings: Self.halvings)
      let found = try search.minimum {
        try loss(predictions(runs, with(residuals, $0, start), prices: prices))
      }
      return with(residuals, found, start)
    }
    let found = try fit(runs)
    let before = try predictions(runs, start, prices: prices)
    let after = try predictions(runs, found, prices: prices)
    var leftOut: [Prediction] = []
    if runs.count >= 3 {
      for index in runs.indices {
        var others = runs
        let run = others.remove(at: index)
        // From the start, not from what all taught: the run itself would come in otherwise.
        leftOut += try predictions([run], fit(others), prices: prices)
      }
    }
    let profile = ServerProfile(
      name: name, system: scenario.system.name, model: scenario.model.name,
      device: scenario.device.name, residuals: found, seen: seen(after),
      errors: Self.meanErrors(after), leftOutErrors: Self.meanErrors(leftOut))
    return Answer(
      profile: profile, before: before, after: after, leftOut: leftOut, fitted: residuals,
      nextClients: Self.nextClients(after, sequencesMax: resolved.settings.maxSequences))
  }

  private func with(
    _ residuals: [Residual], _ values: [Double], _ start: ServerProfile.Residuals
  ) -> ServerProfile.Residuals {
    var changed = start
    for (residual, value) in zip(residuals, values) { changed[keyPath: residual.path] = value }
    return changed
  }

  /// Simulates runs side by side.
  func predictions(
    _ runs: [ServerRun], _ residuals: ServerProfile.Residuals, prices: PriceSource
  ) throws -> [Prediction] {
    var scenario = scenario
    scenario.engineOverheads = .server(
      ServerProfile(
        name: name, system: scenario.system.name, model: scenario.model.name,
        device: scenario.device.name, residuals: residuals,
        seen: .init(promptTokens: 0...0, outputTokens: 0...0, batchedRequests: 0...0),
        errors: [:], leftOutErrors: [:]))
    return try Self.predictions(runs, by: scenario, prices: prices)
  }

  /// What a scenario gives for runs, without a fit.
  package static func predictions(
    _ runs: [ServerRun], by scenario: Scenario, prices: PriceSource
  ) throws -> [Prediction] {
    try Parallel.map(runs) { run in
      let outcome = try run.predicted(by: scenario, prices: prices)
      return Prediction(run: run, values: outcome.values, batched: outcome.batched)
    }
  }

  /// The mean square of the logarithm of predicted over measured: a half and a double count the same.
  private func loss(_ predictions: [Prediction]) throws -> Double {
    let errors = predictions.flatMap { prediction in
      ServerRun.Quantity.fitted.compactMap(prediction.error)
    }
    guard !errors.isEmpty else {
      throw UserError("nothing that was measured can be predicted")
    }
    let squares = errors.map { error in
      let logarithm = log(max(1 + error, 1e-9))
      return logarithm * logarithm
    }
    return squares.reduce(0, +) / Double(squares.count)
  }

  /// Mean absolute errors by quantity, as results name it.
  package static func meanErrors(_ predictions: [Prediction]) -> [String: Double] {
    var errors: [String: Double] = [:]
    for quantity in ServerRun.Quantity.allCases {
      let values = predictions.compactMap { $0.error(quantity) }.map(abs)
      guard !values.isEmpty else { continue }
      errors[quantity.column] = values.reduce(0, +) / Double(values.count)
    }
    return errors
  }

  private func seen(_ predictions: [Prediction]) -> ServerProfile.Seen {
    func range(_ values: [Double]) -> ClosedRange<Double> {
      (values.min() ?? 0)...(values.max() ?? 0)
    }
    func mean(_ run: ServerRun, _ length: (Int) -> Int32) -> Double {
      Double(run.requests.indices.reduce(0) { $0 + Int(length($1)) }) / Double(run.requests.count)
    }
    return ServerProfile.Seen(
      promptTokens: range(runs.map { run in mean(run) { run.requests[$0].promptTokens } }),
      outputTokens: range(runs.map { run in mean(run) { run.requests[$0].outputTokens } }),
      batchedRequests: range(predictions.map(\.batched)))
  }

  static func nextClients(_ predictions: [Prediction], sequencesMax: Int) -> Int? {
    let seen = predictions.map { max($0.batched, 1) }.sorted()
    guard let most = seen.last else { return nil }
    var (widest, clients) = (2.0, Int?.none)
    for (low, high) in zip([1] + seen, seen + [Double(sequencesMax)])
    where high / low > widest {
      widest = high / low
      clients =
        low == most
        ? min(Int((most * 4).rounded()), sequencesMax) : Int((low * high).squareRoot().rounded())
    }
    return clients
  }
}
