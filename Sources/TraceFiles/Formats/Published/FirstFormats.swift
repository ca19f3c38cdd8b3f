import Workload

/// The formats that were read first, whose parsers know them.
///
/// - Source: Mooncake `FAST25-release/traces`, with `session_id` and `delay` as AIPerf has them, the other names that Dynamo
///   takes (`input_tokens`, `created_time`, `delay_ms`), and `class`, `priority` and `adapter` as ``MooncakeWriter`` writes
///   them; Qwen-Bailian README; GuideLLM 0.8.1 column mapping; vLLM `CustomDataset`; `alpaca_data.json`.
extension FormatShape {
  static let csv = table(
    Dictionary(
      uniqueKeysWithValues: TraceColumn.allCases
        .filter { ![.date, .timestamp, .moment].contains($0) }.map { ($0.rawValue, $0) }))

  static let azure = table(
    ["TIMESTAMP": .date, "ContextTokens": .promptTokens, "GeneratedTokens": .outputTokens],
    clock: .own)

  // BurstGPT's third file begins at second 19,440,110: the clock of the files before it.
  static let burstgpt = table(
    [
      "Timestamp": .arrival, "Request tokens": .promptTokens, "Response tokens": .outputTokens,
      "Session ID": .conversation,
    ], clock: .own)

  static let vidur = table([
    "arrived_at": .arrival, "num_prefill_tokens": .promptTokens,
    "num_decode_tokens": .outputTokens,
  ])

  static let mooncake = FormatShape(
    fields: [
      ("timestamp", .timestamp), ("input_length", .promptTokens),
      ("output_length", .outputTokens), ("hash_ids", .hashes), ("session_id", .session),
      ("delay", .delay), ("class", .requestClass), ("priority", .priority), ("adapter", .adapter),
      ("input_tokens", .promptTokens), ("output_tokens", .outputTokens),
      ("created_time", .timestamp), ("delay_ms", .delay),
    ], blockTokens: 512, timestampUnit: .milliseconds, tells: { $0.contains("hash_ids") })

  static let bailian = FormatShape(
    fields: [
      ("chat_id", .chat), ("parent_chat_id", .parentChat), ("timestamp", .timestamp),
      ("input_length", .promptTokens), ("output_length", .outputTokens), ("hash_ids", .hashes),
    ], blockTokens: 16, timestampUnit: .seconds,
    tells: { $0.contains("chat_id") || $0.contains("parent_chat_id") })

  static let guidellm = FormatShape(
    columns: [
      "timestamp": .timestamp, "relative_timestamp": .timestamp,
      "input_length": .promptTokens, "output_length": .outputTokens,
      "prompt_tokens_count": .promptTokens, "input_tokens_count": .promptTokens,
      "output_tokens_count": .outputTokens, "completion_tokens_count": .outputTokens,
    ],
    fields: [
      ("timestamp", .timestamp), ("relative_timestamp", .timestamp),
      ("input_length", .promptTokens), ("prompt_tokens_count", .promptTokens),
      ("input_tokens_count", .promptTokens), ("output_length", .outputTokens),
      ("output_tokens_count", .outputTokens), ("completion_tokens_count", .outputTokens),
      ("prompt", .promptText), ("prompt_tokens", .promptTokens), ("output_tokens", .outputTokens),
    ],
    tells: { names in
      [
        "input_length", "prompt_tokens_count", "input_tokens_count", "output_tokens_count",
        "completion_tokens_count",
      ].contains(where: names.contains)
        || names.isSuperset(of: ["timestamp", "prompt_tokens", "output_tokens"])
    })

  static let vllmCustom = FormatShape(
    fields: [("prompt", .promptText), ("output_tokens", .outputTokens)], readsTexts: true,
    tells: { $0.contains("prompt") })

  static let vllmBench = FormatShape(
    syntax: .values, values: .results, clock: .own,
    tells: { names in
      ["input_lens", "request_throughput", "completed"].contains(where: names.contains)
    })

  static let sharegpt = FormatShape(
    syntax: .values, values: .conversation, readsTexts: true,
    tells: { $0.contains("conversations") })

  static let alpaca = FormatShape(
    syntax: .values,
    fields: [("instruction", .promptText), ("input", .promptText), ("output", .outputText)],
    readsTexts: true, tells: { $0.contains("instruction") })
}
