import ArgumentParser
import Messages
import Metrics
import Planning
import Results
import Serving
import Workload

/// `kvplan compare`: one trace through several systems at several rates.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Replay one trace through several serving systems, or managers of KV memory.",
    discussion: """
      Every system at every rate serves the same requests at the same times, on all cores. A flag \
      that only some systems have applies to those of them that are compared.

      EXAMPLE
        kvplan compare traces/sharegpt.csv \\
          --systems vllm-sosp23,vllm-v1,orca-max \\
          --model opt-13b --device a100-40gb \\
          --request-rate 0.5,1,2 --num-prompts 1000
        kvplan compare traces/sharegpt.csv --memory all \\
          --model gemma-3-27b --device h100-sxm --num-prompts 2000
      """)

  @Argument(
    help: "Trace: CSV, plain or gzip; `-` reads standard input.", completion: Completions.trace)
  var trace: String

  @Option(
    help: "Serving systems, comma-separated; `kvplan catalog systems` lists them.",
    completion: Completions.systemsByComma)
  var systems = ServingSystem.comparison.map(\.name).joined(separator: ",")

  @Option(
    help: """
      Poisson arrivals, requests per second, comma-separated, in place of the trace's own; \
      `inf` for all at once.
      """)
  var requestRate: String?

  @Option(
    help: ArgumentHelp(
      """
      Compare managers of KV memory in place of systems, at equal bytes under one scheduler: `all`, or some by commas \
      (\(MemoryManager.all.map(\.name).joined(separator: ", "))). Requests come all at once unless a rate is given.
      """, valueName: "managers"))
  var memory: String?

  @Option(
    help: """
      Tokens of a sequence that rules keep which drop tokens; with `--memory` only (default: 2048).
      """)
  var kvCap: Int?

  @OptionGroup(title: "Replicas") var fleet: FleetOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup(title: "Reading the trace") var reading: TraceReadArguments
  @OptionGroup(title: "Results") var results: OutputOptions

  @Flag(help: "Print the table as LaTeX, for the package booktabs.")
  var latex = false

  func run() throws {
    if let memory { return try compare(memory: memory) }
    guard kvCap == nil else {
      throw UserError(
        "`--kv-cap` belongs to managers of KV memory", hint: "add `--memory all`, or leave it out")
    }
    guard !latex || results.format == .table else {
      throw UserError(
        "`--latex` is a table, and `--format \(results.format.rawValue)` is none",
        hint: "leave out one of them")
    }
    guard !systems.isEmpty else { throw UserError("`--systems` names no system") }
    let systems = try systems.split(separator: ",", omittingEmptySubsequences: false).map {
      try ServingSystem.find($0.trimmingPrefix(while: \.isWhitespace).description)
    }
    if let twice = systems.indices.first(where: { index in
      systems[..<index].contains { $0.name == systems[index].name }
    }) {
      throw UserError("`--systems` names `\(systems[twice].name)` twice", hint: "name each once")
    }
    try engine.releases()?.require(systems)
    let scenarios = try rates().flatMap { rate in
      try systems.map { try engine.scenario(system: $0, requestRate: rate) }
    }.keepingFlagsOfTheirSystems()
    let deployments = try scenarios.map { try fleet.deployment(of: $0) }
    let run = try ResultsRun(results, count: deployments.count)
    let trace = try reading.read(trace, seed: engine.workload.seed)
    let simulations = try Comparison.run(
      deployments, trace: trace, keepingRequests: run.keepsRequests
    ) { Terminal.progress($0, of: deployments.count) }.recorded(in: self.results)
    Terminal.warn(simulations.flatMap(\.warnings).uniqued)
    let results = simulations.map(\.result)
    try run.finish(results) {
      switch $0 {
      case .table where latex: CompareTable.latex(results.map(\.summary))
      case .table:
        CompareTable.rendered(results.map(\.summary), maxWidth: Terminal.width)
          + (ServedErrorText.table(results.map(\.summary), maxWidth: Terminal.width) ?? "")
      case .json: SummaryText.json(results.map(\.summary))
      case .csv: SummaryText.csv(results.map(\.summary))
      }
    }
  }

  /// The rates asked for; one `nil` where the trace's own arrivals are to be used.
  func rates() throws -> [Double?] {
    guard let requestRate else { return [nil] }
    return try RateList.read(requestRate)
  }
}

extension [String] {
  /// Each text once, at its first place.
  var uniqued: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}
