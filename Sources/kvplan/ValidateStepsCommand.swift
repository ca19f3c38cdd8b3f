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
      The engine's own overheads are those that `validate points` was fitted with. With `--closed-loops` \
      the clients whose steps these are send the file's prompts to the simulated engine instead, and the \
      requests in a step stand beside each other; outputs are one mean of all loops, taken from the file.

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

  @Flag(help: "Serve the file's closed loops again, and compare the requests in a step.")
  var closedLoops = false

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    var scenario = try engine.scenario(system: ServingSystem.today, requestRate: nil)
    let model = BackendModel.newest(backend, on: scenario.device)
    scenario.system = model.system
    scenario.engineOverheads = .given(model.overheads)
    if closedLoops { return try compareLoops(scenario) }
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

  private func compareLoops(_ scenario: Scenario) throws {
    let loops = try StepLoop.read(path: file)
    let meanOutput = StepLoop.meanOutput(loops)
    let predictions = try loops.map { try $0.predict(scenario, meanOutput: meanOutput) }
    let errors = zip(loops, predictions).map { $1.running / $0.running - 1 }
    let rows = loops.indices.map { index in
      let (loop, predicted) = (loops[index], predictions[index])
      return [
        "\(loop.clients)", "\(loop.prompts.count)", "\(loop.steps)",
        Digits.fixed(loop.running, decimals: 2), Digits.fixed(predicted.running, decimals: 2),
        Digits.fixed(errors[index] * 100, decimals: 1), Digits.fixed(loop.seconds, decimals: 0),
        Digits.fixed(predicted.seconds, decimals: 0),
      ]
    }
    let table = CatalogTable(
      columns: [
        ("clients", .count), ("requests", .count), ("steps", .count), ("measured_running", .count),
        ("predicted_running", .count), ("error_percent", .count), ("measured_s", .count),
        ("predicted_s", .count),
      ],
      rows: rows)
    Terminal.write(table.rendered(format))
    let worst = errors.map { abs($0) }.max() ?? 0
    Terminal.say(
      "outputs of \(Digits.fixed(meanOutput, decimals: 1)) tokens in the mean; requests in a step within "
        + "\(Digits.fixed(worst * 100, decimals: 1)) %")
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
