import Results
import Workload

/// A trace's description in words and numbers, for `kvplan trace describe`.
enum TraceTable {
  /// Names and values in the order in which they are printed; absent values are `null`.
  private static func fields(_ trace: TraceDescription) -> [JSONValue.Member] {
    func number(_ value: Double?) -> JSONValue { value.map { .real($0) } ?? .null }
    func lengths(_ summary: LengthSummary) -> JSONValue {
      .object([
        .init("mean", .real(summary.mean)), .init("p50", .real(summary.p50)),
        .init("p95", .real(summary.p95)), .init("p99", .real(summary.p99)),
        .init("max", .integer(summary.max)),
      ])
    }
    return [
      .init("rows", .integer(trace.rows)), .init("span_s", number(trace.spanSeconds)),
      .init("rate_rps", number(trace.requestRate)),
      .init("interarrival_cv", number(trace.interarrivalCV)),
      .init("prompt_tokens", lengths(trace.prompt)),
      .init("output_tokens", lengths(trace.output)),
      .init("rank_correlation", number(trace.rankCorrelation)),
      .init("sessions", .integer(trace.sessionCount)),
      .init("sampled_requests", .integer(trace.sampledRequestCount)),
      .init("beam_requests", .integer(trace.beamRequestCount)),
    ]
  }

  static func json(_ trace: TraceDescription) -> String {
    JSONValue.object(fields(trace)).indented + "\n"
  }

  static func csv(_ trace: TraceDescription) -> String {
    let flat = fields(trace).flatMap { field -> [JSONValue.Member] in
      guard case .object(let members) = field.value else { return [field] }
      return members.map { .init("\(field.name)_\($0.name)", $0.value) }
    }
    let values = flat.map { $0.value == .null ? "" : $0.value.compact }
    return flat.map(\.name).joined(separator: ",") + "\n" + values.joined(separator: ",") + "\n"
  }

  static func rendered(_ trace: TraceDescription) -> String {
    var lengths = TextTable([
      .init("tokens", .left), .init("mean"), .init("p50"), .init("p95"), .init("p99"),
      .init("max"),
    ])
    for (name, summary) in [("prompt", trace.prompt), ("output", trace.output)] {
      lengths.rows.append(
        [name]
          + [summary.mean, summary.p50, summary.p95, summary.p99].map {
            Digits.fixed($0, decimals: 1)
          }
          + ["\(summary.max)"])
    }
    var load = TextTable([.init("requests", .left), .init("")])
    load.rows.append(["rows", "\(trace.rows)"])
    if let span = trace.spanSeconds {
      load.rows.append(["span s", Digits.fixed(span, decimals: 1)])
    }
    if let rate = trace.requestRate {
      load.rows.append(["rate req/s", Digits.fixed(rate, decimals: 3)])
    }
    if let cv = trace.interarrivalCV {
      load.rows.append(["inter-arrival CV", Digits.fixed(cv, decimals: 3)])
    }
    if let rank = trace.rankCorrelation {
      load.rows.append(["rank correlation prompt, output", Digits.fixed(rank, decimals: 3)])
    }
    if trace.sessionCount > 0 { load.rows.append(["sessions", "\(trace.sessionCount)"]) }
    if trace.sampledRequestCount > 0 {
      load.rows.append(["requests with n > 1", "\(trace.sampledRequestCount)"])
    }
    if trace.beamRequestCount > 0 {
      load.rows.append(["requests with beams", "\(trace.beamRequestCount)"])
    }
    return load.rendered() + "\n" + lengths.rendered()
  }
}
