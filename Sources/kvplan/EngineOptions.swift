import ArgumentParser
import CostModel
import Planning
import Serving
import SimulationKernel

/// The settings of an engine and of a run that `simulate` and `compare` share, under vLLM's names where
/// vLLM has one.
struct EngineOptions: ParsableArguments {
  @Option(help: "Model; `kvplan catalog models` lists them.")
  var model = "opt-13b"

  @Option(help: "Device; `kvplan catalog devices` lists them.")
  var device = "a100-40gb"

  @Option(help: "Device profile that `kvplan calibrate` wrote (default: the tool's own).")
  var deviceProfile: String?

  @Option(name: .customLong("tensor-parallel-size"), help: "GPUs that share the model.")
  var tensorParallel = 1

  @Option(help: "Token slots in a KV block.")
  var blockSize = 16

  @Option(
    help: """
      Share of the device's memory that the engine may use, in (0, 1] (default: the system's own).
      """)
  var gpuMemoryUtilization: Double?

  @Option(
    name: .customLong("num-gpu-blocks-override"),
    help: "KV blocks in the pool, in place of what the memory holds.")
  var deviceBlocks: Int?

  @Option(help: "Host memory for swapped blocks, GiB for each GPU (default: the system's own).")
  var swapSpace: Double?

  @Option(
    name: .customLong("max-num-seqs"),
    help: "Most sequences in one iteration (default: the system's own).")
  var maxSequences: Int?

  @Option(
    name: .customLong("max-num-batched-tokens"),
    help: "Most tokens in one iteration (default: the system's own).")
  var maxBatchedTokens: Int?

  @Option(
    name: .customLong("max-model-len"),
    help: "Longest sequence, prompt and output (default: the model's positions).")
  var maxModelLength: Int?

  @Option(help: "Preempt by `auto` (recompute one sequence, swap several) or always by `swap`.")
  var preemptionMode = PreemptionMode.automatic

  @Option(
    help: """
      Release of the engine: 0.2.0 or 0.2.7 of vllm-0.2, 0.10 or 0.33 of vllm-v1 (default: the newest).
      """)
  var engineRelease: String?

  @Flag(
    name: .customLong("enable-prefix-caching"), inversion: .prefixedNo,
    help: "Start requests behind the KV blocks that are still cached; vllm-v1 only (default: yes).")
  var prefixCaching: Bool?

  @Flag(
    name: .customLong("enable-chunked-prefill"), inversion: .prefixedNo,
    help: "Let an iteration compute a part of a prompt; vllm-v1 only (default: yes).")
  var chunkedPrefill: Bool?

  @Option(
    help: """
      Most prompt tokens of one request in an iteration while others are there; vllm-v1 only \
      (default: 0, no limit).
      """)
  var longPrefillTokenThreshold: Int?

  @Option(
    name: .customLong("num-prompts"),
    help: "Requests to serve (default: the rows of the trace; more repeat them, shuffled).")
  var promptCount: Int?

  @Option(name: .customLong("from-second"), help: "Start of the measuring window, seconds.")
  var windowFrom = 0.0

  @Option(
    name: .customLong("to-second"),
    help: "End of the measuring window, seconds (default: the end of the run).")
  var windowTo: Double?

  @Option(help: "What to do with requests that can never be admitted: `skip` or `fail`.")
  var oversized = OversizedPolicy.skip

  @Option(
    help: "Advance by `event` or look at every request in every `iteration`: the same results.")
  var stepping = Stepping.event

  @Option(help: "Seed of everything that is drawn.")
  var seed: UInt64 = 0

  /// The scenario that these options ask for, with one system and one rate.
  func scenario(system: ServingSystem, requestRate: Double?) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find(device))
    scenario.deviceProfile = try deviceProfile.map { try ProfileFile.read($0) }
    scenario.tensorParallel = tensorParallel
    scenario.blockSize = blockSize
    scenario.gpuMemoryUtilization = gpuMemoryUtilization
    scenario.deviceBlocksOverride = deviceBlocks
    scenario.swapSpaceGiB = swapSpace
    scenario.maxSequences = maxSequences
    scenario.maxBatchedTokens = maxBatchedTokens
    scenario.maxModelLength = maxModelLength
    scenario.preemptionMode = preemptionMode
    scenario.engineRelease = engineRelease
    scenario.prefixCaching = prefixCaching
    scenario.chunkedPrefill = chunkedPrefill
    scenario.longPrefillTokenThreshold = longPrefillTokenThreshold
    scenario.requestRate = requestRate
    scenario.promptCount = promptCount
    scenario.windowFrom = windowFrom
    scenario.windowTo = windowTo
    scenario.oversized = oversized
    scenario.seed = seed
    scenario.stepping = stepping
    return scenario
  }
}

extension PreemptionMode: ExpressibleByArgument {}
extension Stepping: ExpressibleByArgument {}
extension OversizedPolicy: ExpressibleByArgument {}

extension ServingSystem {
  /// The system of that name.
  ///
  /// - Throws: ``UserError`` that names the nearest.
  static func find(_ name: String) throws -> ServingSystem {
    if let system = ServingSystem(rawValue: name) { return system }
    if name.contains(",") {
      throw UserError(
        "`--system` takes one system, found `\(name)`", hint: "`kvplan compare` takes several")
    }
    throw UserError.unknown(
      "system", name, among: allCases.map(\.rawValue), listedBy: "kvplan catalog systems")
  }
}

/// How results are printed on standard output.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument { case table, json, csv }

/// Where results go.
struct OutputOptions: ParsableArguments {
  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  @Option(help: "Folder for summary.csv, requests.csv and kvplan.sqlite.")
  var output: String?
}
