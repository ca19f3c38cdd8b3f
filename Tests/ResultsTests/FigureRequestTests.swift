import Messages
import Testing

@testable import Results

/// Figures that are asked for by name, and what is said of those that there are none of.
@Suite struct FigureRequestTests {
  @Test func aKindIsAFigureAMetric() throws {
    #expect(
      try FigureRequest.read("cdf").map(\.name) == ["cdf-ttft", "cdf-tpot", "cdf-e2e"])
    #expect(
      try FigureRequest.read("timeline:scale=log").map(\.name) == [
        "timeline-memory", "timeline-running", "timeline-waiting", "timeline-preemptions",
      ])
  }

  @Test func aFigureAcrossThePageHasAChartAMetric() throws {
    let requests = try FigureRequest.read("cdf:column=two")
    #expect(requests.map(\.name) == ["cdf"])
    #expect(requests[0].metrics == ["ttft", "tpot", "e2e"])
    #expect(try FigureRequest.read("cdf:column=two,metric=ttft").map(\.name) == ["cdf-ttft"])
  }

  @Test func optionsAreRead() throws {
    var wanted = FigureRequest(.cdf, ["ttft"])
    wanted.column = .one
    wanted.scale = .logarithmic
    #expect(try FigureRequest.read("cdf:metric=ttft,column=one,scale=log") == [wanted])
  }

  /// Every number of a summary can be drawn, under its column's name.
  @Test func aColumnIsAMetricOfCurves() throws {
    #expect(
      try FigureRequest.read("curve:metric=p95_tpot_ms").map(\.name) == ["curve-p95-tpot-ms"])
    for column in FigureCurve.columns {
      #expect(try FigureRequest.read("curve:metric=\(column)").count == 1)
    }
    #expect(FigureCurve.usual.allSatisfy { FigureCurve.columns.contains($0.column) })
  }

  @Test(arguments: [
    (
      "cdff", "`--figure` has no kind `cdff`",
      "did you mean `cdf`? kinds are `cdf`, `curve`, `timeline` and `ledger`"
    ),
    ("", "`--figure` has no kind ``", "kinds are `cdf`, `curve`, `timeline` and `ledger`"),
    (
      "cdf:colum=one", "`--figure cdf` has no option `colum`",
      "did you mean `column`? it has `metric`, `column` and `scale`"
    ),
    (
      "ledger:scale=log", "`--figure ledger` has no option `scale`",
      "it has `metric` and `column`"
    ),
    (
      "cdf:metric=tft", "`--figure cdf` has no metric `tft`",
      "did you mean `ttft`? it has `ttft`, `tpot` and `e2e`"
    ),
    (
      "curve:metric=p95_tpot", "`--figure curve` has no metric `p95_tpot`",
      "did you mean `p95_tpot_ms`? it has `ttft`, `p99_ttft_ms`, `tpot`, `e2e`, `normalized`, `throughput`, "
        + "`batch` and `token-state` and the numbers of `summary.csv`"
    ),
    (
      "cdf:column=three", "`--figure cdf` has no column `three`", "it fills `one` and `two`"
    ),
    (
      "cdf:scale=lin", "`--figure cdf` has no scale `lin`",
      "did you mean `linear`? it has `linear` and `log`"
    ),
    (
      "cdf:log", "`--figure cdf` takes options as `name=value`, found `log`",
      "such as `--figure cdf:metric=ttft,column=two`"
    ),
    (
      "cdf:", "`--figure cdf` takes options as `name=value`, found ``",
      "such as `--figure cdf:metric=ttft,column=two`"
    ),
    (
      "cdf:metric=ttft,metric=e2e", "`--figure cdf` has `metric` twice",
      "give `--figure` twice for two"
    ),
  ])
  func aMistakeHasAWayOut(text: String, message: String, hint: String) {
    #expect(throws: UserError(message, hint: hint)) { try FigureRequest.read(text) }
  }
}
