extension FormatShape {
  private static let spanFields: [(name: String, field: JSONField)] = [
    ("startTimeUnixNano", .time), ("start_time", .time), ("start_time_unix_nano", .time),
    ("attributes.gen_ai.usage.input_tokens", .promptTokens),
    ("attributes.gen_ai.usage.prompt_tokens", .promptTokens),
    ("attributes.gen_ai.usage.output_tokens", .outputTokens),
    ("attributes.gen_ai.usage.completion_tokens", .outputTokens),
    ("attributes.gen_ai.conversation.id", .session),
  ]

  /// Spans of gateways, a span a line: those that used a model's tokens.
  ///
  /// - Source: OpenTelemetry semantic conventions 1.37, generative AI spans; older names of the token counts beside.
  static let spans = FormatShape(
    fields: spanFields, clock: .own, hasOtherRows: true,
    tells: { $0.contains("attributes") || $0.contains { $0.hasPrefix("attributes.gen_ai") } })

  /// The same as OTLP exports them: attributes are lists of keys and values.
  static let spansExported = FormatShape(
    syntax: .values,
    values: .listed(["resourceSpans", "*", "scopeSpans", "*", "spans", "*"]),
    fields: spanFields, clock: .own, hasOtherRows: true,
    tells: { $0.contains("resourceSpans") })
}
