extension FormatShape {
  /// LLMServingSim's requests: nanoseconds from the start, or the seconds of a clock in what its runs measured.
  ///
  /// - Source: rows in the samples of reported files.
  static let llmServingSim = FormatShape(
    fields: [
      ("input_toks", .promptTokens), ("output_toks", .outputTokens), ("arrival_time_ns", .time),
      ("arrival_time", .time), ("session_id", .session),
    ], clock: .either, tells: { $0.contains("input_toks") })

  /// LLMServingSim's agents: a session a line, whose requests follow one another after a tool's time.
  static let llmServingSimAgents = FormatShape(
    values: .session, tells: { $0.contains("sub_requests") })
}
