import ArgumentParser
import CostModel
import Foundation
import KVMemory
import Messages
import Planning
import Results
import Serving
import Workload

/// The settings of an engine and of a run that `simulate` and `compare` share, under vLLM's names where
/// vLLM has one.
struct EngineOptions: ParsableArguments, DeploymentOptions {
  @OptionGroup(title: "Model and device") var target: TargetOptions
  @OptionGroup(title: "Memory") var memory: MemoryOptions
  @OptionGroup(title: "Scheduler") var batch: BatchOptions
  @OptionGroup(title: "Model and device") var kernelPrices: KernelPriceOptions
  @OptionGroup(title: "Memory") var pool: PoolOptions
  @OptionGroup(title: "Scheduler") var scheduler: SchedulerOptions
  @OptionGroup(title: "Scheduler") var sglang: SGLangFlags
  @OptionGroup(title: "Workload") var workload: WorkloadOptions

  /// The scenario that these options ask for, with one system and one rate.
  func scenario(system: ServingSystem, requestRate: Double?) throws -> Scenario {
    var scenario = try self.scenario(system: system)
    scenario.deviceProfile = try kernelPrices.deviceProfile.map { try ProfileFile.read($0) }
    scenario.engineOverheads = try kernelPrices.overheads()
    try pool.apply(to: &scenario)
    try scheduler.apply(to: &scenario)
    try sglang.apply(to: &scenario)
    try workload.apply(to: &scenario)
    scenario.requestRate = requestRate
    return scenario
  }
}

/// The systems that have a setting, as help texts name them: `vllm-v1 only`.
func only(_ setting: String) -> String { "\(systems(of: setting)) only" }

/// The systems that have the setting of that name.
func systems(of setting: String, _ text: (ServingSystem) -> String = \.name) -> String {
  guard let row = ScenarioSetting.all.first(where: { $0.name == setting }) else {
    preconditionFailure("no setting `\(setting)`")
  }
  return row.systems.map(text).joined(separator: ", ")
}

extension ServingSystem {
  /// The system of that name.
  ///
  /// - Throws: ``UserError`` that names the nearest.
  static func find(_ name: String) throws -> ServingSystem {
    if let system = ServingSystem(named: name) { return system }
    if name.contains(",") {
      throw UserError(
        "`--system` takes one system, found `\(name)`", hint: "`kvplan compare` takes several")
    }
    throw UserError.unknown(
      "system", name, among: all.map(\.name) + ["vllm"], listedBy: "kvplan catalog systems")
  }
}

/// How results are printed on standard output.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument { case table, json, csv }

/// Where results go.
struct OutputOptions: ParsableArguments {
  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  @Option(
    help: """
      Folder for summary.csv, requests.csv, timeline.csv, report.html, kvplan.sqlite and figures.
      """)
  var output: String?

  @Option(
    help: """
      Which of these to write: some of `summary`, `requests`, `timeline`, `sqlite`, `report` and \
      `figures`, by commas (default: all).
      """)
  var files: String?

  @OptionGroup var figures: FigureOptions

  /// What is to be written.
  ///
  /// - Throws: `UserError` for a name that is none, and without a folder.
  func parts() throws -> Set<ResultPart> {
    guard let files else { return Set(ResultPart.allCases) }
    guard output != nil else {
      throw UserError(
        "`--files` says what to write, and nothing where", hint: "add `--output FOLDER`")
    }
    let names = files.split(separator: ",", omittingEmptySubsequences: false)
    return Set(
      try names.map { name in
        guard let part = ResultPart(rawValue: String(name)) else {
          throw UserError(
            "`--files` has an unknown file `\(name)`",
            hint:
              "choose of `summary`, `requests`, `timeline`, `sqlite`, `report` and `figures`, by commas"
          )
        }
        return part
      })
  }
}
