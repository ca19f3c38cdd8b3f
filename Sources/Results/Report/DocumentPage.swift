/// A document of sections: text for a terminal, or one page that needs nothing else.
package struct Document {
  /// A heading with what stands below it, in this order.
  package struct Section {
    package var heading: String
    package var paragraphs: [String]
    package var table: TextTable?
    package var figures: [Figure]

    package init(
      _ heading: String, paragraphs: [String] = [], table: TextTable? = nil,
      figures: [Figure] = []
    ) {
      self.heading = heading
      self.paragraphs = paragraphs
      self.table = table
      self.figures = figures
    }
  }

  package var title: String
  package var sections: [Section]

  package init(title: String, sections: [Section]) {
    self.title = title
    self.sections = sections
  }

  /// As text, without the figures; a section of nothing but figures is left out.
  ///
  /// - Parameter maxWidth: Columns of the terminal; paragraphs and tables are broken there. `nil` for no
  ///   limit on tables and 100 columns for paragraphs.
  package func text(maxWidth: Int?) -> String {
    let shown = sections.filter { !$0.paragraphs.isEmpty || $0.table != nil }
    return "\(title)\n\n" + shown.map { $0.text(maxWidth: maxWidth) }.joined(separator: "\n")
  }

  /// As a page; the same text for the same document.
  package var html: String {
    let body = sections.flatMap { section in
      (section.heading.isEmpty ? [] : ["<h2>\(SVGText.escaped(section.heading))</h2>"])
        + section.paragraphs.map { "<p>\(SVGText.escaped($0))</p>" }
        + (section.table.map { [ReportTable.html($0)] } ?? [])
        + HTMLPage.drawings(section.figures)
    }
    return HTMLPage.text(title: title, body: ["<h1>\(SVGText.escaped(title))</h1>"] + body)
  }
}

extension Document.Section {
  /// As text, without the figures.
  ///
  /// - Parameter maxWidth: As of ``Document/text(maxWidth:)``.
  package func text(maxWidth: Int?) -> String {
    let heading = heading.isEmpty ? "" : heading + "\n"
    let paragraphs = paragraphs.map { Self.wrapped($0, width: maxWidth ?? 100) }
    return heading + paragraphs.joined() + (table?.rendered(maxWidth: maxWidth) ?? "")
  }

  /// Lines of at most `width` columns where words allow it, each ended by a newline.
  private static func wrapped(_ paragraph: String, width: Int) -> String {
    var lines = [""]
    for word in paragraph.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }
}
