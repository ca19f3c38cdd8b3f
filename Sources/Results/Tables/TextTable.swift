/// A table for a terminal: titles, a rule, and rows; two spaces between columns and no trailing
/// blanks. Titles may have several lines.
///
///     system        batched     TTFT
///                             mean s
///     ────────────  ───────  ───────
///     vllm-sosp23      30.4     1.52
package struct TextTable {
  package enum Alignment: Sendable {
    /// For names.
    case left
    /// For numbers.
    case right
  }

  package struct Column {
    package var title: String
    package var alignment: Alignment

    package init(_ title: String, _ alignment: Alignment = .right) {
      self.title = title
      self.alignment = alignment
    }
  }

  package var columns: [Column]
  /// Cells by row, as many a row as there are columns.
  package var rows: [[String]] = []
  /// Columns at the left that name a row; repeated where a wide table is split.
  package var keyColumns: Int

  package init(_ columns: [Column], keyColumns: Int = 1) {
    self.columns = columns
    self.keyColumns = keyColumns
  }

  /// The table as lines, each ended by a newline.
  ///
  /// - Parameter maxWidth: Columns of the terminal, or `nil` for no limit. A wider table becomes
  ///   several below each other, with an empty line between them, each with the key columns first.
  ///   A single column that is too wide beside the key columns is printed all the same.
  package func rendered(maxWidth: Int? = nil) -> String {
    precondition(
      rows.allSatisfy { $0.count == columns.count }, "TextTable: a row has too few or many cells")
    let widths = columns.indices.map { index in
      let title = columns[index].title.split(separator: "\n").map(\.count).max() ?? 0
      return rows.reduce(title) { max($0, $1[index].count) }
    }
    return split(widths, maxWidth: maxWidth ?? .max)
      .map { lines(of: $0, widths: widths).map { $0 + "\n" }.joined() }
      .joined(separator: "\n")
  }

  /// The columns of each of the stacked tables.
  private func split(_ widths: [Int], maxWidth: Int) -> [[Int]] {
    let keys = Array(0..<min(keyColumns, columns.count))
    let keyWidth = keys.reduce(0) { $0 + widths[$1] + 2 }
    var parts = [keys]
    var width = keyWidth
    for index in keys.count..<columns.count {
      let isEmpty = parts[parts.count - 1].count == keys.count
      if width + widths[index] > maxWidth && !isEmpty {
        parts.append(keys)
        width = keyWidth
      }
      parts[parts.count - 1].append(index)
      width += widths[index] + 2
    }
    return parts
  }

  private func lines(of indices: [Int], widths: [Int]) -> [String] {
    let titles = indices.map { columns[$0].title.split(separator: "\n").map(String.init) }
    let height = titles.map(\.count).max() ?? 0
    let header = (0..<height).map { line in
      titles.map { line < $0.count ? $0[line] : "" }
    }
    let rule = indices.map { String(repeating: "─", count: widths[$0]) }
    let body = rows.map { row in indices.map { row[$0] } }
    return (header + [rule] + body).map { cells in
      let padded = zip(cells, indices).map { cell, index in
        let blanks = String(repeating: " ", count: widths[index] - cell.count)
        return columns[index].alignment == .left ? cell + blanks : blanks + cell
      }
      var line = Substring(padded.joined(separator: "  "))
      while line.last == " " { line.removeLast() }
      return String(line)
    }
  }
}
