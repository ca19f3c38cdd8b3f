import Metrics

/// A table of runs in the two languages of documents.
enum ReportTable {
  /// As HTML, in a box that scrolls sideways on small screens.
  static func html(_ table: TextTable) -> String {
    func cell(_ tag: String, _ column: Int, _ text: String) -> String {
      let style = table.columns[column].alignment == .left ? " class=\"left\"" : ""
      let words = SVGText.escaped(text).replacing("\n", with: "<br>")
      return "<\(tag)\(style)>\(words)</\(tag)>"
    }
    let head = table.columns.indices.map { cell("th", $0, table.columns[$0].title) }
    let rows = table.rows.map { row in
      let opens = row.first?.isEmpty == false ? " class=\"first\"" : ""
      return "<tr\(opens)>\(row.indices.map { cell("td", $0, row[$0]) }.joined())</tr>"
    }
    return "<div class=\"scroll\"><table><thead><tr>\(head.joined())</tr></thead>\n<tbody>"
      + "\(rows.joined(separator: "\n"))</tbody></table></div>"
  }

  /// As LaTeX with the rules of the package booktabs; groups of rows are set apart.
  static func latex(_ table: TextTable) -> String {
    let alignments = table.columns.map { $0.alignment == .left ? "l" : "r" }.joined()
    let titles = table.columns.map { column in
      let lines = column.title.split(separator: "\n").map { escaped(String($0)) }
      return lines.count > 1
        ? "\\shortstack{\(lines.joined(separator: " \\\\ "))}" : lines.joined()
    }
    var lines = [
      "% needs \\usepackage{booktabs}", "\\begin{tabular}{\(alignments)}", "\\toprule",
      titles.joined(separator: " & ") + " \\\\", "\\midrule",
    ]
    for (index, row) in table.rows.enumerated() {
      if index > 0, row.first?.isEmpty == false { lines.append("\\addlinespace") }
      lines.append(row.map(escaped).joined(separator: " & ") + " \\\\")
    }
    lines += ["\\bottomrule", "\\end{tabular}", ""]
    return lines.joined(separator: "\n")
  }

  /// Text with the characters that LaTeX takes for commands made harmless; an en dash becomes `--`.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "%", "&", "#", "_", "$", "{", "}": escaped += "\\\(character)"
      case "\\": escaped += "\\textbackslash{}"
      case "–": escaped += "--"
      default: escaped.append(character)
      }
    }
    return escaped
  }
}

extension CompareTable {
  /// The table of `compare` as LaTeX, for `\input` (`--latex`).
  package static func latex(_ summaries: [RunSummary]) -> String {
    ReportTable.latex(table(summaries))
  }
}
