import CostModel
import Results
import TraceFiles
import Workload

extension TraceTable {
  /// The description for people: load, lengths, histograms, and what a prefix cache would find.
  var rendered: String {
    [load, lengths, histogram, prefixCache, kvNeed].compactMap { $0 }.joined(separator: "\n")
  }

  private var load: String {
    let trace = description
    var load = TextTable([.init("requests", .left), .init("")])
    func row(_ name: String, _ value: Double?, _ decimals: Int) {
      guard let value else { return }
      load.rows.append([name, Digits.fixed(value, decimals: decimals)])
    }
    load.rows.append(["format", reading.format.rawValue])
    load.rows.append(["rows", "\(trace.rows)"])
    if reading.facts.zeroOutputs > 0 {
      load.rows.append(["requests that generated nothing", "\(reading.facts.zeroOutputs)"])
    }
    row("span s", trace.spanSeconds, 1)
    row("rate req/s", trace.requestRate, 3)
    row("inter-arrival CV", trace.interarrivalCV, 3)
    for (window, dispersion) in zip(TraceDescription.dispersionWindows, trace.dispersion) {
      row("dispersion of counts in \(window) s", dispersion, 2)
    }
    row("rank correlation prompt, output", trace.rankCorrelation, 3)
    if trace.sessionCount > 0 { load.rows.append(["sessions", "\(trace.sessionCount)"]) }
    if trace.sampledRequestCount > 0 {
      load.rows.append(["requests with n > 1", "\(trace.sampledRequestCount)"])
    }
    if trace.beamRequestCount > 0 {
      load.rows.append(["requests with beams", "\(trace.beamRequestCount)"])
    }
    return load.rendered()
  }

  private var lengths: String {
    let unit = reading.facts.charactersPerToken == nil ? "tokens" : "tokens (estimated)"
    var lengths = TextTable([
      .init(unit, .left), .init("mean"), .init("p50"), .init("p95"), .init("p99"), .init("max"),
    ])
    for (name, summary) in [("prompt", description.prompt), ("output", description.output)] {
      lengths.rows.append(
        [name]
          + [summary.mean, summary.p50, summary.p95, summary.p99].map {
            Digits.fixed($0, decimals: 1)
          }
          + ["\(summary.max)"])
    }
    return lengths.rendered()
  }

  /// Both sides in buckets that double, side by side; the longest bar of a side is twenty marks.
  private var histogram: String {
    let prompts = Dictionary(uniqueKeysWithValues: description.promptBuckets.buckets)
    let outputs = Dictionary(uniqueKeysWithValues: description.outputBuckets.buckets)
    let starts = Set(prompts.keys).union(outputs.keys).sorted()
    func bar(_ count: Int?, of buckets: [Int: Int]) -> String {
      let highest = buckets.values.max() ?? 1
      let marks = (20 * Double(count ?? 0) / Double(highest)).rounded(.up)
      return String(repeating: "#", count: Int(marks))
    }
    var table = TextTable([
      .init("tokens from"), .init("prompts"), .init("", .left), .init("outputs"), .init("", .left),
    ])
    for start in starts {
      table.rows.append([
        "\(start)", "\(prompts[start] ?? 0)", bar(prompts[start], of: prompts),
        "\(outputs[start] ?? 0)", bar(outputs[start], of: outputs),
      ])
    }
    return table.rendered()
  }

  private var prefixCache: String? {
    guard let cache = description.prefixCache else { return nil }
    var table = TextTable(
      [
        .init("prefix cache, blocks of \(cache.blockTokens) tokens", .left), .init("tokens"),
      ] + (model == nil ? [] : [.init("GB")]) + [.init("found %")])
    func row(_ name: String, _ tokens: Int, _ ratio: Double) {
      let memory = model.map {
        [Digits.fixed(gigabytes(Double(tokens * $0.kvBytesPerToken())), decimals: 2)]
      }
      table.rows.append(
        [name, "\(tokens)"] + (memory ?? []) + [Digits.fixed(100 * ratio, decimals: 1)])
    }
    for point in cache.points where point.tokenHitRatio > 0 {
      row("least recently used", point.cacheTokens, point.tokenHitRatio)
    }
    row("without bound", cache.uniqueBlocks * cache.blockTokens, cache.tokenHitRatio)
    return table.rendered()
  }

  private var kvNeed: String? {
    guard let model else { return nil }
    let bytes = Double(model.kvBytesPerToken())
    var table = TextTable([.init("KV of \(model.name)", .left), .init("")])
    table.rows.append(["kB per token", Digits.fixed(bytes / 1e3, decimals: 1)])
    table.rows.append([
      "GB of a request at its end, mean",
      Digits.fixed(gigabytes(description.meanTotalTokens * bytes), decimals: 3),
    ])
    return table.rendered()
  }
}
