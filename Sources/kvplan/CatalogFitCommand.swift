import ArgumentParser
import CostModel
import Messages
import Planning
import Serving

/// `kvplan catalog fit`.
struct CatalogFitCommand: ParsableCommand, DeploymentOptions {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Say how many tokens and sequences fit, line by line, and what would fit more.",
    discussion: """
      Exit status 1 if nothing is left for KV blocks, or for one sequence of a `--max-model-len` \
      that is given; the nearest settings that would fit are named.

      EXAMPLE
        kvplan catalog fit --model llama-3.1-70b --device h100-sxm \\
          --tensor-parallel-size 4 --max-num-batched-tokens 8192
      """)

  @OptionGroup(title: "Model and device") var target: TargetOptions
  @OptionGroup(title: "Memory") var memory: MemoryOptions
  @OptionGroup(title: "Scheduler") var batch: BatchOptions

  @Option(
    help: "Serving system; `kvplan catalog systems` lists them.", completion: Completions.system)
  var system = ServingSystem.today.name

  @Option(
    name: .customLong("kv-cache-from-log"),
    help: """
      Start-up log or metrics of an engine: shown beside our figures, and its pool is the one that is \
      answered by.
      """)
  var engineLog: String?

  @Option(
    help: """
      Tokens of sequences to count, by commas (default: 8192, 32768 and 131072, as far as the model \
      goes, and its longest).
      """)
  var context: String?

  @Option(help: "Trace whose requests to count; in any format, plain or gzip.")
  var trace: String?

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  @OptionGroup(title: "Reading the trace") var reading: TraceReadArguments

  func run() throws {
    let system = try ServingSystem.find(system)
    try releases()?.require([system])
    let scenario = try scenario(system: system, forMemory: true)
    var answer = FitAnswer(scenario: scenario, fit: try scenario.memoryFit())
    if let engineLog {
      let log = try EngineLog(path: engineLog)
      let (fit, comparison, warnings) = try scenario.memoryFit(log: log)
      Terminal.warn(warnings)
      answer.fit = fit
      answer.log = .init(file: engineLog, engine: log.engine, comparison: comparison)
    }
    answer.contexts = try FitContexts.read(context, upTo: answer.fit.maxModelLength)
    if let trace {
      let read = try reading.read(trace)
      let longest = answer.fit.maxModelLength
      let fit = try TraceFit(read, capacity: answer.fit.capacity, modelLength: longest)
      Terminal.warn(fit.warnings(read, modelLength: longest))
      answer.trace = .init(name: trace, fit: fit)
    }
    Terminal.write(answer.rendered(format))
    if let warning = answer.fit.budget.cache.warning(model: scenario.model.name) {
      Terminal.warn([warning])
    }
    guard let failure = answer.fit.failure else { return }
    Terminal.say(failure.description)
    ExitStatus.no.exit()
  }
}

/// Lengths of sequences to count.
enum FitContexts {
  /// What is asked about most.
  private static let usual = [8192, 32_768, 131_072]

  /// Those of `text`, or the usual ones and the longest, ascending and each once.
  ///
  /// - Throws: ``UserError`` for what is no length, and for one beyond the longest.
  static func read(_ text: String?, upTo longest: Int) throws(UserError) -> [Int] {
    guard let text else { return usual.filter { $0 < longest } + [longest] }
    var lengths: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let length = Int(part), length > 0 else {
        throw UserError("`--context` must be whole numbers of tokens by commas, found `\(text)`")
      }
      guard length <= longest else {
        throw UserError(
          "`--context` \(length) is longer than the longest sequence, \(longest) tokens",
          hint: "give at most \(longest), or raise `--max-model-len`")
      }
      if !lengths.contains(length) { lengths.append(length) }
    }
    return lengths.sorted()
  }
}
