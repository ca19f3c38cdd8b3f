import Metrics

/// `report.html`: the runs of one command on one page.
package struct ReportPage {
  private let runs: [RunResult]
  private var summaries: [RunSummary] { runs.map(\.summary) }

  package init(_ runs: [RunResult]) { self.runs = runs }

  /// The page; the same text for the same runs.
  package var html: String {
    var body = ["<h1>\(SVGText.escaped(title))</h1>", provenance]
    body += ["<h2>Runs</h2>", ReportTable.html(CompareTable.table(summaries))]
    body += RunFigures(runs).sections()
    body += ["<h2>Settings</h2>", settings]
    return HTMLPage.text(title: title, body: body)
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
    .value{position:absolute;pointer-events:none;padding:2px 7px;border-radius:3px;font-size:12px;\
    background:var(--text);color:var(--page);white-space:nowrap}
    svg .spot{fill:none;stroke:var(--ink);stroke-width:1.5;pointer-events:none}
    svg .part{fill:var(--ink);fill-opacity:.12;pointer-events:none}figure svg{touch-action:pan-y}
    .scripted{font-size:13px;margin:0 0 6px}.charts~.scripted{display:none}
    tr.first td{border-top:1px solid var(--text)}thead th{background:var(--soft)}
    """
}
