import CostModel
import Messages
import Planning
import Serving

/// The runs of a sweep by number, without ever holding all of them.
///
///     axes a: 2 steps, b: 3 steps       number 0 1 2 3 4 5
///                                            a 0 0 0 1 1 1
///                                            b 0 1 2 0 1 2      the last axis varies fastest
package struct SweepGrid: Sendable {
  package let file: SweepFile
  /// Points, skipped ones included.
  package let count: Int

  private let strides: [Int]
  /// What all runs have in common.
  let start: Scenario
  private let baseTrace: String
  private let skips: [SkipTable]
  /// The seeds of the points in a row that differ in nothing else; empty where the last axis is another.
  let seeds: [UInt64]

  /// - Throws: ``UserError`` for a grid of more points than an integer counts.
  package init(_ file: SweepFile) throws {
    self.file = file
    var strides = [Int](repeating: 1, count: file.axes.count)
    var count = 1
    for index in file.axes.indices.reversed() {
      strides[index] = count
      let (product, overflow) = count.multipliedReportingOverflow(by: file.axes[index].steps.count)
      guard !overflow else {
        throw UserError("`\(file.path)` has more than 9 × 10¹⁸ combinations")
      }
      count = product
    }
    self.count = count
    self.strides = strides
    start = try Self.startingPoint(file)
    baseTrace = file.base.last { $0.isTrace }?.text ?? ""
    skips = file.skips.map { SkipTable($0, file) }
    let start = start
    seeds =
      file.axes.last.flatMap { axis in
        guard axis.names == ["seed"] else { return nil }
        return axis.steps.map { step in
          var scenario = start
          for value in step { value.change(&scenario) }
          return scenario.seed
        }
      } ?? []
  }

  /// What every run has in common: the defaults of `kvplan simulate` and the file's base.
  private static func startingPoint(_ file: SweepFile) throws -> Scenario {
    // Every file names its model and its device.
    var scenario = Scenario(
      system: .today, model: ModelCatalogue.all[0], device: DeviceCatalogue.all[0])
    for value in file.base { value.change(&scenario) }
    return scenario
  }

  /// The steps that point `index` takes on the axes.
  func steps(_ index: Int) -> [Int] {
    file.axes.indices.map { index / strides[$0] % file.axes[$0].steps.count }
  }

  package func isSkipped(_ index: Int) -> Bool {
    guard !skips.isEmpty else { return false }
    let steps = steps(index)
    return skips.contains { $0.holds(at: steps) }
  }

  /// The point of that number, or `nil` if the file leaves it out.
  package func point(_ index: Int) -> SweepPoint? {
    guard !isSkipped(index) else { return nil }
    let values = values(index)
    return SweepPoint(
      index: index, values: values, scenario: scenario(values),
      trace: values.last { $0.isTrace }?.text ?? baseTrace)
  }

  /// The values of the axes at point `index`, in their order.
  func values(_ index: Int) -> [SettingValue] {
    zip(file.axes, steps(index)).flatMap { $0.steps[$1] }
  }

  func scenario(_ index: Int) -> Scenario { scenario(values(index)) }

  private func scenario(_ values: [SettingValue]) -> Scenario {
    var scenario = start
    for value in values where !value.isTrace { value.change(&scenario) }
    return scenario.withFlagsOfItsSystem
  }
}

/// One point of a grid: a scenario, a trace, and the values that led to it.
package struct SweepPoint: Sendable {
  package var index: Int
  /// The values of the axes, in their order.
  package var values: [SettingValue]
  package var scenario: Scenario
  package var trace: String

  /// `system=vllm-v1 block-size=16`
  package var label: String { Self.label(values) }

  static func label(_ values: [SettingValue]) -> String {
    values.map { "\($0.name)=\($0.text)" }.joined(separator: " ")
  }
}

/// A condition with its answers for each step of each axis worked out.
private struct SkipTable: Sendable {
  private struct Column {
    var axis: Int
    var holds: [Bool]
  }

  private var columns: [Column] = []
  /// Whether the clauses on base settings hold.
  private var isPossible = true

  init(_ condition: SkipCondition, _ file: SweepFile) {
    for clause in condition.clauses {
      func holds(_ value: SettingValue) -> Bool {
        clause.tests.contains { $0.holds(for: value.text) }
      }
      if let axis = file.axes.firstIndex(where: { $0.names.contains(clause.name) }) {
        let answers = file.axes[axis].steps.map { step in
          step.contains { $0.name == clause.name && holds($0) }
        }
        columns.append(Column(axis: axis, holds: answers))
      } else if let value = file.base.last(where: { $0.name == clause.name }) {
        isPossible = isPossible && holds(value)
      }
    }
  }

  func holds(at steps: [Int]) -> Bool {
    isPossible && columns.allSatisfy { $0.holds[steps[$0.axis]] }
  }
}
