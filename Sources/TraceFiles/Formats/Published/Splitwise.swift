extension FormatShape {
  /// The traces of splitwise-sim: seconds, tokens.
  ///
  /// - Source: github Mutinifni/splitwise-sim, `traces`; a row in the samples of reported files.
  static let splitwise = table([
    "arrival_timestamp": .arrival, "prompt_size": .promptTokens, "token_size": .outputTokens,
  ])
}
