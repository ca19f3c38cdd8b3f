import CostModel
import Messages
import Planning
import Results
import Serving

/// All that `kvplan catalog fit` has found, in any output format.
struct FitAnswer {
  var scenario: Scenario
  var fit: MemoryFit
  var contexts: [Int] = []
  var log: Log?
  var trace: Requests?

  /// A log of an engine beside our figures.
  struct Log {
    var file: String
    var engine: String
    var comparison: LogComparison
  }

  /// A trace, and how many of its requests fit.
  struct Requests {
    var name: String
    var fit: TraceFit
  }

  init(scenario: Scenario, fit: MemoryFit) {
    self.scenario = scenario
    self.fit = fit
  }

  func rendered(_ format: OutputFormat) -> String {
    switch format {
    case .table: text
    case .csv: table.rendered(.csv)
    case .json: JSONValue.object(members).recorded.indented + "\n"
    }
  }

  /// The groups where there are several.
  var groups: FitGroups? { FitGroups(fit) }

  /// Changes that leave more; none where a hint names what would fit at all.
  var levers: [FitLever] { fit.budget.blocks > 0 ? scenario.levers(beside: fit) : [] }

  /// Every line of the waterfall with what it rests on.
  var evidence: [(line: KVBudget.Line, rests: KVBudget.Evidence)] {
    Array(zip(fit.budget.lines, fit.budget.evidence(fit.inputs)))
  }
}

/// As text.
extension FitAnswer {
  private var text: String {
    var table = TextTable([
      .init("per GPU", .left), .init("GB", .right), .init("GiB", .right), .init("", .left),
    ])
    table.rows = zip(fit.budget.lines, notes).map { line, note in
      [
        line.name, Digits.fixed(Double(line.bytes) / 1e9, decimals: 3),
        Self.gibibytes(Double(line.bytes)), note,
      ]
    }
    let width = Terminal.width
    let parts =
      [table.rendered(maxWidth: width), groups?.rendered, conclusion + "\n"].compactMap(\.self)
      + sections.map { $0.text(maxWidth: width) }
    return parts.joined(separator: "\n")
  }

  private var conclusion: String {
    let capacity = fit.capacity
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

  static func gibibytes(_ bytes: Double) -> String {
    Digits.fixed(bytes / Double(1 << 30), decimals: 3)
  }
}
