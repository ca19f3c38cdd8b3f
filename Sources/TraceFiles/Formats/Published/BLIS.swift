extension FormatShape {
  /// The traces of BLIS: Vidur's without the prefix of its names.
  ///
  /// - Source: rows in the samples of reported files.
  static let blis = table([
    "arrived_at": .arrival, "prefill_tokens": .promptTokens, "decode_tokens": .outputTokens,
  ])
}
