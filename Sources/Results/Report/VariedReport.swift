/// A page about runs that differ in named settings: a heading, tables, and drawings, in the looks of
/// ``ReportPage``.
package struct VariedReport {
  package var title: String
  /// Sentences below the heading.
  package var facts: [String] = []
  /// Tables with their headings.
  package var tables: [(title: String, table: TextTable)] = []
  /// Drawings, in place of those that the runs give by themselves.
  package var figures: [Figure] = []

  package init(title: String) { self.title = title }

  /// The page; it needs nothing else.
  ///
  /// - Parameter runs: What is drawn below ``figures``.
  package func html(_ runs: RunFigures? = nil) -> String {
    var body = ["<h1>\(SVGText.escaped(title))</h1>"]
    body += facts.map { "<p>\(SVGText.escaped($0))</p>" }
    for (title, table) in tables {
      body += ["<h2>\(SVGText.escaped(title))</h2>", ReportTable.html(table)]
    }
    body += HTMLPage.section("Drawings", figures.map(\.onScreen))
    body += runs?.sections() ?? []
    return HTMLPage.text(title: title, body: body)
  }
}
