import Foundation
import Planning
import SimulationKernel
import TraceFiles
import Workload

/// What a sweep file says: a grid of runs, where their results go, and what of them is kept.
///
/// Every name and value has been checked; whether a run is possible shows when it is resolved.
package struct SweepFile: Sendable {
  /// The file as the user named it.
  package var path: String
  /// What the sweep is called; its output folder is its own.
  package var name: String
  /// The output folder, found from where the file lies.
  package var output: String
  /// Settings of every run.
  package var base: [SettingValue]
  /// What varies, outermost first.
  package var axes: [SweepAxis]
  package var skips: [SkipCondition]
  /// Columns of the merged table besides those that name a run; `nil` keeps all.
  package var metrics: [String]?
  package var objectives: [SweepObjective]
  package var reading: TraceReadOptions

  /// The folder that relative paths in the file start from.
  var folder: String { Self.folder(of: path) }

  static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  /// Where a path that stands in the file leads.
  static func resolved(_ path: String, from folder: String) -> String {
    path.hasPrefix("/") || folder == "." ? path : "\(folder)/\(path)"
  }

  /// The base settings and those of all axes, in order.
  var allValues: [SettingValue] { base + axes.flatMap { $0.steps.flatMap(\.self) } }

  /// Every trace that a run replays, in order of appearance.
  var traces: [String] {
    var traces: [String] = []
    for value in allValues where value.isTrace && !traces.contains(value.text) {
      traces.append(value.text)
    }
    return traces
  }

  /// The named settings that vary, in order.
  package var axisNames: [String] { axes.flatMap(\.names) }
}

/// One setting with the value that a sweep file or a flag gives it.
package struct SettingValue: Sendable {
  /// The setting that names the trace; no part of a ``Scenario``.
  package static let trace = "trace"

  /// A setting of ``ScenarioSetting/all``, or ``trace``.
  package var name: String
  /// The value as it was written.
  package var text: String
  package var change: ScenarioSetting.Change

  var isTrace: Bool { name == Self.trace }
}

/// Settings that vary together; a plain axis has one, a zipped one several.
package struct SweepAxis: Sendable {
  package var names: [String]
  /// The values of all ``names`` at each step.
  package var steps: [[SettingValue]]
}

/// Runs that are left out: those that meet every clause.
package struct SkipCondition: Sendable {
  package struct Clause: Sendable {
    var name: String
    /// Alternatives, one of which holds.
    var tests: [ValueTest]
  }

  package var clauses: [Clause]
}

/// A comparison of a setting's value with a constant.
struct ValueTest: Equatable, Sendable {
  enum Comparison: String, CaseIterable, Sendable {
    case atLeast = ">="
    case atMost = "<="
    case not = "!="
    case above = ">"
    case below = "<"
    case equal = "="
  }

  var comparison: Comparison
  var operand: String

  /// Reads `> 16`; a text without a comparison is an equality.
  init(_ text: String) {
    let found = Comparison.allCases.first { text.hasPrefix($0.rawValue) }
    comparison = found ?? .equal
    operand = text.dropFirst(found?.rawValue.count ?? 0).trimmingCharacters(in: .whitespaces)
  }

  /// Whether the comparison asks for numbers.
  var isOrdering: Bool { [.atLeast, .atMost, .above, .below].contains(comparison) }

  /// Numbers are compared as numbers, other texts letter by letter.
  func holds(for value: String) -> Bool {
    if let a = Double(value), let b = Double(operand) {
      return switch comparison {
      case .atLeast: a >= b
      case .atMost: a <= b
      case .above: a > b
      case .below: a < b
      case .equal: a == b
      case .not: a != b
      }
    }
    return switch comparison {
    case .equal: value == operand
    case .not: value != operand
    case .atLeast, .atMost, .above, .below: false
    }
  }
}

/// Upper limits of columns that a system has to keep to count as fast enough.
package struct SweepObjective: Equatable, Sendable {
  package struct Limit: Equatable, Sendable {
    package var column: String
    package var most: Double
  }

  package var name: String
  package var limits: [Limit]
}
