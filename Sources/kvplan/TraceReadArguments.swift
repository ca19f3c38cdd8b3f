import ArgumentParser
import Messages
import SimulationKernel
import TraceFiles
import Validation
import Workload

/// How a trace file is read, for every command that takes one.
struct TraceReadArguments: ParsableArguments {
  @Option(
    help: """
      Format of the trace (default: told by its content): \
      \(TraceFormat.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")).
      """)
  var traceFormat: TraceFormat?

  @Option(
    help: ArgumentHelp(
      """
      Which columns or JSON members say what, of any CSV or JSON lines: \
      `arrival=time,prompt=usage.in,output=usage.out,session=chat`.
      """, valueName: "names"))
  var columns: String?

  @Option(
    help: "Tokens that a block hash stands for (default: the format's own, or as the rows have it)."
  )
  var hashBlockSize: Int?

  @Flag(help: "Count rows that cannot be read and leave them out.")
  var skipBadRows = false

  @Option(help: "Hugging Face `tokenizer.json` that counts the tokens of texts.")
  var tokenizer: String?

  @Option(help: "Characters for each token where texts are estimated.")
  var charactersPerToken = 4.0

  @Option(help: "Unit of timestamps, `s`, `ms`, `us` or `ns` (default: the format's own).")
  var timestampUnit: TimestampUnit?

  @Option(
    help: """
      Seconds to spread arrivals over that a file rounded down to one instant; Mooncake's need 3.
      """)
  var spreadTimestamps: Double?

  @Option(help: "End of the names of the token columns to use, such as `_llama3`.")
  var tokenColumns = ""

  @Flag(help: "Take only the first turn of each conversation that is given as text.")
  var firstTurns = false

  /// The options, checked.
  ///
  /// - Throws: ``UserError`` for numbers that make no sense and a tokenizer that cannot be read.
  func options(seed: UInt64 = 0) throws -> TraceReadOptions {
    guard charactersPerToken > 0, charactersPerToken.isFinite else {
      throw UserError(
        "`--characters-per-token` must be a positive number, found `\(charactersPerToken)`")
    }
    if let spreadTimestamps, !(spreadTimestamps > 0 && spreadTimestamps <= 86_400) {
      throw UserError(
        "`--spread-timestamps` must lie above 0 and be at most 86400 s, "
          + "found `\(spreadTimestamps)`")
    }
    if let hashBlockSize, !(1...1 << 20).contains(hashBlockSize) {
      throw UserError("`--hash-block-size` must be from 1 to 1048576, found `\(hashBlockSize)`")
    }
    var options = TraceReadOptions()
    options.columns = try columns.map { text throws(UserError) in try ColumnMapping(text) }
    options.hashBlockTokens = hashBlockSize
    options.format = traceFormat
    options.skipsBadRows = skipBadRows
    options.columnSuffix = tokenColumns
    options.timestampUnit = timestampUnit
    options.spreadSeconds = spreadTimestamps
    options.firstTurnsOnly = firstTurns
    options.seed = seed
    options.textMeasure =
      try tokenizer.map { .tokenizer(try BytePairTokenizer(path: $0)) }
      ?? .estimate(charactersPerToken: charactersPerToken)
    return options
  }

  /// Reads the trace at `path` and says what the user should know about it.
  func read(_ path: String, seed: UInt64 = 0) throws -> Trace {
    let options = try options(seed: seed)
    let reading = try Self.named(path) { () throws(UserError) in
      try TraceReader.read(path: path, options: options)
    }
    Terminal.warn(reading.warnings)
    return reading.trace
  }

  /// What reads a trace, with words for a file that is none.
  static func named<Value>(_ path: String, _ read: () throws(UserError) -> Value) throws(UserError)
    -> Value
  {
    do { return try read() } catch { throw ServerFile.mistakenForTrace(path) ?? error }
  }
}

extension TraceFormat: ExpressibleByArgument {}
extension TimestampUnit: ExpressibleByArgument {}
