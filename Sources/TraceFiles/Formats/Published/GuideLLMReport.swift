extension FormatShape {
  /// A report of GuideLLM: the requests that succeeded in the first of its benchmarks.
  ///
  /// - Source: the sample of reported files; GuideLLM 0.8.1.
  static let guidellmReport = FormatShape(
    syntax: .values, values: .listed(["benchmarks", "0", "requests", "successful", "*"]),
    fields: [
      ("request_start_time", .time), ("prompt_tokens", .promptTokens),
      ("output_tokens", .outputTokens),
    ], clock: .own, tells: { $0.contains("benchmarks") })
}
