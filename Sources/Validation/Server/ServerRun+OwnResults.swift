import Foundation
import Messages

extension ServerRunReading {
  /// Reads `requests.csv` of `kvplan run-cpu`, the server of a machine without a profile (or of `kvplan simulate`, whose
  /// residuals are known): a run for each number in `run`, requests at their recorded arrivals.
  ///
  /// - Throws: ``UserError`` with file and line for requests that were not served, or have several sequences.
  func ownRuns(_ path: String, _ table: MeasurementTable) throws -> [ServerRun] {
    try table.require([
      "run", "status", "arrival_s", "prompt_tokens", "output_tokens", "sequences", "first_token_s",
      "finish_s",
    ])
    var runs: [(name: String, rows: [Recorded])] = []
    for row in 0..<table.rowCount {
      let status = table.text("status", row)
      guard status == "completed" else {
        throw table.failure(
          row, "`status` is `\(printable(Array(status.utf8).span))`: a run has to serve all of them"
        )
      }
      guard try table.number("sequences", row) == 1 else {
        throw table.failure(row, "a request of several sequences has no one time between tokens")
      }
      let name = table.text("run", row)
      if runs.last?.name != name { runs.append((name, [])) }
      runs[runs.count - 1].rows.append(
        (
          start: try table.number("arrival_s", row), first: try table.number("first_token_s", row),
          last: try table.number("finish_s", row), inputs: try table.number("prompt_tokens", row),
          outputs: try table.number("output_tokens", row)
        ))
    }
    return try runs.enumerated().map {
      try recorded(named(path, $0.offset, of: runs.count), $0.element.rows, isClosed: false)
    }
  }
}
