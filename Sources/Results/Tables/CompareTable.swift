import Metrics

/// The table of `compare`: one row a run, runs of the same request rate together.
package enum CompareTable {
  private struct Column {
    var title: String
    var alignment = TextTable.Alignment.right
    var cell: (RunSummary) -> String
  }

  /// Renders the runs by rising request rate; runs of the same rate stay in the order given, and the
  /// rate is printed in the first of them only.
  ///
  /// The column `cached %` appears where a run has cached blocks, so that the shares of a row always
  /// add to 100; `hits %` where one found something in its prefix cache.
  ///
  /// - Parameter maxWidth: Columns of the terminal, or `nil` for no limit.
  package static func rendered(_ summaries: [RunSummary], maxWidth: Int? = nil) -> String {
    let hasCached = summaries.contains { $0.kv.cached > 0 }
    let hasHits = summaries.contains { $0.kv.prefixCache.map { $0.hitTokens > 0 } ?? false }
    let columns =
      load + (hasCached ? ledger : ledger.filter { $0.title != cachedTitle })
      + (hasHits ? [hits] : []) + tail
    var table = TextTable(columns.map { .init($0.title, $0.alignment) }, keyColumns: 2)
    // `sort` promises no order among equals, so the position decides there.
    let order = summaries.indices.sorted {
      (summaries[$0].requestRate, $0) < (summaries[$1].requestRate, $1)
    }
    var rate: Double?
    for index in order {
      let summary = summaries[index]
      var cells = columns.map { $0.cell(summary) }
      if rate == summary.requestRate { cells[0] = "" }
      rate = summary.requestRate
      table.rows.append(cells)
    }
    return table.rendered(maxWidth: maxWidth)
  }

  private static let cachedTitle = "cached\n%"

  private static var load: [Column] {
    [
      Column(title: "req/s") { Digits.significant($0.requestRate) },
      Column(title: "system", alignment: .left) { $0.system },
      Column(title: "batched") { Digits.fixed($0.meanBatchedRequests, decimals: 1) },
      Column(title: "waiting") { Digits.fixed($0.meanWaitingRequests, decimals: 1) },
      Column(title: "TTFT\nmean s") { Digits.significant($0.ttft.mean.map { $0 / 1e3 }) },
      Column(title: "TPOT\nmean ms") { Digits.significant($0.tpot.mean) },
      Column(title: "norm. latency\ns/token") { Digits.significant($0.meanNormalizedLatency) },
      Column(title: "out\ntok/s") { Digits.significant($0.outputThroughput) },
    ]
  }

  private static var ledger: [Column] {
    [
      Column(title: "token state\n%") { Digits.percent($0.kv.tokenState) },
      Column(title: "reserved\n%") { Digits.percent($0.kv.reserved) },
      Column(title: "internal\n%") { Digits.percent($0.kv.internalFragmentation) },
      Column(title: "external\n%") { Digits.percent($0.kv.externalFragmentation) },
      Column(title: cachedTitle) { Digits.percent($0.kv.cached) },
      Column(title: "free\n%") { Digits.percent($0.kv.free) },
    ]
  }

  private static var hits: Column {
    Column(title: "hits\n%") { $0.kv.prefixCache?.hitRate.map(Digits.percent) ?? "–" }
  }

  private static var tail: [Column] {
    [Column(title: "preempt.") { String($0.preemptionsRecompute + $0.preemptionsSwap) }]
  }
}
