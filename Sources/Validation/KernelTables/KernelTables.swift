import CostModel
import Foundation
import Messages
import SimulationKernel

/// Kernel measurements in one of the public layouts, read into rows of operators.
package struct KernelTables {
  /// A layout that `kvplan calibrate --from` reads.
  package enum Layout: String, CaseIterable, Sendable {
    /// NVIDIA aiconfigurator's tables of one system, as CSV.
    case aiconfigurator
    /// LLMServingSim's `profiler/perf`: one folder a model, `tp1`, `tp2` inside.
    case llmservingsim
    /// Vidur's `data/profiling` medians.
    case vidur
    /// Our own: `gemm.csv`, `decode_attention.csv`, ... (docs/CALIBRATION.md).
    case kvplan
  }

  /// Rows by operator, operators in order of name, keys distinct, sizes ascending.
  package private(set) var operators: [[KernelRow]] = []
  /// What the user should know about the data.
  package private(set) var warnings: [String] = []
  /// The device that the folder's name tells, if it does.
  package private(set) var deviceName: String?

  /// Reads every table of a folder that the layout knows.
  ///
  /// - Throws: ``UserError`` with file and line for what cannot be read; without a single table; or
  ///   where no operator has enough rows.
  package init(layout: Layout, folder: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder),
      isFolder.boolValue
    else { throw UserError("cannot read `\(folder)`: no such folder") }
    var reading = KernelReading(folder: folder)
    switch layout {
    case .aiconfigurator: try reading.readAIConfigurator()
    case .llmservingsim: try reading.readLLMServingSim()
    case .vidur: try reading.readVidur()
    case .kvplan: try reading.readKvplan()
    }
    guard !reading.rows.isEmpty else {
      let why =
        reading.warnings.isEmpty
        ? "" : " that can be used: " + reading.warnings.joined(separator: "; ")
      throw UserError(
        "`\(folder)` has no table in the layout `\(layout.rawValue)`\(why)",
        hint: "docs/CALIBRATION.md lists the files of each layout")
    }
    deviceName = reading.deviceName
    warnings = reading.warnings
    gather(reading.rows)
    guard !operators.isEmpty else {
      throw UserError(
        "no operator of `\(folder)` has the \(Calibrator.rowsMin) rows that a fit needs")
    }
  }

  /// Sorts rows into operators, averages those of one key, and leaves out operators with too few.
  private mutating func gather(_ rows: [KernelRow]) {
    var grouped: [KernelOperator: [KernelRow]] = [:]
    for row in rows { grouped[row.op, default: []].append(row) }
    for op in grouped.keys.sorted(by: { $0.name < $1.name }) {
      let sorted = grouped[op]!.sorted {
        $0.sizes.lexicographicallyPrecedes($1.sizes)
          || ($0.sizes == $1.sizes && $0.seconds < $1.seconds)
      }
      var distinct: [KernelRow] = []
      var repeats = 1
      var spread = 1.0
      for row in sorted {
        if let last = distinct.last, last.sizes == row.sizes {
          repeats += 1
          spread = max(spread, row.seconds / last.seconds)
          let mean = last.seconds + (row.seconds - last.seconds) / Double(repeats)
          distinct[distinct.count - 1].seconds = mean
        } else {
          repeats = 1
          distinct.append(row)
        }
      }
      if distinct.count < sorted.count {
        warnings.append(
          "\(op.name): \(sorted.count - distinct.count) rows repeat a key; their times are averaged"
            + (spread < 1.5
              ? "" : ", although they differ up to \((spread * 10).rounded() / 10) times")
        )
      }
      guard distinct.count >= Calibrator.rowsMin else {
        warnings.append(
          "\(op.name): \(distinct.count) rows are too few to fit (\(Calibrator.rowsMin) needed): "
            + "left out")
        continue
      }
      let wrong = Calibrator.implausible(distinct).count
      if wrong > 0 {
        warnings.append(
          "\(op.name): \(wrong) rows take over \(Calibrator.impossible) times as long as larger "
            + "ones, which cannot be: left out of the table; held out, they count")
      }
      operators.append(distinct)
    }
  }
}

/// Rows in the making.
struct KernelReading {
  let folder: String
  var rows: [KernelRow] = []
  var warnings: [String] = []
  var deviceName: String?

  init(folder: String) { self.folder = folder }

  /// The files below the folder, by path relative to it, sorted.
  func files() -> [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  /// The table `name.csv` or `name.csv.gz` in the folder itself, if there is one.
  func table(_ name: String) throws -> MeasurementTable? {
    for suffix in [".csv", ".csv.gz"] {
      let path = "\(folder)/\(name)\(suffix)"
      if FileManager.default.fileExists(atPath: path) { return try MeasurementTable(path: path) }
    }
    return nil
  }

  mutating func add(_ op: KernelOperator, _ sizes: [Double], _ seconds: Double) {
    rows.append(KernelRow(op: op, sizes: sizes, seconds: seconds))
  }

  /// An attention operator; which variant it is follows from the heads.
  func attention(
    _ kind: KernelKind, elements: ElementType, headDim: Double, heads: Double, kvHeads: Double,
    window: Double
  ) -> KernelOperator {
    var op = KernelOperator(kind: kind)
    op.elements = elements
    op.headDim = Int(headDim)
    op.isMultiHead = kind == .decodeAttention && heads == kvHeads
    op.isWindowed = window > 0
    return op
  }

  /// The last part of the folder's path.
  var folderName: String { URL(filePath: folder).standardizedFileURL.lastPathComponent }
}
