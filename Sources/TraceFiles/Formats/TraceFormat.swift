/// The public formats of request traces that kvplan reads, under the names that users type.
package enum TraceFormat: String, CaseIterable, Sendable {
  /// Our own CSV, which `traces/README.md` describes; ``TraceWriter`` writes it.
  case csv
  /// Azure LLM inference traces of 2023, 2024 and 2025: CSV with dates. inference-perf replays the
  /// same files.
  case azure
  /// BurstGPT: CSV whose rows without response tokens are failures.
  case burstgpt
  /// Vidur's processed traces: CSV.
  case vidur
  /// Mooncake: JSON lines, milliseconds, chained hashes of 512-token blocks.
  case mooncake
  /// Qwen-Bailian: JSON lines, seconds, hashes of 16-token blocks, chats that name their parent.
  case bailian
  /// GuideLLM: JSON lines or CSV with token counts; the unit of its timestamps must be given.
  case guidellm
  /// `vllm bench serve --dataset-name custom`: JSON lines with a text and a count.
  case vllmCustom = "vllm-custom"
  /// The result file of `vllm bench serve --save-detailed`.
  case vllmBench = "vllm-bench"
  /// ShareGPT: one JSON array of conversations, texts only.
  case sharegpt
  /// Alpaca: one JSON array of instructions, texts only.
  case alpaca

  /// splitwise-sim's traces: CSV.
  case splitwise
  /// BLIS's traces: CSV.
  case blis
  /// LLMServingSim: JSON lines of requests.
  case llmservingsim
  /// LLMServingSim: JSON lines of sessions, whose requests follow one another.
  case llmservingsimAgents = "llmservingsim-agents"
  /// A report of GuideLLM.
  case guidellmReport = "guidellm-report"
  /// Records of requests that AIPerf exports.
  case aiperfExport = "aiperf-export"
  /// AIPerf's inputs with texts: JSON lines.
  case aiperf
  /// The inputs that genai-perf made: one JSON object.
  case genaiInputs = "genai-inputs"
  /// Logs of answers with OpenAI's `usage`: JSON lines.
  case openaiUsage = "openai-usage"
  /// LMCache's traces of agents: JSON lines with texts.
  case lmcache
  /// Dynamo's request traces: JSON lines.
  case dynamo
  /// OpenTelemetry spans, one a line.
  case spans
  /// OpenTelemetry spans as OTLP exports them.
  case spansExported = "otlp"
  /// Any CSV or JSON lines, as `--columns` says.
  case columns

  /// How a file of the format is cut into pieces.
  enum Syntax: Equatable {
    /// A header line that names the columns, then one line for each request.
    case table
    /// One JSON object a line.
    case lines
    /// JSON values: one array, or one after another.
    case values
  }

  /// What the format is.
  var shape: FormatShape {
    switch self {
    case .csv: .csv
    case .azure: .azure
    case .burstgpt: .burstgpt
    case .vidur: .vidur
    case .mooncake: .mooncake
    case .bailian: .bailian
    case .guidellm: .guidellm
    case .vllmCustom: .vllmCustom
    case .vllmBench: .vllmBench
    case .sharegpt: .sharegpt
    case .alpaca: .alpaca
    case .splitwise: .splitwise
    case .blis: .blis
    case .llmservingsim: .llmServingSim
    case .llmservingsimAgents: .llmServingSimAgents
    case .guidellmReport: .guidellmReport
    case .aiperfExport: .aiperfExport
    case .aiperf: .aiperf
    case .genaiInputs: .genaiInputs
    case .openaiUsage: .openAIUsage
    case .lmcache: .lmcache
    case .dynamo: .dynamo
    case .spans: .spans
    case .spansExported: .spansExported
    case .columns: FormatShape(clock: .either)
    }
  }
}

/// What a number of time counts.
package enum TimestampUnit: String, CaseIterable, Sendable {
  case seconds = "s"
  case milliseconds = "ms"
  case microseconds = "us"
  case nanoseconds = "ns"

  /// The power of ten that makes seconds of it.
  var exponent: Int {
    switch self {
    case .seconds: 0
    case .milliseconds: -3
    case .microseconds: -6
    case .nanoseconds: -9
    }
  }
}

/// How token counts are found for formats that hold text.
package enum TextMeasure: Sendable {
  /// A stated number of characters (Unicode scalars) for each token, rounded up.
  case estimate(charactersPerToken: Double)
  /// A model's own tokenizer.
  case tokenizer(BytePairTokenizer)
}

/// How a trace file is to be read.
package struct TraceReadOptions: Sendable {
  /// The file's format; `nil` to tell it by its content.
  package var format: TraceFormat?
  /// Which names of the file say what, in place of those of a format.
  package var columns: ColumnMapping?
  /// Tokens that a block hash stands for, in place of the format's own.
  package var hashBlockTokens: Int?
  /// Whether a row that cannot be read is counted and left out, rather than ending the reading.
  package var skipsBadRows = false
  /// Whether requests that generated nothing stay in: for statistics only, no engine serves them.
  package var keepsZeroOutputs = false
  /// Suffix of the token columns to use, as `_llama3` where a file counts with several tokenizers.
  package var columnSuffix = ""
  /// The unit of timestamps, in place of the format's own.
  package var timestampUnit: TimestampUnit?
  /// Seconds over which arrivals are spread that a file rounded to one instant; `nil` leaves them.
  package var spreadSeconds: Double?
  /// Whether only the first turn of each conversation becomes a request.
  package var firstTurnsOnly = false
  package var textMeasure = TextMeasure.estimate(charactersPerToken: 4)
  /// Seed of ``spreadSeconds``.
  package var seed: UInt64 = 0

  package init() {}
}
