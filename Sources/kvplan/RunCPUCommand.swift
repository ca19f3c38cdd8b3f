import ArgumentParser
import Kernels
import Messages
import Metrics
import Planning
import Results
import Serving
import SimulationKernel
import TraceFiles
import Validation
import Workload

/// The settings of a real run on this machine's processor.
struct CPUOptions: ParsableArguments {
  @Option(help: "Model that runs on the CPU: `toy-1m`, `toy-25m`, `toy-100m` or `toy-opt-1m`.")
  var model = "toy-25m"

  @Option(help: "Token slots in a KV block.")
  var blockSize = 16

  @Option(help: "Memory for keys and values, GiB.")
  var kvMemory = 0.5

  @Option(
    name: .customLong("num-gpu-blocks-override"),
    help: "KV blocks in the pool, in place of what the memory holds.")
  var deviceBlocks: Int?

  @Option(help: "Memory for swapped blocks, GiB (default: 0.5 for a system that swaps).")
  var swapSpace: Double?

  @Option(
    name: .customLong("max-num-seqs"),
    help: "Most sequences in one iteration (default: the system's own).")
  var maxSequences: Int?

  @Option(
    name: .customLong("max-num-batched-tokens"),
    help: "Most tokens in one iteration (default: the system's own).")
  var maxBatchedTokens: Int?

  @Option(name: .customLong("max-model-len"), help: "Longest sequence, prompt and output.")
  var maxModelLength = 2048

  @Option(help: "Preempt by `auto` (recompute one sequence, swap several) or always by `swap`.")
  var preemptionMode = PreemptionMode.automatic

  @Option(
    name: .customLong("num-speculative-tokens"),
    help: "Drafts behind each token, verified for real; `--acceptance` says how many are right.")
  var drafts: Int?

  @Option(
    help: """
      How many drafts are right, and so accepted: shares by position, `0.8,0.6`, `geometric:0.8` or \
      `length:2.4`. Drafts are made from what the model generates alone.
      """)
  var acceptance: String?

  @Option(help: "Seed of weights, prompts and sampling.")
  var seed: UInt64 = 0

  /// The scenario that these options ask for.
  func scenario(system: ServingSystem) throws -> CPUScenario {
    for (flag, value) in [("--block-size", blockSize), ("--max-model-len", maxModelLength)] {
      try NumberLimits.require(flag, value, in: 1...1_000_000)
    }
    var scenario = CPUScenario(system: system, model: try ToyModels.find(model))
    scenario.kvMemoryGiB = kvMemory
    scenario.base.blockSize = blockSize
    scenario.base.deviceBlocksOverride = deviceBlocks
    if let swapSpace { scenario.base.swapSpaceGiB = swapSpace }
    scenario.base.maxSequences = maxSequences
    scenario.base.maxBatchedTokens = maxBatchedTokens
    scenario.base.maxModelLength = maxModelLength
    scenario.base.preemptionMode = preemptionMode
    scenario.base.seed = seed
    try force(&scenario)
    return scenario
  }

  private func force(_ scenario: inout CPUScenario) throws {
    guard drafts != nil || acceptance != nil else { return }
    guard let drafts, let acceptance else {
      throw UserError(
        drafts == nil
          ? "`--acceptance` decides nothing without drafts"
          : "how many drafts are accepted decides what comes of them, and is not said",
        hint: drafts == nil
          ? "leave it out, or add `--num-speculative-tokens`"
          : "add `--acceptance 0.8,0.6`, a share by position, `geometric:0.8`, or `length:2.4`")
    }
    let system = scenario.base.system
    guard system.capabilities.speculates, !system.capabilities.admitsByEstimate else {
      throw UserError(
        "`\(system.name)` verifies no drafts on this machine's processor",
        hint: "leave `--num-speculative-tokens` out, or choose `--system vllm-v1`")
    }
    try scenario.force(try Acceptance(acceptance), drafts: drafts)
  }
}

/// `kvplan run-cpu`: one trace through one system, for real.
struct RunCPUCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run-cpu",
    abstract: "Serve a trace for real with a small model on this machine's processor.",
    discussion: """
      The scheduler and the allocator are those that `simulate` runs; the iterations are computed \
      and take the time they take. Exit status 1 if `--verify` finds a token that differs.

      EXAMPLE
        kvplan run-cpu traces/sharegpt.csv --num-prompts 10 --request-rate 2 --model toy-1m --verify
      """)

  @Argument(
    help: "Trace: CSV, plain or gzip; `-` reads standard input.", completion: Completions.trace)
  var trace: String

  @Option(
    help: "Serving system; `kvplan catalog systems` lists them.", completion: Completions.system)
  var system = ServingSystem.today.name

  @Option(help: "Poisson arrivals, requests per second, in place of the trace's own.")
  var requestRate: Double?

  @Option(
    name: .customLong("num-prompts"), help: "Requests to serve, the first rows (default: all).")
  var promptCount: Int?

  @Option(help: "Let arrivals come this many times as fast.")
  var timeScale = 1.0

  @Option(help: "Temperature of the sampling; 0 takes the likeliest token.")
  var temperature = 1.0

  @Option(
    help: """
      Clock: `wall`, or `processor` on a machine that others use: what passes is the time of the one thread that \
      computes, and arrivals are not waited for.
      """)
  var clock = Stopwatch.wall

  @Option(help: "Matrix products: `row-stable` (tokens do not depend on batches) or `openblas`.")
  var matrixKernel = MatrixKernel.rowStable

  @Flag(help: "Generate every output again, one at a time in contiguous memory, and compare.")
  var verify = false

  @OptionGroup(title: "Engine and run") var engine: CPUOptions
  @OptionGroup(title: "Results") var results: OutputOptions

  func run() throws {
    try NumberLimits.require("--time-scale", timeScale, in: 1e-6...1e6)
    var scenario = try engine.scenario(system: try ServingSystem.find(system))
    scenario.base.requestRate = requestRate
    scenario.base.promptCount = promptCount
    // A sample of a day would take a day.
    scenario.base.firstRows = promptCount.map { _ in true }
    scenario.timeScale = timeScale
    scenario.temperature = temperature
    _ = try scenario.settings()
    OpenBLAS.restartWithKnownCore()
    let run = try ResultsRun(results)
    let reading = try TraceReader.read(path: trace)
    Terminal.warn(reading.warnings)
    let serving = CPUServing(scenario.base.model, seed: engine.seed, kernel: matrixKernel)
    let served = try serving.serve(scenario, trace: reading.trace, clock: clock)
    Terminal.warn(served.warnings)
    try run.finish([served.result]) {
      switch $0 {
      case .table: SimulateTable.rendered(served.result.summary)
      case .json: SummaryText.json(served.result.summary)
      case .csv: SummaryText.csv([served.result.summary])
      }
    }
    if verify { report(serving, served, scenario) }
  }

  private func report(_ serving: CPUServing, _ served: CPUServing.Run, _ scenario: CPUScenario) {
    let differences = serving.verify(served, scenario: scenario) { done, total in
      Terminal.progress(done, of: total)
    }
    let tokens = served.outputs.reduce(0) { $0 + $1.output.count }
    guard differences.isEmpty else {
      for difference in differences.prefix(5) { Terminal.say("differs: \(difference)") }
      Terminal.say("\(differences.count) of \(served.outputs.count) sequences differ")
      ExitStatus.no.exit()
    }
    Terminal.say(
      "verified: \(tokens) tokens of \(served.outputs.count) sequences are those generated alone")
  }
}

extension MatrixKernel: ExpressibleByArgument {}
