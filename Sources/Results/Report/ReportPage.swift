import Metrics

/// `report.html`: the runs of one command on one page that needs nothing else, no network and no
/// script. Values show when a point is pointed at; light and dark follow the reader's system.
package struct ReportPage {
  private let runs: [RunResult]
  private var summaries: [RunSummary] { runs.map(\.summary) }

  package init(_ runs: [RunResult]) { self.runs = runs }

  /// The page; the same text for the same runs.
  package var html: String {
    let charts = ReportCharts(runs)
    var body = ["<h1>\(SVGText.escaped(title))</h1>", provenance]
    body += ["<h2>Runs</h2>", ReportTable.html(CompareTable.table(summaries))]
    body += section("Latency against request rate", charts.latencies)
    body += section("Where the KV memory is, in the mean", charts.ledgers)
    body += section("Where the KV memory is, over time", charts.ledgersOverTime)
    body += section("Batch, queue and preemptions over time", charts.queuesOverTime)
    body.append("<h2>Settings</h2>")
    body.append(settings)
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width,initial-scale=1">
      <title>\(SVGText.escaped(title))</title>
      <style>\(ReportStyle.css)\n\(FigureStyle.css)</style></head><body><main>
      \(body.joined(separator: "\n"))
      </main></body></html>

      """
  }

  /// The drawings of the page, in its order.
  package var figures: [Figure] {
    let charts = ReportCharts(runs)
    return charts.latencies + charts.ledgers + charts.ledgersOverTime + charts.queuesOverTime
  }

  private var title: String {
    let models = unique(summaries.map { "\($0.model) on \($0.device)" })
    let trace = summaries.first?.provenance.scenario.first { $0.name == "trace" }?.value
    return models.joined(separator: ", ") + (trace.map { ": \($0)" } ?? "")
  }

  private var provenance: String {
    guard let first = summaries.first?.provenance else { return "" }
    let prices = unique(summaries.map(\.provenance.costProfile)).joined(separator: "; ")
    let served = unique(
      summaries.compactMap { $0.provenance.servedError.map(ServedErrorText.sentence) })
    return "<p>kvplan \(SVGText.escaped(first.version)), seed \(first.seed). Prices: "
      + "\(SVGText.escaped(prices)).</p>"
      + served.map { "<p>\(SVGText.escaped($0))</p>" }.joined()
  }

  /// A heading with its drawings, or nothing where there are none.
  private func section(_ title: String, _ figures: [Figure]) -> [String] {
    guard !figures.isEmpty else { return [] }
    let drawings = figures.map { "<figure>\($0.svg(isStandalone: false))</figure>" }
    return ["<h2>\(title)</h2>", "<div class=\"charts\">"] + drawings + ["</div>"]
  }

  /// Settings that all runs share, and below them those that differ.
  private var settings: String {
    guard let first = summaries.first else { return "" }
    let rows = first.provenance.scenario.map { field in
      let values = summaries.map { summary in
        summary.provenance.scenario.first { $0.name == field.name }?.value ?? ""
      }
      return "<tr><th>\(SVGText.escaped(field.name))</th>"
        + "<td>\(SVGText.escaped(unique(values).joined(separator: ", ")))</td></tr>"
    }
    return "<table class=\"settings\">\(rows.joined())</table>"
  }

  private func unique(_ texts: [String]) -> [String] {
    var seen: [String] = []
    for text in texts where !seen.contains(text) { seen.append(text) }
    return seen
  }
}

/// The looks of the page around the drawings.
enum ReportStyle {
  static let css = """
    :root{color-scheme:light dark;--text:#1a1a1a;--page:#ffffff;--line:#d5d5d5;--soft:#f4f4f4}
    @media(prefers-color-scheme:dark){:root{--text:#e8e8e8;--page:#16181c;--line:#444444;--soft:#22252b}}
    @media print{:root{--text:#000000;--page:#ffffff}figure,tr{break-inside:avoid}h2{break-after:avoid}}
    body{margin:0;background:var(--page);color:var(--text);\
    font:15px/1.5 system-ui,"DejaVu Sans",sans-serif}
    main{max-width:1080px;margin:0 auto;padding:16px}
    h1{font-size:22px}h2{font-size:17px;margin-top:28px}
    .charts{display:flex;flex-wrap:wrap;gap:12px}
    figure{margin:0;max-width:100%}figure svg{max-width:100%;height:auto}
    .scroll{overflow-x:auto}
    table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
    th,td{padding:4px 8px;border-bottom:1px solid var(--line);text-align:right;vertical-align:bottom}
    th.left,td.left,.settings th,.settings td{text-align:left}
    tr.first td{border-top:1px solid var(--text)}thead th{background:var(--soft)}
    """
}
