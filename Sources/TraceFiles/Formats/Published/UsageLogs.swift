extension FormatShape {
  /// Logs of answers with OpenAI's `usage`, as gateways write them and as batches come back.
  ///
  /// - Source: OpenAI API reference, `usage` of chat completions and of responses; rows in the samples of reported files.
  static let openAIUsage = FormatShape(
    fields: answers.flatMap { (at: String) -> [(String, JSONField)] in
      [
        (at + "usage.prompt_tokens", .promptTokens), (at + "usage.input_tokens", .promptTokens),
        (at + "usage.completion_tokens", .outputTokens),
        (at + "usage.output_tokens", .outputTokens), (at + "created", .time),
        (at + "created_at", .time),
      ]
    } + [
      ("timestamp", .time), ("time", .time), ("session_id", .session),
      ("conversation_id", .session),
    ], clock: .own,
    tells: { names in
      answers.contains {
        names.contains($0 + "usage.prompt_tokens") || names.contains($0 + "usage.input_tokens")
      }
    })

  /// Where an answer lies in its line.
  private static let answers = ["", "response.", "response.body."]

  /// Agents' requests as LMCache publishes them: texts, microseconds of a clock, sessions. The larger set has messages in place
  /// of one text, the length of the output, and seconds between an answer and the session's next request in place of a clock.
  ///
  /// - Source: github LMCache/lmcache-agent-trace, by a writer of the same lines; rows of the data set
  ///   `sammshen/lmcache-agentic-traces` as its copies show them.
  static let lmcache = FormatShape(
    fields: [
      ("timestamp", .time), ("input", .promptText), ("input.content", .promptText),
      ("input.content.text", .promptText), ("output", .outputText),
      ("output_length", .outputTokens), ("pre_gap", .delay), ("session_id", .session),
    ], timestampUnit: .seconds, clock: .own, readsTexts: true,
    tells: {
      $0.isSuperset(of: ["input", "output", "timestamp"])
        || $0.isSuperset(of: ["input", "output_length", "pre_gap"])
    })

  /// Dynamo's request traces: a line for each request that ended, among lines of tools.
  ///
  /// - Source: Dynamo documentation, Request Trace Reference, `dynamo.request.trace.v1`.
  static let dynamo = FormatShape(
    fields: [
      ("request.request_received_ms", .time), ("request.replay.input_length", .promptTokens),
      ("request.input_tokens", .promptTokens), ("request.output_tokens", .outputTokens),
      ("request.replay.input_sequence_hashes", .hashes),
      ("request.replay.trace_block_size", .blockTokens), ("agent_context.session_id", .session),
    ], clock: .own, hasOtherRows: true, tells: { $0.contains("event_time_unix_ms") })
}
