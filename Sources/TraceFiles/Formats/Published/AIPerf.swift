extension FormatShape {
  /// Records that AIPerf exports of each request (`profile_export.jsonl`).
  ///
  /// - Source: rows in the samples of reported files; `x_correlation_id` is one for the turns of a session.
  static let aiperfExport = FormatShape(
    fields: [
      ("metadata.request_start_ns", .time), ("metadata.x_correlation_id", .session),
      ("metrics.input_sequence_length.value", .promptTokens),
      ("metrics.output_sequence_length.value", .outputTokens),
    ], clock: .own,
    tells: { $0.contains { $0.hasPrefix("metrics.input_sequence_length") } })

  /// AIPerf's inputs in Mooncake's manner with texts in place of lengths: milliseconds.
  static let aiperf = FormatShape(
    fields: [
      ("timestamp", .timestamp), ("text_input", .promptText), ("output_length", .outputTokens),
      ("session_id", .session), ("image", .uncounted), ("images", .uncounted),
      ("audio", .uncounted), ("video", .uncounted),
    ], timestampUnit: .milliseconds, readsTexts: true, tells: { $0.contains("text_input") })

  /// The `inputs.json` that genai-perf and AIPerf make of what they send: texts without times.
  static let genaiInputs = FormatShape(
    syntax: .values, values: .listed(["data", "*", "payload|payloads", "*"]),
    fields: [
      ("messages.content", .promptText), ("messages.content.text", .promptText),
      ("prompt", .promptText), ("max_tokens", .outputTokens),
      ("max_completion_tokens", .outputTokens),
    ], readsTexts: true, tells: { $0 == ["data"] })
}
