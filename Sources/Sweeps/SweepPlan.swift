import Dispatch
import Messages
import Planning
import Synchronization
import TraceFiles
import Workload

/// A sweep with its traces read: what every verb of `kvplan sweep` starts from.
package struct SweepPlan: Sendable {
  package let file: SweepFile
  package let grid: SweepGrid
  package let folder: SweepFolder
  package let traces: [String: Trace]
  package let naming: RunNaming
  /// What reading the traces had to say.
  package let warnings: [String]

  /// Points beyond which a sweep has to be confirmed (`--yes`).
  package static let pointsMax = 1_000_000

  /// Reads the sweep file and its traces.
  ///
  /// - Throws: ``UserError`` for mistakes in either, and a grid that is too large by accident.
  package init(path: String, isConfirmed: Bool) throws {
    file = try SweepReader.read(path: path)
    grid = try SweepGrid(file)
    guard grid.count <= Self.pointsMax || isConfirmed else {
      throw UserError(
        "`\(path)` asks for \(grid.count) runs, more than \(Self.pointsMax)",
        hint: "add `--yes` if that is meant")
    }
    folder = SweepFolder(file)
    var traces: [String: Trace] = [:]
    var warnings: [String] = []
    for name in file.traces {
      let path = SweepFile.resolved(name, from: file.folder)
      let reading = try TraceReader.read(path: path, options: file.reading)
      var trace = reading.trace
      // Results name the trace as the file does, wherever the file lies.
      trace.name = trace.name.replacing(path, with: name, maxReplacements: 1)
      traces[name] = trace
      warnings += reading.warnings
    }
    self.traces = traces
    self.warnings = warnings
    naming = RunNaming(traces)
  }

  /// Points that are named at a time, on all cores.
  private static let chunk = 16_384

  /// Hands every run of the grid to `body`, in order, each key once.
  ///
  /// - Returns: Points that are the same run as one before them.
  /// - Complexity: About 2 µs a point, and 15 µs a configuration, on all cores.
  @discardableResult
  package func forEachRun(
    in shard: Shard = .whole, _ body: (KeyedRun) throws -> Void
  ) rethrows -> Int {
    var seen: Set<RunKey> = []
    var repeated = 0
    for start in stride(from: 0, to: grid.count, by: Self.chunk) {
      for run in named(start..<min(start + Self.chunk, grid.count)) where shard.owns(run.key) {
        if seen.insert(run.key).inserted { try body(run) } else { repeated += 1 }
      }
    }
    return repeated
  }

  private func named(_ range: Range<Int>) -> [KeyedRun] {
    let size = 256
    let parts = (range.count + size - 1) / size
    let results = Mutex<[[KeyedRun]]>(Array(repeating: [], count: parts))
    DispatchQueue.concurrentPerform(iterations: parts) { part in
      let start = range.lowerBound + part * size
      let runs = named(one: start..<min(start + size, range.upperBound))
      results.withLock { $0[part] = runs }
    }
    return results.withLock { $0.flatMap(\.self) }
  }

  /// A part of the grid on one core. Points in a row that differ in their seeds share their configuration.
  private func named(one range: Range<Int>) -> [KeyedRun] {
    let row = max(1, grid.seeds.count)
    var last: (row: Int, configuration: RunNaming.Configuration, seed: UInt64)?
    return range.compactMap { index in
      guard !grid.isSkipped(index) else { return nil }
      if last?.row != index / row {
        last = grid.point(index).map {
          (index / row, naming.configuration($0), $0.scenario.seed)
        }
      }
      return last.map {
        naming.named(
          index, $0.configuration, seed: grid.seeds.isEmpty ? $0.seed : grid.seeds[index % row])
      }
    }
  }

  /// The runs of a shard.
  ///
  /// - Throws: ``UserError`` where the whole grid has none.
  package func runs(in shard: Shard = .whole) throws -> (runs: [KeyedRun], repeated: Int) {
    var runs: [KeyedRun] = []
    let repeated = forEachRun(in: shard) { runs.append($0) }
    if runs.isEmpty && !grid.file.skips.isEmpty,
      !(0..<grid.count).contains(where: { !grid.isSkipped($0) })
    {
      throw UserError(
        "`\(file.path)` has nothing to run: `skip-where` leaves out all \(grid.count) points")
    }
    return (runs, repeated)
  }
}
