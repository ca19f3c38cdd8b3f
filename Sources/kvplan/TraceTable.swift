import CostModel
import Results
import TraceFiles
import Workload

/// A trace's description in words and numbers, for `kvplan trace describe`.
struct TraceTable {
  let description: TraceDescription
  let reading: TraceReading
  /// The model whose need of KV memory is told.
  var model: ModelSpec?

  /// Names and values in the order in which they are printed; absent values are `null`.
  private var fields: [JSONValue.Member] {
    let trace = description
    func number(_ value: Double?) -> JSONValue { value.map { .real($0) } ?? .null }
    func lengths(_ summary: LengthSummary) -> JSONValue {
      .object([
        .init("mean", .real(summary.mean)), .init("p50", .real(summary.p50)),
        .init("p95", .real(summary.p95)), .init("p99", .real(summary.p99)),
        .init("max", .integer(summary.max)),
      ])
    }
    let dispersion = zip(TraceDescription.dispersionWindows, trace.dispersion).map {
      JSONValue.Member("dispersion_\($0)s", number($1))
    }
    return [
      .init("rows", .integer(trace.rows)), .init("span_s", number(trace.spanSeconds)),
      .init("rate_rps", number(trace.requestRate)),
      .init("interarrival_cv", number(trace.interarrivalCV)),
      .init("zero_gap_share", number(trace.zeroGapShare)),
    ] + dispersion + [
      .init("prompt_tokens", lengths(trace.prompt)),
      .init("output_tokens", lengths(trace.output)),
      .init("rank_correlation", number(trace.rankCorrelation)),
      .init("rank_correlation_binned", .boolean(trace.isRankCorrelationBinned)),
      .init("prefix_sharing", number(trace.prefixCache?.tokenHitRatio)),
      .init("sessions", .integer(trace.sessionCount)),
      .init("sampled_requests", .integer(trace.sampledRequestCount)),
      .init("beam_requests", .integer(trace.beamRequestCount)),
      .init("format", .text(reading.format.rawValue)),
      .init("zero_output_requests", .integer(reading.facts.zeroOutputs)),
      .init("skipped_rows", .integer(reading.facts.skippedRows)),
      .init("characters_per_token", number(reading.facts.charactersPerToken)),
    ] + prefixFields + kvFields
  }

  private var prefixFields: [JSONValue.Member] {
    guard let cache = description.prefixCache else { return [] }
    return [
      .init(
        "prefix_cache",
        .object([
          .init("block_tokens", .integer(cache.blockTokens)),
          .init("blocks", .integer(cache.blocks)),
          .init("unique_blocks", .integer(cache.uniqueBlocks)),
          .init("block_hit_ratio", .real(cache.blockHitRatio)),
          .init("token_hit_ratio", .real(cache.tokenHitRatio)),
          .init("mean_request_hit_ratio", .real(cache.meanRequestHitRatio)),
          .init("request_hit_share", .real(cache.requestHitShare)),
        ])),
      .init(
        "prefix_cache_sizes",
        .array(
          cache.points.map {
            .object([
              .init("cache_tokens", .integer($0.cacheTokens)),
              .init("token_hit_ratio", .real($0.tokenHitRatio)),
            ])
          })),
    ]
  }

  private var kvFields: [JSONValue.Member] {
    guard let model else { return [] }
    let bytes = model.kvBytesPerToken()
    return [
      .init(
        "kv",
        .object([
          .init("model", .text(model.name)), .init("bytes_per_token", .integer(bytes)),
          .init("mean_request_gb", .real(gigabytes(description.meanTotalTokens * Double(bytes)))),
        ]))
    ]
  }

  var json: String { JSONValue.object(fields).recorded.indented + "\n" }

  /// One header line and one line of values; lists are left to JSON.
  var csv: String {
    let flat = fields.flatMap { field -> [JSONValue.Member] in
      if case .array = field.value { return [] }
      guard case .object(let members) = field.value else { return [field] }
      return members.map { .init("\(field.name)_\($0.name)", $0.value) }
    }
    let values = flat.map { $0.value == .null ? "" : $0.value.csvField }
    return flat.map(\.name).joined(separator: ",") + "\n" + values.joined(separator: ",") + "\n"
  }
}

/// Decimal gigabytes.
func gigabytes(_ bytes: Double) -> Double { bytes / 1e9 }

extension JSONValue {
  /// Text without quotes, anything else as JSON: names here hold neither commas nor quotes.
  fileprivate var csvField: String {
    if case .text(let text) = self { return text }
    return compact
  }
}
