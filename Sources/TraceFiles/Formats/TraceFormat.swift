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

  /// How a file of the format is cut into pieces.
  enum Syntax: Equatable {
    /// A header line that names the columns, then one line for each request.
    case table
    /// One JSON object a line.
    case lines
    /// JSON values: one array, or one after another.
    case values
  }

  /// How the format is cut; GuideLLM has two forms, and the content decides.
  func syntax(isJSON: Bool) -> Syntax {
    switch self {
    case .csv, .azure, .burstgpt, .vidur: .table
    case .mooncake, .bailian, .vllmCustom: .lines
    case .guidellm: isJSON ? .lines : .table
    case .vllmBench, .sharegpt, .alpaca: .values
    }
  }

  /// Tokens in a block that one hash stands for, where the format has hashes.
  var blockTokens: Int? {
    switch self {
    case .mooncake: 512
    case .bailian: 16
    default: nil
    }
  }
}

/// What a number of time counts.
package enum TimestampUnit: String, CaseIterable, Sendable {
  case seconds = "s"
  case milliseconds = "ms"

  /// The power of ten that makes seconds of it.
  var exponent: Int { self == .seconds ? 0 : -3 }
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
