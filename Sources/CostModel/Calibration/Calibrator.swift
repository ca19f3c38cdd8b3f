import Foundation
import SimulationKernel
import Statistics

/// Fits an operator's rows and measures, on rows held out, how far the fit can be trusted.
package struct Calibrator: Sendable {
  /// Fewest rows that a fit is made from.
  package static let rowsMin = 20
  /// Rows beyond which a fit uses a random sample: more change no coefficient that matters.
  static let sampleRows = 1500
  /// Power of its place on the axis of extrapolation by which a row of attention counts.
  static let lengthPower = 0.2
  /// Share of the time of larger products beyond which a time cannot be true.
  package static let impossible = 1.3

  package let device: DeviceSpec

  package init(device: DeviceSpec) { self.device = device }

  /// Fit and table of one operator.
  ///
  /// - Parameter rows: All of one operator, keys distinct, at least ``rowsMin``.
  /// - Complexity: A few seconds for a GEMM table of 36,000 rows.
  package func calibrate(_ rows: [KernelRow]) -> (profile: OperatorProfile, reports: [FormReport]) {
    let op = rows[0].op
    let held = heldOut(rows)
    let interpolation = errors(training: held.random.training, testing: held.random.testing)
    let extrapolation = errors(training: held.largest.training, testing: held.largest.testing)
    let (_, coefficients, table) = model(rows)
    let reports = [
      FormReport(op, .fit, rows.count, interpolation.map(\.fit), extrapolation.map(\.fit)),
      FormReport(op, .table, rows.count, interpolation.map(\.table), extrapolation.map(\.table)),
    ]
    let errors = reports.map { $0.interpolationMAPE ?? .infinity }
    let isTabled = errors[1] <= errors[0]
    let carried = isTabled ? table?.thinned : nil
    let used = reports[carried == nil ? 0 : 1]
    let profile = OperatorProfile(
      op: op,
      coefficients: zip(KernelForm.coefficients(op.kind), coefficients).map {
        .init(name: $0.name, value: rounded($1, digits: 6))
      },
      table: carried,
      rows: rows.count, interpolationMAPE: used.interpolationMAPE.map { rounded($0, digits: 4) },
      extrapolationMAPE: used.extrapolationMAPE.map { rounded($0, digits: 4) })
    return (profile, reports)
  }

  /// Both forms. Rows that cannot be true do not bend the fit, whose loss grows slowly with an error; they have no
  /// place in the table, which would give them back.
  func model(
    _ rows: [KernelRow]
  ) -> (form: KernelForm, coefficients: [Double], table: Corrections?) {
    let form = KernelForm(op: rows[0].op, limits: DeviceLimits(device))
    let coefficients = fit(rows)
    let wrong = Self.implausible(rows)
    let tabled = rows.indices.filter { !wrong.contains($0) }.map { rows[$0] }
    let table = Corrections(
      of: rows[0].op.kind, sizes: tabled.map(\.sizes),
      corrections: tabled.map { $0.seconds / form.seconds(coefficients, $0.sizes) })
    return (form, coefficients, table)
  }

  /// Coefficients that fit the rows best.
  func fit(_ rows: [KernelRow]) -> [Double] {
    let op = rows[0].op
    let form = KernelForm(op: op, limits: DeviceLimits(device))
    var draws = RandomStream(seed: 0, label: "calibration sample")
    var sample = Array(rows.indices)
    if sample.count > Self.sampleRows {
      for position in 0..<Self.sampleRows {
        sample.swapAt(position, position + draws.below(sample.count - position))
      }
      sample.removeLast(sample.count - Self.sampleRows)
      sample.sort()
    }
    let curve = CurveFit(
      seconds: { form.seconds($0, rows[$1].sizes) }, measured: rows.map(\.seconds),
      weight: Self.weight(rows))
    return curve.best(from: KernelForm.starts(op.kind), rows: sample).coefficients
  }

  /// Rows of long contexts tell the rates that still longer ones run at, short ones mostly
  /// latencies and the cache: those of attention count by a power of their place on the axis. Windows
  /// leave nothing to extrapolate.
  ///
  /// The power is a choice between the two: on the A100's decode rows none gives the fit 6.5 % within
  /// the rows and 10.6 % beyond, 0.15 6.8 and 9.3 %, 0.3 9.1 and 7.1 %.
  private static func weight(_ rows: [KernelRow]) -> (Int) -> Double {
    let op = rows[0].op
    guard op.kind.isAttention, op.kind != .decodeBesidePrompt, !op.isWindowed
    else { return { _ in 1 } }
    let axis = op.kind.extrapolationAxis
    let largest = rows.reduce(0) { max($0, $1.sizes[axis]) }
    let weights = rows.map { pow($0.sizes[axis] / largest, Self.lengthPower) }
    return { weights[$0] }
  }

  /// Rows of products that take over ``impossible`` times as long as three others with more rows of activations, any of
  /// which could stand in for them: a measurement went wrong. Of latent attention the same with more tokens.
  ///
  /// - Parameter rows: All of one operator.
  package static func implausible(_ rows: [KernelRow]) -> Set<Int> {
    let kind = rows[0].op.kind
    guard kind == .gemm || kind == .latentDecode || kind == .latentPrefill else { return [] }
    let axis = kind.extrapolationAxis
    var curves: [[Double]: [Int]] = [:]
    for (row, measured) in rows.enumerated() {
      var others = measured.sizes
      others.remove(at: axis)
      curves[others, default: []].append(row)
    }
    var found: Set<Int> = []
    for curve in curves.values {
      // From the largest on, with the three shortest times so far.
      var shortest: [Double] = []
      for row in curve.sorted(by: { rows[$0].sizes[axis] > rows[$1].sizes[axis] }) {
        let seconds = rows[row].seconds
        if shortest.count == 3, seconds > impossible * shortest[2] { found.insert(row) }
        shortest = Array((shortest + [seconds]).sorted().prefix(3))
      }
    }
    return found
  }

  private typealias Split = (training: [KernelRow], testing: [KernelRow])

  /// A random fifth of the rows, and those in the largest fifth of the points of the axis along
  /// which sizes grow in use (tokens or context).
  private func heldOut(_ rows: [KernelRow]) -> (random: Split, largest: Split) {
    var draws = RandomStream(seed: 0, label: "held-out rows")
    let isHeld = rows.map { _ in draws.below(5) == 0 }
    let axis = rows[0].op.kind.extrapolationAxis
    let points = Array(Set(rows.map { $0.sizes[axis] })).sorted()
    let first = min(Int((0.8 * Double(points.count)).rounded(.up)), points.count - 1)
    func split(_ isTesting: (Int) -> Bool) -> Split {
      (
        rows.indices.filter { !isTesting($0) }.map { rows[$0] },
        rows.indices.filter(isTesting).map { rows[$0] }
      )
    }
    return (split { isHeld[$0] }, split { rows[$0].sizes[axis] >= points[first] })
  }

  /// Relative errors on the rows held out, sorted, of both forms; `nil` where there are too few.
  private func errors(
    training: [KernelRow], testing: [KernelRow]
  ) -> (fit: [Double], table: [Double])? {
    guard training.count >= Self.rowsMin, testing.count >= 3 else { return nil }
    let (form, coefficients, table) = model(training)
    var fit: [Double] = []
    var tabled: [Double] = []
    for row in testing {
      let formula = form.seconds(coefficients, row.sizes)
      fit.append(abs(formula / row.seconds - 1))
      tabled.append(abs(formula * (table?(row.sizes) ?? 1) / row.seconds - 1))
    }
    return (fit.sorted(), tabled.sorted())
  }

  private func rounded(_ value: Double, digits: Int) -> Double {
    guard value != 0 else { return 0 }
    let scale = pow(10, Double(digits) - log10(abs(value)).rounded(.up))
    return (value * scale).rounded() / scale
  }
}

/// How well one form of one operator predicts rows that it was not made from.
package struct FormReport: Equatable, Sendable {
  package enum Form: String, Sendable {
    /// The formula alone.
    case fit
    /// The formula, corrected by the table.
    case table
  }

  package var op: KernelOperator
  package var form: Form
  package var rows: Int
  /// Mean absolute relative error, as a fraction; `nil` where there were too few rows.
  package var interpolationMAPE: Double?
  package var extrapolationMAPE: Double?
  /// Of the interpolation errors.
  package var median: Double?
  package var p99: Double?

  /// From sorted errors.
  init(
    _ op: KernelOperator, _ form: Form, _ rows: Int, _ interpolation: [Double]?,
    _ extrapolation: [Double]?
  ) {
    self.op = op
    self.form = form
    self.rows = rows
    func mean(_ errors: [Double]) -> Double { errors.reduce(0, +) / Double(errors.count) }
    interpolationMAPE = interpolation.map(mean)
    extrapolationMAPE = extrapolation.map(mean)
    median = interpolation.map { Quantile.median(ofSorted: $0) }
    p99 = interpolation.map { Quantile.rank(percent: 99, ofSorted: $0) }
  }
}
