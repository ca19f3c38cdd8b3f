import ArgumentParser
import CostModel
import Messages
import Planning
import Results
import Serving
import SimulationKernel

/// `kvplan catalog fit`.
struct CatalogFitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Divide a GPU's memory, line by line, down to the KV blocks.",
    discussion: """
      Exit status 1 if nothing is left for KV blocks, or for one sequence of a `--max-model-len` \
      that is given; the nearest settings that would fit are named.

      EXAMPLE
        kvplan catalog fit --model llama-3.1-70b --device h100-sxm \\
          --tensor-parallel-size 4 --max-num-batched-tokens 8192
      """)

  @OptionGroup var deployment: DeploymentOptions

  @Option(help: "Serving system; `kvplan catalog systems` lists them.")
  var system = ServingSystem.vllmV1.name

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let system = try ServingSystem.find(system)
    try deployment.releases()?.require([system])
    let scenario = try deployment.scenario(system: system, forMemory: true)
    let fit = try scenario.memoryFit()
    Terminal.write(FitTable(scenario: scenario, fit: fit).rendered(format))
    if let warning = fit.budget.cache.warning(model: scenario.model.name) {
      Terminal.warn([warning])
    }
    guard let failure = fit.failure else { return }
    Terminal.say(failure.description)
    ExitStatus.no.exit()
  }
}

/// The waterfall of one GPU's memory in any output format.
struct FitTable {
  var scenario: Scenario
  var fit: MemoryFit

  func rendered(_ format: OutputFormat) -> String {
    let budget = fit.budget
    switch format {
    case .table:
      var table = TextTable([
        .init("per GPU", .left), .init("GB", .right), .init("GiB", .right), .init("", .left),
      ])
      table.rows = zip(budget.lines, notes).map { line, note in
        [
          line.name, Digits.fixed(Double(line.bytes) / 1e9, decimals: 3),
          Digits.fixed(Double(line.bytes) / Double(1 << 30), decimals: 3), note,
        ]
      }
      return table.rendered(maxWidth: Terminal.width) + "\n" + (groups?.rendered ?? "") + conclusion
        + "\n"
    case .csv:
      return "line,bytes\n" + budget.lines.map { "\($0.name),\($0.bytes)\n" }.joined()
        + "block,\(budget.capacity.blockBytes)\n"
    case .json:
      return JSONValue.object(members).indented + "\n"
    }
  }

  /// The groups where there are several.
  private var groups: FitGroups? { FitGroups(fit) }

  private var conclusion: String {
    let capacity = fit.budget.capacity
    let concurrency = Digits.fixed(fit.concurrency, decimals: 2)
    if let groups { return groups.conclusion + "\(concurrency) sequences" }
    return "\(capacity.blocks) blocks of \(capacity.blockTokens) tokens "
      + "(\(capacity.blockBytes) bytes each): \(capacity.tokens) tokens, "
      + "\(concurrency) sequences of \(fit.maxModelLength)"
  }

  /// What each line of the budget was computed from.
  private var notes: [String] {
    let inputs = fit.inputs
    var weights =
      "\(inputs.weights == .bfloat16 ? "16-bit" : scenario.weightsName), "
      + "tensor parallel \(inputs.tensorParallel)"
    if inputs.pipelineParallel > 1 { weights += ", fullest of \(inputs.pipelineParallel) stages" }
    let used = Digits.fixed(100 * inputs.utilization, decimals: 1)
    return [
      "`\(inputs.device.name)`, \(inputs.device.memoryEvidence.text)",
      "\(used) % may be used", weights, "\(inputs.tokenBudget) tokens in an iteration", "",
      fit.budget.graphBytes > 0 ? "" : "none, or taken from the reserve",
      communicationNote,
    ] + (fit.budget.beyondGivenBytes == 0 ? [] : ["given by `--kv-cache-memory-bytes`"]) + [
      "\(inputs.kvCache == .bfloat16 ? "16-bit" : inputs.kvCache.rawValue)"
    ]
  }

  private var communicationNote: String {
    if fit.inputs.gpus == 1 { return "none for one GPU" }
    if fit.budget.communicationBytes > 0 { return "" }
    if case .vllm = fit.inputs.engine { return "taken from the reserve" }
    return "counted with the CUDA context"
  }

  private var members: [JSONValue.Member] {
    let (inputs, budget, capacity) = (fit.inputs, fit.budget, fit.budget.capacity)
    return [
      .init("model", .text(inputs.model.name)), .init("device", .text(inputs.device.name)),
      .init("system", .text(scenario.system.name)),
      .init("tensor_parallel_size", .integer(inputs.tensorParallel)),
      .init("pipeline_parallel_size", .integer(inputs.pipelineParallel)),
      .init("quantization", .text(inputs.weights.quantizationName)),
      .init("kv_cache_dtype", .text(inputs.kvCache.cacheName)),
      .init("gpu_memory_utilization", .real(inputs.utilization)),
      .init("max_num_batched_tokens", .integer(inputs.tokenBudget)),
      .init("max_model_len", .integer(fit.maxModelLength)),
      .init("fits", .boolean(fit.failure == nil)),
      .init(
        "lines",
        .array(
          budget.lines.map {
            .object([.init("name", .text($0.name)), .init("bytes", .integer($0.bytes))])
          })),
      .init("block_size", .integer(capacity.blockTokens)),
      .init("block_bytes", .integer(capacity.blockBytes)),
      .init("num_blocks", .integer(capacity.blocks)),
      .init("kv_tokens", .integer(groups?.tokens ?? capacity.tokens)),
      .init("max_concurrency", .real(fit.concurrency)),
    ] + (groups?.members ?? [])
  }
}
