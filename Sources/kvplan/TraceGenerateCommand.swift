import ArgumentParser
import SimulationKernel
import TraceFiles
import Workload

/// `kvplan trace generate`.
struct TraceGenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Draw a trace: lengths, arrivals, shared prefixes, conversations.",
    discussion: """
      EXAMPLE
        kvplan trace generate sharegpt --num-prompts 1000 --output requests.csv
        kvplan trace generate --prompts lognormal:800,1 --outputs uniform:10-200 \\
          --request-rate 4 --arrivals gamma:3
        kvplan trace generate azure-conv --turns 4 --system-prompts 20 \\
          --system-prompt-tokens 500 --request-rate 2
        kvplan trace generate --servegen data/language/m-small \\
          --from-second 0 --to-second 600 --request-rate 5
      """)

  @Argument(
    help: """
      Lengths to imitate: \
      \(LengthPreset.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")).
      """)
  var preset: LengthPreset?

  @Option(help: "Law of prompt tokens: `fixed:`, `uniform:`, `lognormal:` or `zipf:`.")
  var prompts: String?

  @Option(help: "Law of output tokens.")
  var outputs: String?

  @Option(help: "Trace whose pairs of lengths to draw from.")
  var like: String?

  @Option(
    help: """
      Table of pairs of lengths by weight, CSV: `prompt_from,prompt_to,output_from,output_to,weight`.
      """)
  var lengthTable: String?

  @Option(help: "Folder of a ServeGen model, whose clients' arrivals and lengths to draw.")
  var servegen: String?

  @Option(help: "Second of ServeGen's data at which to begin.")
  var fromSecond = 0.0

  @Option(help: "Second of ServeGen's data at which to end.")
  var toSecond: Double?

  @Option(name: .customLong("num-prompts"), help: "Requests to draw (default: 1000).")
  var count: Int?

  @Option(name: .customLong("class"), help: "Class of traffic to put all requests in, by name.")
  var className: String?

  @Option(help: "Seed of the draws.")
  var seed: UInt64 = 0

  @Option(help: "Requests, or conversations, per second (default: no arrivals).")
  var requestRate: Double?

  @Option(
    help: """
      How they arrive: `poisson`, `gamma:CV`, `weibull:CV`, `onoff:ON_S,OFF_S`, \
      `diurnal:PEAK_OVER_TROUGH,PERIOD_S`, `quanta` (Poisson in steps of 10 ms) or `all-at-once`.
      """)
  var arrivals: String?

  @Option(help: "Different system prompts that requests begin with.")
  var systemPrompts: Int?

  @Option(help: "Tokens of each system prompt.")
  var systemPromptTokens: Int32 = 500

  @Option(help: "Zipf exponent of the system prompts' popularity; 0 makes all alike.")
  var systemPromptExponent = 1.0

  @Option(help: "Mean turns of a conversation, geometric; each prompt repeats the turn before.")
  var turns: Double?

  @Option(help: "Mean seconds from a turn's arrival to the next one's, exponential.")
  var turnGap = 30.0

  @Option(help: "Law of the tokens that later turns add, as a tool's results in an agent's loop.")
  var turnTokens: String?

  @Option(
    name: .customLong("max-model-len"),
    help: "Tokens, prompt and output, that a turn may have: conversations end before.")
  var maxModelLength: Int32 = 131_072

  @OptionGroup(title: "Reading `--like`") var reading: TraceReadArguments
  @OptionGroup(title: "Writing") var writing: TraceOutputArguments

  func validate() throws {
    let ways = [
      preset != nil, prompts != nil || outputs != nil, like != nil, lengthTable != nil,
      servegen != nil,
    ].count { $0 }
    guard ways == 1, (prompts == nil) == (outputs == nil) else {
      throw ValidationError(
        "give lengths in one way: a preset, `--prompts` and `--outputs`, `--like`, "
          + "`--length-table` or `--servegen`")
    }
    if servegen != nil {
      let others = count != nil || arrivals != nil || turns != nil || systemPrompts != nil
      guard toSecond != nil, !others else {
        throw ValidationError(
          "`--servegen` needs `--to-second`, and draws count and arrivals by its data")
      }
    } else if toSecond != nil || fromSecond != 0 {
      throw ValidationError("`--from-second` and `--to-second` need `--servegen`")
    }
    if turns == nil, turnTokens != nil {
      throw ValidationError("`--turn-tokens` needs `--turns`")
    }
  }

  func run() throws {
    var trace = try drawn()
    if let className { trace = try trace.labelled(className) }
    try writing.write(trace)
  }

  private func drawn() throws -> Trace {
    if let servegen, let toSecond {
      return try ServeGenPool(folder: servegen)
        .trace(from: fromSecond, to: toSecond, requestRate: requestRate, seed: seed)
    }
    var recipe = TraceRecipe(lengths: try lengths(), count: count ?? 1000, seed: seed)
    recipe.requestRate = requestRate
    recipe.arrivals = try arrivals.map { try ArrivalProcess(parsing: $0) }
    recipe.systemPrompts = systemPrompts.map {
      .init(count: $0, tokens: systemPromptTokens, exponent: systemPromptExponent)
    }
    let added = try turnTokens.map { try SideLaw(parsing: $0) }
    recipe.turns = turns.map {
      .init(mean: $0, gapSeconds: turnGap, added: added, totalTokensMax: maxModelLength)
    }
    return try TraceGenerator.generate(recipe)
  }

  private func lengths() throws -> TraceRecipe.Lengths {
    if let preset { return .preset(preset) }
    if let lengthTable { return .table(try LengthTable(path: lengthTable)) }
    if let like { return .empirical(try reading.read(like, seed: seed)) }
    return .sides(
      prompt: try SideLaw(parsing: prompts ?? ""), output: try SideLaw(parsing: outputs ?? ""))
  }
}

extension LengthPreset: ExpressibleByArgument {}
