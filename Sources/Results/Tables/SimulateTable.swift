import Metrics
import Serving
import SimulationKernel

/// The tables of `simulate`: one run, a name and a value a line, in groups.
package enum SimulateTable {
  /// Renders the groups run, requests, latency, replicas (where there are several), batch, KV pool, prefix cache
  /// (where there is one) and provenance, with an empty line between them. The scenario is left to the files, where it can be
  /// read back.
  package static func rendered(_ summary: RunSummary) -> String {
    [
      group("run", run(summary), values: .left),
      group("requests", requests(summary)),
      latency(summary),
      classes(summary),
      attainment(summary).map { group("targets", $0) },
      summary.handOffs.map { group("handed off, mean ms", handOffs($0)) },
      ReplicaTable.rendered(summary.replicas, title: padded("replica")),
      failures(summary).map { group("failures", $0) },
      group("batch", batch(summary)),
      group("KV pool", pool(summary)),
      summary.kv.prefixCache.map { group("prefix cache", prefixCache($0)) },
      summary.kv.prefixCache?.tier.map { group("KV offloading", tier($0)) },
      summary.kv.prefixCache?.disk.map { group("KV on disk", disk($0)) },
      summary.speculation.map { group("speculation", speculation($0)) },
      servedError(summary),
      group("provenance", provenance(summary), values: .left),
    ].compactMap { $0 }.joined(separator: "\n")
  }

  /// A name with its unit, and the value.
  private typealias Line = (name: String, value: String)

  /// One group; all of them share the width of the names, so that the values stand in one column.
  private static func group(
    _ title: String, _ lines: [Line], values: TextTable.Alignment = .right
  ) -> String {
    var table = TextTable([.init(padded(title), .left), .init("", values)])
    table.rows = lines.map { [$0.name, $0.value] }
    return table.rendered()
  }

  private static func padded(_ title: String) -> String {
    title + String(repeating: " ", count: max(0, 27 - title.count))
  }

  private static func run(_ summary: RunSummary) -> [Line] {
    [("system", summary.system), ("model", summary.model), ("device", summary.device)]
  }

  private static func requests(_ summary: RunSummary) -> [Line] {
    [
      (
        "request rate, req/s",
        summary.requestRate > 0 ? Digits.significant(summary.requestRate) : "all at once"
      ),
      ("completed", String(summary.completed)),
      ("rejected", String(summary.rejected)),
      ("unfinished", String(summary.unfinished)),
      ("measuring window, s", Digits.significant(summary.duration)),
      ("request throughput, req/s", Digits.significant(summary.requestThroughput)),
      ("output throughput, tokens/s", Digits.significant(summary.outputThroughput)),
    ]
  }

  /// Latencies by class of traffic, and how many are in time where they have targets; nothing without classes.
  private static func classes(_ summary: RunSummary) -> String? {
    guard !summary.classes.isEmpty else { return nil }
    let hasTargets = summary.attained != nil
    var table = TextTable(
      [
        .init(padded("class"), .left), .init("completed"), .init("TTFT mean"), .init("p95"),
        .init("p99"), .init("TPOT mean"), .init("p95"), .init("p99"),
      ] + (hasTargets ? [.init("in time, %")] : []))
    table.rows = summary.classes.map { of in
      [of.name, "\(of.completed)"]
        + [of.ttft, of.tpot].flatMap { [$0.mean, $0.p95, $0.p99] }.map(Digits.significant)
        + (hasTargets ? [percent(of.attained)] : [])
    }
    return table.rendered()
  }

  /// How many requests are served as their targets ask, and how alike classes are served; nothing without either.
  private static func attainment(_ summary: RunSummary) -> [Line]? {
    let lines =
      [
        ("in time, %", summary.attained.map { percent($0) }),
        ("fairness (Jain)", summary.fairness.map { Digits.fixed($0, decimals: 3) }),
      ]
      .compactMap { name, value in value.map { (name, $0) } }
    return lines.isEmpty ? nil : lines
  }

  private static func percent(_ share: Double?) -> String {
    share.map { Digits.fixed($0 * 100, decimals: 2) } ?? ""
  }

  /// Where the time of requests went that were handed from one replica to another.
  private static func handOffs(_ handOffs: HandOffSummary) -> [Line] {
    handOffs.means.map { name, milliseconds in
      (name.replacing("_", with: " "), Digits.fixed(milliseconds, decimals: 2))
    } + [
      ("requests", String(handOffs.requests)),
      ("read, GB", Digits.fixed(Double(handOffs.bytes) / 1e9, decimals: 2)),
    ]
  }

  /// What failed, of all replicas together; nothing where none can.
  private static func failures(_ summary: RunSummary) -> [Line]? {
    guard !summary.failures.isEmpty else { return nil }
    let down = summary.failures.reduce(0) { $0 + $1.down.seconds }
    return [
      ("failures", String(summary.failures.reduce(0) { $0 + $1.failures })),
      ("replicas down, mean", Digits.significant(down / max(summary.duration, 1e-9))),
      ("retried requests", String(summary.failures.reduce(0) { $0 + $1.retriedRequests })),
      ("lost tokens", String(summary.failures.reduce(0) { $0 + $1.lostTokens })),
    ]
  }

  private static func latency(_ summary: RunSummary) -> String {
    var table = TextTable([
      .init(padded("latency"), .left), .init("mean"), .init("median"), .init("p90"), .init("p95"),
      .init("p99"),
    ])
    let rows = [
      ("TTFT, ms", summary.ttft), ("TPOT, ms", summary.tpot), ("ITL, ms", summary.itl),
      ("end to end, ms", summary.e2el),
    ]
    table.rows = rows.map { name, values in
      [name]
        + [values.mean, values.median, values.p90, values.p95, values.p99].map(Digits.significant)
    }
    // Defined as a mean, so the other four cells stay empty.
    table.rows.append(
      ["normalized, s/token", Digits.significant(summary.meanNormalizedLatency), "", "", "", ""])
    return table.rendered()
  }

  private static func batch(_ summary: RunSummary) -> [Line] {
    [
      ("batched requests, mean", Digits.fixed(summary.meanBatchedRequests, decimals: 1)),
      ("waiting requests, mean", Digits.fixed(summary.meanWaitingRequests, decimals: 1)),
      ("iterations", String(summary.iterations)),
      ("preemptions by recompute", String(summary.preemptionsRecompute)),
      ("preemptions by swap", String(summary.preemptionsSwap)),
    ]
  }

  private static func pool(_ summary: RunSummary) -> [Line] {
    let kv = summary.kv
    return [
      ("blocks", String(kv.blocks)),
      ("block size, tokens", String(kv.blockSize)),
      ("token state, %", Digits.percent(kv.tokenState)),
      ("reserved, %", Digits.percent(kv.reserved)),
      ("internal fragmentation, %", Digits.percent(kv.internalFragmentation)),
      ("external fragmentation, %", Digits.percent(kv.externalFragmentation)),
      ("cached, %", Digits.percent(kv.cached)),
      ("free, %", Digits.percent(kv.free)),
      ("saved by sharing, %", Digits.percent(kv.sharingSaving)),
    ]
  }

  private static func prefixCache(_ cache: PrefixCacheSummary) -> [Line] {
    [
      ("queried tokens", String(cache.queriedTokens)),
      ("hit tokens", String(cache.hitTokens)),
      ("hit rate, %", cache.hitRate.map(Digits.percent) ?? "–"),
      ("evicted blocks", String(cache.evictedBlocks)),
    ]
  }

  private static func milliseconds(_ seconds: Double) -> String {
    Digits.fixed(seconds * 1e3, decimals: 2)
  }

  /// A tier below the host's memory.
  private static func disk(_ disk: TierSummary) -> [Line] {
    [
      ("hit tokens", String(disk.hitTokens)),
      ("written, GB", Digits.fixed(Double(disk.storedBytes) / 1e9, decimals: 2)),
      ("read, GB", Digits.fixed(Double(disk.loadedBytes) / 1e9, decimals: 2)),
      ("reads", String(disk.loads)),
      ("mean read, ms", disk.loadSeconds.map(milliseconds) ?? "–"),
    ]
  }

  private static func tier(_ tier: TierSummary) -> [Line] {
    [
      ("hit tokens", String(tier.hitTokens)),
      ("held, and computed all the same, tokens", String(tier.computedTokens)),
      ("stored, GB of a GPU", Digits.fixed(Double(tier.storedBytes) / 1e9, decimals: 2)),
      ("loaded, GB of a GPU", Digits.fixed(Double(tier.loadedBytes) / 1e9, decimals: 2)),
      ("loads", String(tier.loads)),
      ("mean load, ms", tier.loadSeconds.map(milliseconds) ?? "–"),
      ("iterations waited for stores, ms", milliseconds(tier.flushSeconds)),
    ]
  }

  private static func speculation(_ drafts: SpeculationSummary) -> [Line] {
    [
      ("draft tokens", String(drafts.draftTokens)),
      ("accepted, %", Digits.percent(drafts.acceptanceRate)),
      (
        "accepted by position, %",
        drafts.acceptedAt.map(Digits.percent).joined(separator: " ")
      ),
      ("acceptance length, tokens", Digits.fixed(drafts.acceptanceLength, decimals: 2)),
      ("tokens a step", Digits.fixed(drafts.tokensPerStep, decimals: 2)),
    ]
  }

  /// How far served latencies were from simulated ones, and what the means of the run would then be.
  private static func servedError(_ summary: RunSummary) -> String? {
    guard let error = summary.provenance.servedError else { return nil }
    guard case .nearest(let measured) = error else {
      return group("served error", [("not known", error.text)], values: .left)
    }
    var table = TextTable([
      .init(padded("served error"), .left), .init("median %"), .init("p90 %"),
      .init("mean, off by p90", .left),
    ])
    let rows = [
      ("TTFT, ms", summary.ttft.mean, measured.ttft),
      ("TPOT, ms", summary.tpot.mean, measured.tpot),
    ]
    table.rows = rows.map { name, mean, errors in
      [
        name, Digits.percent(errors.median), Digits.percent(errors.p90),
        mean.map { ServedErrorText.interval($0, error: errors.p90) } ?? Digits.absent,
      ]
    }
    return table.rendered() + padded("of") + "  " + measured.text + "\n"
  }

  private static func provenance(_ summary: RunSummary) -> [Line] {
    [
      ("seed", String(summary.provenance.seed)),
      ("version", summary.provenance.version),
      ("cost profile", summary.provenance.costProfile),
    ]
  }
}
