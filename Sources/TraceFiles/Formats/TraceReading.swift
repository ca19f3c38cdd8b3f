import Messages
import Workload

/// A trace, and what reading it found out.
package struct TraceReading: Sendable {
  package var trace: Trace
  /// The format that the file was read as.
  package var format: TraceFormat
  package var facts: TraceFacts
  /// What the user should know, a line each: what was left out, changed or estimated.
  package var warnings: [String]
}

/// Counts of what reading a file met.
package struct TraceFacts: Equatable, Sendable {
  /// Rows left out because they could not be read (`--skip-bad-rows`).
  package var skippedRows = 0
  /// Why the first of them could not.
  package var firstSkip: String?
  /// Requests that generated nothing: failures.
  package var zeroOutputs = 0
  /// Rows whose arrival lies before that of the row before; requests were sorted then.
  package var disorderedRows = 0
  /// Tokens in a block of the file's hashes.
  package var blockTokens: Int?
  /// Whether that number was found from the rows.
  package var hasUnusualBlocks = false
  /// Prompt tokens that the file says repeat the session's turn before.
  package var repeatedTokens = 0
  /// Those of ``repeatedTokens`` that stand in no request before.
  package var unheldTokens = 0
  /// Rows that were begun in the format but hold no request: empty conversations.
  package var emptyRows = 0
  /// Chats whose parent is not in the file before them; they begin sessions of their own.
  package var orphans = 0
  /// Rows that stand among requests and are none: other spans, other events.
  package var otherRows = 0
  /// Runs of a benchmark behind the first, which are left out.
  package var otherRuns = 0
  /// Later turns that say how long after the answer they came, and not when.
  package var delayedRequests = 0
  /// Characters for each token, where token counts are estimates.
  package var charactersPerToken: Double?
  /// Seconds over which equal arrivals were spread.
  package var spreadSeconds: Double?

  package init() {}

  /// A line for each fact that changes what the trace means.
  func warnings(file: String) -> [String] {
    var lines: [String] = []
    if let firstSkip {
      lines.append(
        "\(file): \(skippedRows) row\(skippedRows == 1 ? " is" : "s are") left out, "
          + "which cannot be read; the first: \(firstSkip)")
    }
    if let charactersPerToken {
      lines.append(
        "\(file): token counts are estimates, \(plain(charactersPerToken)) characters for each "
          + "token; give `--tokenizer` to count them")
    }
    if zeroOutputs > 0 {
      lines.append(
        "\(file): \(zeroOutputs) request\(zeroOutputs == 1 ? "" : "s") generated nothing "
          + "(failures); no engine can serve them")
    }
    if disorderedRows > 0 {
      lines.append("\(file): \(disorderedRows) arrivals go back; requests are sorted by arrival")
    }
    if emptyRows > 0 {
      lines.append("\(file): \(emptyRows) conversations hold no request")
    }
    if hasUnusualBlocks, let blockTokens {
      lines.append(
        "\(file): a block hash stands for \(blockTokens) tokens, as the numbers of hashes have it")
    }
    if otherRows > 0 {
      lines.append(
        "\(file): \(otherRows) row\(otherRows == 1 ? " is no request" : "s are no requests") that used tokens"
      )
    }
    if otherRuns > 0 {
      lines.append(
        "\(file): \(otherRuns) more run\(otherRuns == 1 ? "" : "s") of the benchmark in the file \(otherRuns == 1 ? "is" : "are") left "
          + "out: one run is one trace")
    }
    if orphans > 0 {
      lines.append("\(file): \(orphans) chats continue chats that are not in the file before them")
    }
    if delayedRequests > 0 {
      lines.append(
        "\(file): \(delayedRequests) requests have a delay in place of a time; they arrive that long "
          + "after the turn before, as if its answer had taken no time, unless `--session-think-time trace` waits for it"
      )
    }
    if unheldTokens > 0 {
      lines.append(
        "\(file): \(unheldTokens) of \(repeatedTokens) prompt tokens that are said to repeat stand "
          + "in no request before; they count as new")
    }
    if let spreadSeconds {
      lines.append("\(file): arrivals are spread over \(plain(spreadSeconds)) s each")
    }
    return lines
  }
}
