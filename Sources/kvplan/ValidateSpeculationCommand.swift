import ArgumentParser
import Messages
import Planning
import Results
import Serving
import Validation

/// `kvplan validate speculation`.
struct ValidateSpeculationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speculation",
    abstract: "Fit one acceptance of drafts on a server's small batches, and try it on the others.",
    discussion: """
      Benchmarks seldom record how many drafts were accepted. One share, the same at every position, is fitted \
      to throughput and TPOT of the runs with few clients; all runs are predicted with it. The prices are those of \
      `--engine-overheads`, best a profile of the same server without drafts.

      EXAMPLE
        kvplan validate speculation eagle.csv --model gpt-oss-120b --device h200-sxm \\
          --engine-release 0.22 --engine-overheads my-server.json \\
          --speculative-config '{"method": "eagle3", "num_speculative_tokens": 1}'
      """)

  @OptionGroup var files: ServerResultOptions

  @Option(help: "Runs of at most so many clients are fitted, the others tried.")
  var fitClients = 8

  @Option(help: "Serving system; `kvplan catalog systems` lists them.")
  var system = ServingSystem.today.name

  @OptionGroup var engine: EngineOptions

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let scenario = try engine.scenario(
      system: try ServingSystem.find(system), requestRate: nil)
    let runs = try files.read(of: scenario)
    let fit = AcceptanceFit(scenario, runs: runs, clientsFitted: fitClients)
    let progress = ProgressLine(simulations: fit.simulationsExpected)
    let answer = try fit.run()
    progress.finish()
    Terminal.write(Self.table(answer).rendered(format))
    let length = try Acceptance.geometric(answer.share).cumulative(scenario.draftTokens)
      .reduce(1, +)
    Terminal.say(
      "fitted: --acceptance geometric:\(Digits.fixed(answer.share, decimals: 4)), "
        + "\(Digits.fixed(length, decimals: 2)) tokens of a verification")
    for (name, predictions) in [("fitted", answer.fitted), ("tried", answer.tried)] {
      Terminal.say("\(name): \(Self.errors(predictions))")
    }
  }

  private static func table(_ answer: AcceptanceFit.Answer) -> CatalogTable {
    let rows = [("fitted", answer.fitted), ("tried", answer.tried)].flatMap { set, predictions in
      predictions.flatMap { prediction in
        ServerRun.Quantity.allCases.compactMap { quantity -> [String]? in
          guard let measured = prediction.run.measured[quantity],
            let predicted = prediction.values[quantity]
          else { return nil }
          return [
            prediction.run.name, prediction.run.load, set, quantity.column,
            Digits.fixed(quantity.shown(measured), decimals: 3),
            Digits.fixed(quantity.shown(predicted), decimals: 3),
            Digits.fixed((predicted / measured - 1) * 100, decimals: 1),
          ]
        }
      }
    }
    return CatalogTable(
      columns: [
        ("run", .name), ("load", .name), ("set", .name), ("quantity", .name),
        ("measured", .count), ("predicted", .count), ("error_percent", .count),
      ], rows: rows)
  }

  /// Mean and largest absolute error of what is fitted and tried.
  private static func errors(_ predictions: [ServerCalibration.Prediction]) -> String {
    guard !predictions.isEmpty else { return "no runs" }
    let parts = AcceptanceFit.quantities.map { quantity in
      let errors = predictions.compactMap { $0.error(quantity) }.map { abs($0) * 100 }
      let mean = errors.reduce(0, +) / Double(max(errors.count, 1))
      return
        "\(quantity.column) \(Digits.fixed(mean, decimals: 1)) % (at most "
        + "\(Digits.fixed(errors.max() ?? 0, decimals: 1)))"
    }
    return "\(predictions.count) runs, |error| \(parts.joined(separator: ", "))"
  }
}
