import Metrics

/// One column of what the tiers behind the prefix caches gave. The list ``all`` is the only place where a column is named:
/// `tiers.csv`, the table `tiers`, JSON and `docs/SCHEMA.md` follow it.
package struct TierColumn: Sendable {
  /// Name in every format.
  package var key: String
  /// Unit of the value, empty where it is a name.
  package var unit: String
  /// What the value is, in one line.
  package var meaning: String
  package var storage: SummaryColumn.Storage
  package var value: @Sendable (TierSummary) -> JSONValue

  /// Every column, in the order in which all formats write them.
  package static let all: [TierColumn] = [
    TierColumn(
      key: "tier", unit: "", meaning: "where it is: `host`, or `disk` below it", storage: .text
    ) { .text($0.place.rawValue) },
    .count("hit_tokens", "tokens", "tokens that came from it, and were not computed again") {
      $0.hitTokens
    },
    .count("computed_tokens", "tokens", "tokens that it had and that were computed all the same") {
      $0.computedTokens
    },
    .count("stored_bytes", "bytes", "bytes to it: over the link of each GPU, or the disk's") {
      $0.storedBytes
    },
    .count("loaded_bytes", "bytes", "bytes from it: over the link of each GPU, or the disk's") {
      $0.loadedBytes
    },
    .count("loads", "loads", "loads that requests waited for, or computed beside") { $0.loads },
    TierColumn(
      key: "mean_load_ms", unit: "ms", meaning: "mean time from the decision to load to its end",
      storage: .optionalReal
    ) { JSONValue($0.loadSeconds.map { $0 * 1000 }) },
    TierColumn(
      key: "flush_ms", unit: "ms",
      meaning: "how long iterations waited for copies, mostly of blocks that they write to, in all",
      storage: .real
    ) { .real($0.flushSeconds * 1000) },
  ]

  private static func count(
    _ key: String, _ unit: String, _ meaning: String,
    value: @escaping @Sendable (TierSummary) -> Int
  ) -> TierColumn {
    TierColumn(key: key, unit: unit, meaning: meaning, storage: .integer) { .integer(value($0)) }
  }
}

extension RunSummary {
  /// The tiers behind the prefix cache, the uppermost first, of all replicas together.
  var tiers: [TierSummary] {
    [kv.prefixCache?.tier, kv.prefixCache?.disk].compactMap { $0 }
  }
}
