import Planning
import Results

/// One reproduced figure or table: its data, its drawing, and how it compares.
package struct FigureReport: Sendable {
  /// How users name it: `2`, `table1`.
  package var name: String
  package var title: String
  package var claims: [Claim]
  /// The data behind the drawing.
  package var data: DataTable
  /// `nil` where there is nothing to draw.
  package var figure: Figure?
  /// What a reader has to know to judge it.
  package var remarks: [String]

  /// The start of its files' names.
  package var fileName: String { name.first?.isNumber == true ? "figure\(name)" : name }
}

/// The numbers of a figure as they are written to its CSV.
package struct DataTable: Equatable, Sendable {
  package var columns: [String]
  package var rows: [[String]]

  package init(_ columns: [String], rows: [[String]] = []) {
    self.columns = columns
    self.rows = rows
  }

  package var csv: String {
    ([columns] + rows).map { $0.map(CSVField.quoted).joined(separator: ",") + "\n" }.joined()
  }
}

/// A field of a CSV file.
enum CSVField {
  /// Quoted only where it holds a comma, a quote or a line end (RFC 4180).
  static func quoted(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
