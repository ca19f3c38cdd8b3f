import Fleet
import Messages
import Planning
import Results
import Serving
import Workload

/// `kvplan compare --memory`: one trace through managers of KV memory.
extension CompareCommand {
  /// Settings that decide the pool, the prices or the requests; the others belong to engines that are not compared here.
  private static let memorySettings: Set = [
    "system", "model", "device", "device-profile", "tensor-parallel-size",
    "pipeline-parallel-size", "enable-expert-parallel", "expert-skew", "quantization",
    "kv-cache-dtype", "device-memory", "block-size", "gpu-memory-utilization",
    "kv-cache-memory-bytes",
    "enforce-eager", "max-cudagraph-capture-size", "num-gpu-blocks-override", "max-num-seqs",
    "max-num-batched-tokens", "max-model-len", "hf-overrides", "engine-release",
    "engine-overheads", "request-rate", "num-prompts", "first", "seed",
  ]

  func compare(memory: String) throws {
    let managers = try MemoryManager.find(memory)
    try requireNothingElse()
    let rates = try rates()
    guard rates.count == 1 else {
      throw UserError(
        "`--memory` compares managers at one rate, found \(rates.count)",
        hint: "give `--request-rate` one number, or leave it out for all requests at once")
    }
    let scenario = try engine.scenario(system: .vllmV1, requestRate: rates[0])
    for setting in ScenarioSetting.all
    where !Self.memorySettings.contains(setting.name) && setting.isSet(scenario) {
      throw UserError(
        "`--\(setting.name)` belongs to an engine: `--memory` serves every manager with one scheduler",
        hint: "leave it out, or compare `--systems`")
    }
    let output = try PlanOutput(results.format, output: results.output)
    let trace = try reading.read(trace, seed: engine.workload.seed)
    let count = managers.count
    let comparison = try MemoryComparison(
      scenario, managers: managers, trace: trace, capTokens: kvCap
    ) { Terminal.progress($0, of: count) }
    Terminal.warn(comparison.warnings)
    try output.finish(MemoryReport(comparison, scenario))
  }

  /// Refuses what has no meaning for managers.
  private func requireNothingElse() throws(UserError) {
    let asked: [(flag: String, isGiven: Bool)] = [
      ("--systems", systems != ServingSystem.comparison.map(\.name).joined(separator: ",")),
      ("--replicas", fleet.replicas.replicas != 1), ("--replica", !fleet.replicas.replica.isEmpty),
      ("--router", fleet.router != nil),
      ("--router-load-period", fleet.routerLoadPeriod != nil),
      ("--fail", !fleet.failures.fail.isEmpty), ("--mtbf", fleet.failures.mtbf != nil),
      ("--files", results.files != nil),
      ("--figure", !results.figures.figure.isEmpty),
      ("--latex", latex),
    ]
    guard let first = asked.first(where: \.isGiven) else { return }
    throw UserError(
      "`\(first.flag)` has no place beside `--memory`, which compares managers on one replica",
      hint: "leave out one of them")
  }
}
