import ArgumentParser
import CostModel
import Messages
import Planning
import Results
import Serving
import Validation

/// `kvplan validate steps`.
struct ValidateStepsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "steps",
    abstract: "Hold the price of decode iterations against steps that an engine logged.",
    discussion: """
      Decode steps with as many sequences and about the same context are taken together; the median \
      of their times stands beside the price. Steps right after a prompt carry its time and are left out. \
      The engine's own overheads are those that `validate points` was fitted with.

      EXAMPLE
        kvplan validate steps steps.csv.gz --engine sglang --model deepseek-r1 --device h200-sxm \\
          --tensor-parallel-size 8
      """)

  @Argument(
    help: "File with `kind`, `running`, `kv_tokens` and `step_ms_from_rate`, plain or gzip.")
  var file: String

  @Option(
    name: .customLong("engine"),
    help:
      "The engine whose overheads count: \(ServingPoint.Backend.allCases.map(\.rawValue).joined(separator: ", "))."
  )
  var backend: ServingPoint.Backend

  @OptionGroup var engine: EngineOptions

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    var scenario = try engine.scenario(system: ServingSystem.today, requestRate: nil)
    let model = BackendModel.newest(backend, on: scenario.device)
    scenario.system = model.system
    scenario.engineOverheads = .given(model.overheads)
    let resolved = try scenario.resolved()
    let times = try StepTimes(
      path: file, costModel: resolved.costModel, attendedMax: scenario.model.attendedMax)
    let prices = resolved.costModel.profile
    Terminal.say("prices: \(prices.name) (\(prices.error))")
    Terminal.write(Self.table(times).rendered(format))
    Terminal.say(
      "\(times.cells.reduce(0) { $0 + $1.steps }) steps: |error| \(Digits.fixed(times.medianError * 100, decimals: 1)) % in "
        + "the median; \(times.leftOut) decode steps are left out")
  }

  private static func table(_ times: StepTimes) -> CatalogTable {
    CatalogTable(
      columns: [
        ("running", .count), ("context_tokens", .count), ("steps", .count), ("measured_ms", .count),
        ("predicted_ms", .count), ("error_percent", .count),
      ],
      rows: times.cells.map { cell in
        [
          "\(cell.running)", "\(cell.contextTokens)", "\(cell.steps)",
          Digits.fixed(cell.measured, decimals: 3), Digits.fixed(cell.predicted, decimals: 3),
          Digits.fixed(cell.error * 100, decimals: 1),
        ]
      })
  }
}

extension ServingPoint.Backend: ExpressibleByArgument {}
