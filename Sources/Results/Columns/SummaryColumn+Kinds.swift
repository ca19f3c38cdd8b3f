import Metrics

/// The kinds of column, so that ``SummaryColumn/all`` reads as a table.
extension SummaryColumn {
  static func text(
    _ key: String, _ meaning: String, _ group: Group = .run,
    value: @escaping @Sendable (RunSummary) -> String
  ) -> SummaryColumn {
    SummaryColumn(
      key: key, unit: "", meaning: meaning, group: group, storage: .text,
      value: { .text(value($0)) })
  }

  static func count(
    _ key: String, _ unit: String, _ meaning: String, _ group: Group = .run,
    value: @escaping @Sendable (RunSummary) -> Int
  ) -> SummaryColumn {
    SummaryColumn(
      key: key, unit: unit, meaning: meaning, group: group, storage: .integer,
      value: { .integer(value($0)) })
  }

  static func real(
    _ key: String, _ unit: String, _ meaning: String, _ group: Group = .run,
    value: @escaping @Sendable (RunSummary) -> Double
  ) -> SummaryColumn {
    SummaryColumn(
      key: key, unit: unit, meaning: meaning, group: group, storage: .real,
      value: { .real(value($0)) })
  }

  /// A number that is absent where nothing was measured.
  static func measured(
    _ key: String, _ unit: String, _ meaning: String, _ group: Group = .run,
    value: @escaping @Sendable (RunSummary) -> Double?
  ) -> SummaryColumn {
    SummaryColumn(
      key: key, unit: unit, meaning: meaning, group: group, storage: .optionalReal,
      value: { JSONValue(value($0)) })
  }

  /// A count of the prefix cache, absent for a system without one.
  static func cacheCount(
    _ key: String, _ unit: String, _ meaning: String,
    value: @escaping @Sendable (PrefixCacheSummary) -> Int
  ) -> SummaryColumn {
    SummaryColumn(
      key: key, unit: unit, meaning: meaning, group: .kv, storage: .optionalInteger,
      value: { $0.kv.prefixCache.map { .integer(value($0)) } ?? .null })
  }

  /// A time-weighted share of the pool, from the waste ledger: `token_state` to `free` add to 1.
  static func share(
    _ key: String, _ meaning: String, value: @escaping @Sendable (RunSummary) -> Double
  ) -> SummaryColumn {
    .real(key, "share of the pool", meaning, .kv, value: value)
  }

  /// Mean, median and the 90th, 95th and 99th percentile of one latency, in milliseconds.
  static func distribution(
    _ key: String, _ meaning: String, value: @escaping @Sendable (RunSummary) -> Distribution
  ) -> [SummaryColumn] {
    [
      .measured("mean_\(key)", "ms", "mean \(meaning)") { value($0).mean },
      .measured("median_\(key)", "ms", "median of the same") { value($0).median },
      .measured("p90_\(key)", "ms", "90th percentile of the same") { value($0).p90 },
      .measured("p95_\(key)", "ms", "95th percentile of the same") { value($0).p95 },
      .measured("p99_\(key)", "ms", "99th percentile of the same") { value($0).p99 },
    ]
  }
}
