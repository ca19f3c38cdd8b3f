import CostModel
import Messages
import Planning
import Serving
import SimulationKernel
import Statistics
import TraceFiles
import Workload

/// A measured run of an engine, request by request, and the same run simulated.
package struct RequestReplay: Sendable {
  /// Statistics of one quantity in milliseconds.
  package struct Statistics: Equatable, Sendable {
    package var mean: Double
    package var p50: Double
    package var p90: Double
    package var p99: Double

    /// Of at least one value; quantiles are those of the nearest rank above.
    init(_ values: [Double]) {
      let sorted = values.sorted()
      mean = sorted.reduce(0, +) / Double(sorted.count)
      p50 = Quantile.nearestRankAbove(0.5, ofSorted: sorted)
      p90 = Quantile.nearestRankAbove(0.9, ofSorted: sorted)
      p99 = Quantile.nearestRankAbove(0.99, ofSorted: sorted)
    }
  }

  /// What is compared, measured or predicted.
  package struct Outcome: Equatable, Sendable {
    package var ttft: Statistics
    package var tpot: Statistics
    package var e2el: Statistics
    /// Seconds from the first arrival to the last token.
    package var makespan: Double

    init(_ requests: [Served]) {
      ttft = Statistics(requests.map(\.ttft))
      tpot = Statistics(requests.compactMap(\.tpot))
      e2el = Statistics(requests.map(\.e2el))
      makespan = requests.map(\.last).max()! - requests.map(\.arrival).min()!
    }
  }

  /// The seconds of one request, and its output tokens.
  struct Served {
    var arrival: Double
    var first: Double
    var last: Double
    var tokens: Int

    /// Milliseconds.
    var ttft: Double { (first - arrival) * 1e3 }
    var e2el: Double { (last - arrival) * 1e3 }
    /// `nil` for a single token.
    var tpot: Double? { tokens > 1 ? (last - first) / Double(tokens - 1) * 1e3 : nil }
  }

  package let measured: Outcome
  /// Of each request.
  let served: [Served]
  package let requests: [Request]
  /// What the prompts consist of; `nil` where the file has no block hashes.
  package let contents: PromptContents?

  /// Reads a file in the layout of LLMServingSim's `*_requests.csv`, or of its `requests.jsonl`, which has the readings of
  /// the engine's clock, as JSON lines or as a table.
  ///
  /// Requests arrive when the engine queued them: what happens before is the client's and the API
  /// server's, which are not simulated (and which the published comparison leaves out too).
  ///
  /// - Throws: ``UserError`` with file and line, and where no request has a second output token.
  package init(path: String) throws {
    let (table, names) = try Self.table(path)
    var queuedSeconds = try (0..<table.rowCount).map { try table.number(names.queued, $0) }
    let origin = names.isClock ? queuedSeconds.min() ?? 0 : 0
    queuedSeconds = queuedSeconds.map { $0 - origin }
    if let late = queuedSeconds.firstIndex(where: { $0 > Self.secondsMost }) {
      throw table.failure(
        late,
        "`\(names.queued)` is \(queuedSeconds[late]) s, at most \(Self.secondsMost) are simulated")
    }
    // Swift's sort is stable: requests queued at one instant stay in file order.
    let order = queuedSeconds.indices.sorted { queuedSeconds[$0] < queuedSeconds[$1] }
    var requests: [Request] = []
    var contents = PromptContents()
    var outcomes: [Served] = []
    for row in order {
      let queued = queuedSeconds[row]
      let prompt = try table.size(names.prompt, row)
      let output = try table.size(names.output, row)
      guard prompt < 1e8, output < 1e8 else {
        throw table.failure(row, "a request of \(prompt) and \(output) tokens")
      }
      let first = try table.number(names.first, row) - origin
      let last = try table.number(names.last, row) - origin
      guard queued <= first, first <= last else {
        throw table.failure(
          row, "`\(names.queued)`, `\(names.first)`, `\(names.last)` are not in order")
      }
      outcomes.append(Served(arrival: queued, first: first, last: last, tokens: Int(output)))
      requests.append(
        Request(
          arrival: .zero + SimDuration(rounding: queued), promptTokens: Int32(prompt),
          outputTokens: Int32(output)))
      contents.append(try Self.pieces(table, row, promptTokens: Int32(prompt), index: row))
    }
    guard outcomes.contains(where: { $0.tpot != nil }) else {
      throw UserError(
        "\(path): no request has a second output token, so that nothing is known of the time between them",
        hint: "give the requests of a run whose outputs have two tokens and more")
    }
    measured = Outcome(outcomes)
    served = outcomes
    self.requests = requests
    self.contents = table.has("block_hashes") ? contents : nil
  }

  /// - Throws: ``UserError`` that says what another file is, where that is known.
  private static func table(_ path: String) throws -> (MeasurementTable, Names) {
    do {
      let table = try MeasurementTable(path: path)
      let names = table.has("last_token_ts") ? Names.clock : .seconds
      try table.require(names.all)
      return (table, names)
    } catch let error as UserError {
      throw (try? UnpackedFile(path: path)).flatMap { ServerFile.mistaken(path, $0.bytes) } ?? error
    }
  }

  /// Seconds since 1970 in the year 2096: a clock of nanoseconds holds 292 years.
  private static let secondsMost = 4e9

  /// What the columns are called.
  private struct Names {
    var prompt: String
    var output: String
    var queued: String
    var first: String
    var last: String
    /// Whether times are readings of a clock that began at any time.
    var isClock: Bool

    var all: [String] { [prompt, output, queued, first, last] }

    static let seconds = Names(
      prompt: "prompt_tokens", output: "output_tokens", queued: "queued_s", first: "first_token_s",
      last: "last_token_s", isClock: false)
    static let clock = Names(
      prompt: "input_toks", output: "output_toks", queued: "queued_ts", first: "first_token_ts",
      last: "last_token_ts", isClock: true)
  }

  /// Full blocks by their ids, and a rest that no other prompt has.
  private static func pieces(
    _ table: MeasurementTable, _ row: Int, promptTokens: Int32, index: Int
  ) throws -> [TokenPiece] {
    let blockTokens: Int32 = 16
    let ids = table.text("block_hashes", row).split(separator: " ")
    var pieces: [TokenPiece] = []
    for id in ids {
      guard let id = Int64(id), (0..<1_000_000).contains(id) else {
        throw table.failure(row, "`block_hashes` must be numbers apart by blanks")
      }
      pieces.append(TokenPiece(stream: id, start: 0, count: blockTokens))
    }
    let rest = promptTokens - Int32(ids.count) * blockTokens
    guard rest >= 0 else {
      throw table.failure(row, "\(ids.count) block hashes, but only \(promptTokens) prompt tokens")
    }
    pieces.append(TokenPiece(stream: -1 - Int64(index), start: 0, count: rest))
    return pieces
  }

  /// Serves the requests as the scenario says, at the times at which they were queued.
  ///
  /// - Throws: ``UserError`` for a scenario that is not valid, and where a request cannot be served.
  package func predicted(_ resolved: ResolvedScenario) throws -> Outcome {
    let record: RunRecord
    do {
      record = try resolved.serve(
        Trace(name: "measured", requests: requests, hasArrivals: true, contents: contents))
    } catch let failure as RunFailure {
      throw UserError(
        "`\(resolved.scenario.system.name)` cannot serve the run: \(failure.summary)",
        hint: "give the settings of the server that was measured")
    }
    return Outcome(
      zip(record.requests, record.milestones).compactMap { request, milestones in
        guard let first = milestones.firstToken, let finish = milestones.finish else { return nil }
        return Served(
          arrival: request.arrival.seconds, first: first.seconds, last: finish.seconds,
          tokens: Int(request.outputTokens))
      })
  }
}
