import Messages
import Planning
import Results

/// The files of a reproduction: for each figure its data and its drawing, all claims in `summary.csv`,
/// and a page that says what matches.
package enum ReproductionFiles {
  /// Writes the files into the staging folder; `folder.commit()` makes them visible.
  ///
  /// - Throws: `UserError` if a file cannot be written.
  package static func write(
    _ reports: [FigureReport], page: ReproductionPage, to folder: OutputFolder
  ) throws(UserError) {
    for report in reports {
      try write(report.data.csv, to: folder.staged("\(report.fileName).csv"))
      if let figure = report.figure {
        try write(figure.svg(), to: folder.staged("\(report.fileName).svg"))
      }
    }
    let claims = reports.flatMap(\.claims)
    if !claims.isEmpty { try write(ClaimsCSV.text(claims), to: folder.staged("summary.csv")) }
    try write(page.markdown(reports), to: folder.staged("README.md"))
  }

  private static func write(_ text: String, to path: String) throws(UserError) {
    try OutputFile.write(to: path) { append throws(UserError) in try append(Array(text.utf8)) }
  }
}
