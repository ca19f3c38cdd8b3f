import Testing

@testable import Metrics
@testable import Results

/// The error of served latency beside a run whose means are 120.5 ms of TTFT and 25.25 ms of TPOT.
@Suite struct ServedErrorTextTests {
  private static let measured = ServedError.Nearest(
    model: "qwen3-32b", device: "h100-sxm", engine: "vllm", rows: 48,
    ttft: .init(median: 0.25, p90: 0.5), tpot: .init(median: 0.25, p90: 1), isFitted: true,
    source: "points.csv", date: "2026-11-29", isSameModel: false, isSameDevice: true)

  private static func summary(_ error: ServedError) -> RunSummary {
    var summary = Samples.summary
    summary.provenance.servedError = error
    return summary
  }

  @Test func theTableHasWhatAServerWouldShow() {
    let text = SimulateTable.rendered(Self.summary(.nearest(Self.measured)))
    #expect(
      text.contains(
        """
        served error                 median %  p90 %  mean, off by p90
        ───────────────────────────  ────────  ─────  ────────────────
        TTFT, ms                         25.0   50.0  80.3 to 241
        TPOT, ms                         25.0  100.0  12.6 or more
        of                           qwen3-32b on h100-sxm, vllm (another model, the same device; 48 rows of \
        points.csv, 2026-11-29)

        """))
    #expect(
      SimulateTable.rendered(Self.summary(.unknown("no served runs were compared"))).contains(
        """
        served error
        ───────────────────────────  ────────────────────────────
        not known                    no served runs were compared

        """))
    #expect(!SimulateTable.rendered(Samples.summary).contains("served error"))
  }

  /// Below the tables of several runs stands a row for each error that differs, with the device where devices differ.
  @Test func tablesOfSeveralRunsHaveIt() throws {
    let near = Self.summary(.nearest(Self.measured))
    var far = Self.summary(.unknown("no served runs were compared"))
    far.system = "orca-max"
    #expect(
      ServedErrorText.table([near, near, far]) == """

        served error      TTFT   TTFT      TPOT   TPOT  of
                      median %  p90 %  median %  p90 %
        ────────────  ────────  ─────  ────────  ─────  ────────────────────────────────────────────────────────────────\
        ───────────────────────────────
        vllm-sosp23       25.0   50.0      25.0  100.0  qwen3-32b on h100-sxm, vllm (another model, the same device; 48 rows \
        of points.csv, 2026-11-29)
        orca-max             –      –         –      –  not known: no served runs were compared

        """)
    far.device = "l4"
    let table = try #require(ServedErrorText.table([near, far]))
    #expect(table.contains("\nvllm-sosp23, a100-40gb  "))
    #expect(table.contains("\norca-max, l4  "))
    #expect(ServedErrorText.table([Samples.summary]) == nil)
  }

  @Test func theDocumentHasBothEnds() {
    let text = SummaryText.json(Self.summary(.nearest(Self.measured)))
    #expect(
      text.contains(
        """
              "mean_ttft_ms": {
                "median": {
                  "low": 96.4,
                  "high": 160.66666666666666
                },
                "p90": {
                  "low": 80.33333333333333,
                  "high": 241.0
                }
              },
              "mean_tpot_ms": {
                "median": {
                  "low": 20.2,
                  "high": 33.666666666666664
                },
                "p90": {
                  "low": 12.625,
                  "high": null
                }
              }
        """))
    #expect(SummaryText.json(Self.summary(.unknown(""))).contains("\"served_error\": null"))
    #expect(!SummaryText.json(Samples.summary).contains("served_error"))
  }

  @Test func thePageSaysIt() {
    let run = RunResult(summary: Self.summary(.nearest(Self.measured)), requests: [])
    #expect(
      ReportPage([run]).html.contains(
        "<p>Error of served latency, of the nearest deployment that was measured, qwen3-32b on h100-sxm, vllm "
          + "(another model, the same device; 48 rows of points.csv, 2026-11-29): TPOT 25.0 % in the median and "
          + "100.0 % at p90, TTFT 25.0 % in the median and 50.0 % at p90. The engine's parameters were fitted on "
          + "these rows: elsewhere errors are larger.</p>"))
  }
}
