import Testing

@testable import Metrics
@testable import Results

@Suite struct ReportTests {
  private static func run(_ system: String, rate: Double) -> RunResult {
    var summary = Samples.summary
    summary.system = system
    summary.requestRate = rate
    let history = (0..<200).map { index in
      HistoryPoint(
        second: Double(index), duration: 1, shares: [0.5, 0.25, 0.125, 0, 0, 0.125],
        heldBlocks: 56, running: 3, waiting: 1, preemptions: index % 2)
    }
    return RunResult(summary: summary, requests: [], history: history)
  }

  private static let runs = [1.0, 2].flatMap { rate in
    ["vllm-sosp23", "orca-max"].map { run($0, rate: rate) }
  }

  /// One file that fetches nothing; its script is its own.
  @Test func thePageNeedsNothingElse() {
    let html = ReportPage(Self.runs).html
    #expect(html.hasPrefix("<!DOCTYPE html>"))
    let words = [
      "src=", "href=", "@import", "url(http", "fetch(", "XMLHttpRequest", "import(", "eval(",
    ]
    for word in words { #expect(!html.contains(word), "\(word)") }
    #expect(html.ranges(of: "<script>").count == 1)
    let addresses = Set(html.matches(of: /https?:[^" ]+/).map { String($0.0) })
    #expect(addresses == ["http://www.w3.org/2000/svg"])
    #expect(html.contains("prefers-color-scheme:dark") && html.contains("@media print"))
    #expect(html.contains("name=\"viewport\""))
  }

  @Test func everySectionIsThere() {
    let html = ReportPage(Self.runs).html
    let headings = html.matches(of: /<h2>([^<]+)<\/h2>/).map { String($0.1) }
    #expect(
      headings == [
        "Runs", "Latency and throughput", "Where the KV memory is",
        "Batch, queue and memory over time", "Settings",
      ])
    #expect(html.contains("<title>orca-max at 0 s, token state: 50</title>"))
  }

  @Test func oneRateHasNoCurveOverRates() {
    let html = ReportPage([Self.run("vllm-sosp23", rate: 1)]).html
    #expect(!html.contains("Latency and throughput"))
  }

  @Test func theSameRunsGiveTheSameBytes() {
    #expect(ReportPage(Self.runs).html == ReportPage(Self.runs).html)
  }

  @Test func aTableIsLaTeX() {
    var table = TextTable([.init("req/s"), .init("system", .left), .init("state\n%")])
    table.rows = [["1", "a_b", "50"], ["", "c", "–"], ["2", "a_b", "60"]]
    #expect(
      ReportTable.latex(table) == #"""
        % needs \usepackage{booktabs}
        \begin{tabular}{rlr}
        \toprule
        req/s & system & \shortstack{state \\ \%} \\
        \midrule
        1 & a\_b & 50 \\
         & c & -- \\
        \addlinespace
        2 & a\_b & 60 \\
        \bottomrule
        \end{tabular}

        """#)
  }
}
