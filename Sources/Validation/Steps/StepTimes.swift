import CostModel
import Messages
import SimulationKernel
import Statistics

/// Decode steps that an engine logged one by one, beside the price of an iteration of as many sequences and tokens.
package struct StepTimes: Sendable {
  /// Steps with the same number of sequences and about the same context a sequence.
  package struct Cell: Equatable, Sendable {
    package var running: Int
    /// Mean tokens of all sequences together.
    package var contextTokens: Int
    package var steps: Int
    /// Milliseconds: the median of what was measured, and the price.
    package var measured: Double
    package var predicted: Double

    package var error: Double { predicted / measured - 1 }
  }

  package var cells: [Cell]
  /// Decode steps that no cell holds: right after a prompt, whose time they carry, without tokens, or in a thin cell.
  package var leftOut: Int

  /// Tokens of a sequence that a cell is wide.
  private static let width = 512
  /// Steps below which a cell's median says little.
  private static let stepsMin = 100

  /// Reads a file in the layout of `steps_sglang_deepseek_r1_h200.csv` and prices its steps.
  ///
  /// - Throws: ``UserError`` with file and line, and where no cell has enough steps.
  package init(path: String, costModel: any IterationCostModel, attendedMax: Int?) throws {
    let table = try MeasurementTable(path: path)
    try table.require(["kind", "running", "kv_tokens", "step_ms_from_rate"])
    var sums: [[Int]: (tokens: Int, times: [Double])] = [:]
    leftOut = 0
    var follows = false
    for row in 0..<table.rowCount {
      let kind = table.text("kind", row)
      guard ["prefill", "decode"].contains(kind) else {
        throw table.failure(row, "`kind` must be `prefill` or `decode`, found `\(kind)`")
      }
      defer { follows = kind == "prefill" }
      guard kind == "decode" else { continue }
      let running = Int(try table.number("running", row))
      let tokens = Int(try table.optional("kv_tokens", row) ?? 0)
      guard !follows, running > 0, tokens >= running,
        let time = try table.optional("step_ms_from_rate", row)
      else {
        leftOut += 1
        continue
      }
      guard time > 0 else { throw table.failure(row, "a step of \(time) ms") }
      let key = [running, tokens / running / Self.width]
      sums[key, default: (0, [])].tokens += tokens
      sums[key, default: (0, [])].times.append(time)
    }
    cells = []
    for (key, sum) in sums.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      guard sum.times.count >= Self.stepsMin else {
        leftOut += sum.times.count
        continue
      }
      var work = IterationWork(attendedMax: attendedMax)
      work.decodeSequences = key[0]
      work.sampledSequences = key[0]
      work.decodeContextTokens = sum.tokens / sum.times.count
      work.decodeSkippedTokens =
        attendedMax.map { max(0, work.decodeContextTokens - key[0] * $0) } ?? 0
      cells.append(
        Cell(
          running: key[0], contextTokens: work.decodeContextTokens, steps: sum.times.count,
          measured: Quantile.median(ofSorted: sum.times.sorted()),
          predicted: costModel.duration(of: work).seconds * 1e3))
    }
    guard !cells.isEmpty else {
      throw UserError("\(path): no cell has \(Self.stepsMin) decode steps")
    }
  }

  /// The median over all steps of the absolute error of their cell.
  package var medianError: Double {
    let errors = cells.flatMap { cell in Array(repeating: abs(cell.error), count: cell.steps) }
    return Quantile.median(ofSorted: errors.sorted())
  }
}
