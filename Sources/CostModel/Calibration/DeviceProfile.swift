import Messages

/// Measured kernels of one device, as coefficients and corrections: what `kvplan calibrate` writes
/// and `--device-profile` reads.
package struct DeviceProfile: Codable, Equatable, Sendable {
  /// The layout of the file that this version of the tool writes and reads.
  package static let currentFormat = 1

  package var format = currentFormat
  package var name: String
  /// The device that was measured, by catalogue name.
  package var device: String
  /// Where the measurements are from, with version.
  package var source: String
  package var operators: [OperatorProfile]

  package init(name: String, device: String, source: String, operators: [OperatorProfile]) {
    self.name = name
    self.device = device
    self.source = source
    self.operators = operators
  }

  /// Checks that the file is one that this version understands.
  ///
  /// - Throws: ``UserError`` that names `path`.
  package func validate(path: String) throws {
    guard format == Self.currentFormat else {
      throw UserError(
        "\(path): the profile has format \(format), this version reads \(Self.currentFormat)",
        hint: "make it again with `kvplan calibrate`")
    }
    for profile in operators {
      let wanted = KernelForm.coefficients(profile.op.kind).map(\.name)
      guard profile.coefficients.map(\.name) == wanted else {
        throw UserError(
          "\(path): `\(profile.op.name)` has other coefficients than this version of the tool",
          hint: "make it again with `kvplan calibrate`")
      }
      guard profile.coefficients.allSatisfy({ $0.value > 0 && $0.value.isFinite }) else {
        throw UserError("\(path): `\(profile.op.name)` has a coefficient that is not positive")
      }
      guard profile.hasWholeTable else {
        throw UserError("\(path): the table of `\(profile.op.name)` has the wrong size")
      }
    }
  }

  /// `GEMM 3.4 %, attention 2.9 % (held-out rows, interpolation)`: what results quote.
  package var errorText: String {
    func mean(_ isIncluded: (OperatorProfile) -> Bool) -> String? {
      let included = operators.filter { isIncluded($0) && $0.interpolationMAPE != nil }
      let rows = included.reduce(0) { $0 + $1.rows }
      guard rows > 0 else { return nil }
      let sum = included.reduce(0) { $0 + Double($1.rows) * $1.interpolationMAPE! }
      return "\((sum / Double(rows) * 1000).rounded() / 10) %"
    }
    let gemm = mean { $0.op.kind == .gemm }.map { "GEMM \($0)" }
    let attention = mean { $0.op.kind.isAttention }.map { "attention \($0)" }
    let experts = mean { $0.op.kind == .experts }.map { "experts \($0)" }
    let parts = [gemm, attention, experts].compactMap { $0 }
    guard !parts.isEmpty else { return "error not measured: too few rows to hold any out" }
    return "mean kernel error on held-out rows: " + parts.joined(separator: ", ")
  }
}

/// One operator of a profile.
package struct OperatorProfile: Codable, Equatable, Sendable {
  /// A coefficient by name, so that a file can be read by eye.
  package struct Coefficient: Codable, Equatable, Sendable {
    package var name: String
    package var value: Double
  }

  package var op: KernelOperator
  package var coefficients: [Coefficient]
  /// The grid of the table, or the points of its curves; `nil` without one.
  package var axes: [[Double]]?
  /// Shapes of the curves; `nil` for a grid.
  package var shapes: [[Double]]?
  /// Its corrections in thousandths, in text (``CorrectionText``): a hundred thousand numbers are
  /// slow to read as JSON.
  package var corrections: String?
  /// Rows measured.
  package var rows: Int
  /// Mean error on held-out rows as a fraction, of the form that prices use; `nil` where there were
  /// too few rows.
  package var interpolationMAPE: Double?
  package var extrapolationMAPE: Double?

  /// The names in the file.
  enum CodingKeys: String, CodingKey {
    case op = "operator"
    case coefficients, axes, shapes, corrections, rows
    case interpolationMAPE = "interpolation_mape"
    case extrapolationMAPE = "extrapolation_mape"
  }

  var values: [Double] { coefficients.map(\.value) }

  init(
    op: KernelOperator, coefficients: [Coefficient], table: Corrections?, rows: Int,
    interpolationMAPE: Double?, extrapolationMAPE: Double?
  ) {
    self.op = op
    self.coefficients = coefficients
    self.rows = rows
    self.interpolationMAPE = interpolationMAPE
    self.extrapolationMAPE = extrapolationMAPE
    switch table {
    case .grid(let grid):
      axes = grid.axes
      corrections = CorrectionText.write(grid.corrections)
    case .curves(let curves):
      axes = [curves.points]
      shapes = curves.shapes
      corrections = CorrectionText.write(curves.corrections)
    case nil: break
    }
  }

  var table: Corrections? {
    guard let axes, let corrections else { return nil }
    return CorrectionText.read(corrections).map {
      if let shapes {
        .curves(CorrectionCurves(shapes: shapes, points: axes[0], corrections: $0))
      } else {
        .grid(CorrectionTable(axes: axes, corrections: $0))
      }
    }
  }

  /// Whether a table has a correction for each of its points; true without one.
  var hasWholeTable: Bool {
    guard let axes, let corrections else { return true }
    guard !axes.contains(where: \.isEmpty) else { return false }
    let points = axes.reduce(shapes?.count ?? 1) { $0 * $1.count }
    let wanted = op.kind.axes.count
    let isShaped =
      if let shapes {
        axes.count == 1 && shapes.allSatisfy { $0.count == wanted - 1 }
      } else {
        axes.count == wanted
      }
    return isShaped && points == CorrectionText.read(corrections)?.count
  }
}

/// Corrections as text: thousandths apart by blanks; `x7` stands for seven grid points without one.
enum CorrectionText {
  static func write(_ corrections: [Float]) -> String {
    var words: [String] = []
    var absent = 0
    for correction in corrections + [1] {
      if correction.isNaN {
        absent += 1
        continue
      }
      if absent > 0 { words.append("x\(absent)") }
      absent = 0
      words.append("\(max(1, Int((correction * 1000).rounded())))")
    }
    return words.dropLast().joined(separator: " ")
  }

  /// `nil` for text that ``write(_:)`` does not produce.
  static func read(_ text: String) -> [Float]? {
    var text = text
    return text.withUTF8 { read($0) }
  }

  private static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> [Float]? {
    var corrections: [Float] = []
    corrections.reserveCapacity(bytes.count / 4)
    var place = 0
    repeat {
      let isGap = place < bytes.count && bytes[place] == UInt8(ascii: "x")
      if isGap { place += 1 }
      let start = place
      var number = 0
      while place < bytes.count, bytes[place] &- UInt8(ascii: "0") < 10, place - start < 8 {
        number = number * 10 + Int(bytes[place] &- UInt8(ascii: "0"))
        place += 1
      }
      guard number > 0 else { return nil }
      if isGap {
        corrections.append(contentsOf: repeatElement(.nan, count: min(number, 4_000_000)))
      } else {
        corrections.append(Float(number) / 1000)
      }
      guard place < bytes.count else { break }
      guard bytes[place] == UInt8(ascii: " ") else { return nil }
      place += 1
    } while true
    return corrections
  }
}
