/// A page that needs nothing else, no network and no other file: light and dark follow the reader's system, and a script
/// shows values where a drawing is pointed at, and a part of it where one is marked (``ReportScript``).
enum HTMLPage {
  /// - Parameter body: Elements, in order.
  static func text(title: String, body: [String]) -> String {
    """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width,initial-scale=1">
    <title>\(SVGText.escaped(title))</title>
    <style>\(ReportStyle.css)\n\(FigureStyle.css)</style></head><body><main>
    \((body + ReportScript.element(body)).joined(separator: "\n"))
    </main></body></html>

    """
  }

  /// A heading with its drawings, or nothing where there are none.
  static func section(_ title: String, _ figures: [Figure]) -> [String] {
    guard !figures.isEmpty else { return [] }
    return ["<h2>\(SVGText.escaped(title))</h2>"] + drawings(figures)
  }

  private static let hint =
    "<p class=\"scripted\" hidden>Mark a part of a chart to enlarge it; a double click shows all of it.</p>"

  static func drawings(_ figures: [Figure]) -> [String] {
    guard !figures.isEmpty else { return [] }
    let hint = figures.contains(where: \.hasCurves) ? [Self.hint] : []
    return hint + ["<div class=\"charts\">"]
      + figures.map { "<figure>\($0.svg(isStandalone: false))</figure>" } + ["</div>"]
  }
}

extension RunFigures {
  /// The drawings of a page, under their headings.
  func sections() -> [String] {
    let parts: [(heading: String, kind: FigureRequest.Kind)] = [
      ("Latency and throughput", .curve), ("Distributions of latency", .cdf),
      ("Where the KV memory is", .ledger), ("Batch, queue and memory over time", .timeline),
    ]
    return parts.flatMap { HTMLPage.section($0.heading, usual([$0.kind]).map(\.onScreen)) }
  }
}

extension Figure {
  /// As a page shows it: charts of half its width.
  var onScreen: Figure {
    var figure = self
    figure.inches = nil
    figure.chartWidth = 500
    figure.columns = min(2, max(1, charts.count))
    return figure
  }
}
