/// What a member of a request's JSON object holds.
enum JSONField {
  /// A time; its unit is the format's, or given by the user.
  case timestamp
  case promptTokens
  case outputTokens
  /// Chained hashes of the prompt's blocks.
  case hashes
  /// A chat's own number.
  case chat
  /// The number of the chat that this one continues, -1 for none.
  case parentChat
  /// A session under a name or a number.
  case session
  /// A class of traffic, by name.
  case requestClass
  /// An integer, lower first.
  case priority
  /// An adapter, by name.
  case adapter
  /// Time from the answer to the session's turn before; its unit is that of timestamps.
  case delay
  /// Text of the prompt, counted where no number of tokens is given; several are joined by a line
  /// feed in file order.
  case promptText
  /// Text of the output, counted where no number of tokens is given.
  case outputText
}

extension TraceFormat {
  /// The members of one request's object that kvplan uses; empty for formats of another shape.
  ///
  /// - Source: Mooncake `FAST25-release/traces`, with `session_id` and `delay` as AIPerf has them and
  ///   `class`, `priority` and `adapter` as ``MooncakeWriter`` writes them; Qwen-Bailian README; GuideLLM 0.8.1 column
  ///   mapping; vLLM `CustomDataset`; `alpaca_data.json`.
  var fields: [(name: StaticString, field: JSONField)] {
    switch self {
    case .mooncake:
      [
        ("timestamp", .timestamp), ("input_length", .promptTokens),
        ("output_length", .outputTokens), ("hash_ids", .hashes), ("session_id", .session),
        ("delay", .delay), ("class", .requestClass), ("priority", .priority),
        ("adapter", .adapter),
      ]
    case .bailian:
      [
        ("chat_id", .chat), ("parent_chat_id", .parentChat), ("timestamp", .timestamp),
        ("input_length", .promptTokens), ("output_length", .outputTokens), ("hash_ids", .hashes),
      ]
    case .guidellm:
      [
        ("timestamp", .timestamp), ("relative_timestamp", .timestamp),
        ("input_length", .promptTokens), ("prompt_tokens_count", .promptTokens),
        ("input_tokens_count", .promptTokens), ("output_length", .outputTokens),
        ("output_tokens_count", .outputTokens), ("completion_tokens_count", .outputTokens),
        ("prompt", .promptText),
      ]
    case .vllmCustom: [("prompt", .promptText), ("output_tokens", .outputTokens)]
    case .alpaca:
      [("instruction", .promptText), ("input", .promptText), ("output", .outputText)]
    case .csv, .azure, .burstgpt, .vidur, .vllmBench, .sharegpt: []
    }
  }

  /// The unit of the format's timestamps; `nil` where the format does not say.
  var timestampUnit: TimestampUnit? {
    switch self {
    case .mooncake: .milliseconds
    case .bailian: .seconds
    default: nil
    }
  }
}
