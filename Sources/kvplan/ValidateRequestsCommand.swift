import ArgumentParser
import CostModel
import Messages
import Planning
import Results
import Serving
import Validation

/// `kvplan validate requests`.
struct ValidateRequestsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "requests",
    abstract: "Replay a measured run request by request and compare latencies.",
    discussion: """
      EXAMPLE
        kvplan validate requests requests.csv.gz --system vllm-v1 --model llama-3.1-8b \\
          --device rtx-pro-6000 --max-num-seqs 128 --max-num-batched-tokens 2048 \\
          --gpu-memory-utilization 0.9
      """)

  @Argument(help: "File in the layout of LLMServingSim's requests, plain or gzip.")
  var file: String

  @Option(
    help: "Serving system; `kvplan catalog systems` lists them.", completion: Completions.system)
  var system = ServingSystem.today.name

  @OptionGroup var engine: EngineOptions

  @Option(
    name: .customLong("engine-parameter"),
    help: """
      Parameter of the engine in place of the fitted one, as `vllm.iteration_us=300`; may be repeated.
      """)
  var parameters: [String] = []

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let replay = try RequestReplay(path: file)
    let system = try ServingSystem.find(system)
    var scenario = try engine.scenario(system: system, requestRate: nil)
    var model = BackendModel.vllmAsync
    if scenario.engineOverheads == .kernelsOnly { model.overheads = .none }
    scenario.engineOverheads = .given(
      try EngineParameters(parameters).applied(to: model, .vllm).overheads)
    // Settings of the load are checked like all others, and then give way to what was measured: every
    // request is served, when and as often as it was.
    _ = try scenario.resolved(prices: .none)
    scenario.oversized = .fail
    scenario.maxConcurrency = nil
    scenario.warmups = 0
    let resolved = try scenario.resolved()
    guard resolved.costModel is KernelCostModel else {
      throw UserError(
        "measured requests are compared on devices of today, without pipeline stages",
        hint: "leave out `--pipeline-parallel-size`, and `@2023` from `--device`")
    }
    let predicted = try replay.predicted(resolved)
    let prices = resolved.costModel.profile
    Terminal.say("prices: \(prices.name) (\(prices.error))")
    Terminal.write(Self.rendered(measured: replay.measured, predicted: predicted, format))
  }

  /// Name and unit of each figure with its measured and predicted value.
  private static func figures(
    _ measured: RequestReplay.Outcome, _ predicted: RequestReplay.Outcome
  ) -> [(name: String, measured: Double, predicted: Double)] {
    func statistics(
      _ quantity: String, _ path: KeyPath<RequestReplay.Outcome, RequestReplay.Statistics>
    ) -> [(name: String, measured: Double, predicted: Double)] {
      let (a, b) = (measured[keyPath: path], predicted[keyPath: path])
      return [
        ("mean_\(quantity)_ms", a.mean, b.mean), ("p50_\(quantity)_ms", a.p50, b.p50),
        ("p90_\(quantity)_ms", a.p90, b.p90), ("p99_\(quantity)_ms", a.p99, b.p99),
      ]
    }
    return statistics("ttft", \.ttft) + statistics("tpot", \.tpot) + statistics("e2el", \.e2el)
      + [("makespan_s", measured.makespan, predicted.makespan)]
  }

  static func rendered(
    measured: RequestReplay.Outcome, predicted: RequestReplay.Outcome, _ format: OutputFormat
  ) -> String {
    let figures = figures(measured, predicted)
    switch format {
    case .table:
      var table = TextTable([
        .init("figure", .left), .init("measured"), .init("predicted"), .init("error %"),
      ])
      table.rows = figures.map { figure in
        [
          figure.name, Digits.fixed(figure.measured, decimals: 2),
          Digits.fixed(figure.predicted, decimals: 2),
          Digits.fixed((figure.predicted / figure.measured - 1) * 100, decimals: 2),
        ]
      }
      return table.rendered()
    case .csv:
      return "figure,measured,predicted\n"
        + figures.map { figure in
          let measured = Digits.fixed(figure.measured, decimals: 4)
          return "\(figure.name),\(measured),\(Digits.fixed(figure.predicted, decimals: 4))\n"
        }.joined()
    case .json:
      return JSONValue.object(
        figures.map { .init("measured_\($0.name)", .real($0.measured)) }
          + figures.map { .init("predicted_\($0.name)", .real($0.predicted)) }
      ).recorded.indented + "\n"
    }
  }
}
