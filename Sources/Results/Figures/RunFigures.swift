import Metrics
import Statistics

/// Runs that differ in named settings, as figures of them need them.
///
/// The numeric setting with the most values becomes the x axis of curves (the request rate, where it varies), another the curves
/// (the system, where it varies), and what is left makes a chart each. What has another x axis (distributions, time) is
/// drawn where the first is largest. Seeds are averaged over, and lie in one distribution; over time the first is drawn.
package struct RunFigures {
  package struct Run {
    /// A value for each of ``RunFigures/settings``.
    package var values: [String]
    /// By column of `summary.csv`, where there is no result: means that were made before.
    package var means: [String: MeanInterval] = [:]
    package var result: RunResult?

    package init(values: [String], result: RunResult) {
      self.values = values
      self.result = result
    }

    package init(values: [String], means: [String: MeanInterval]) {
      self.values = values
      self.means = means
    }
  }

  /// Charts of a figure; what does not fit is said in its caption.
  static let chartsMax = 12

  let settings: [String]
  let runs: [Run]
  /// What the runs were, for who has a file alone.
  package var origin = ""
  /// Settings with several values, the seed left out, by what they make.
  let x: Int?
  let curves: Int?
  private let panels: [Int]

  package init(settings: [String], runs: [Run]) {
    self.settings = settings
    self.runs = runs
    func distinct(_ setting: Int) -> Set<String> { Set(runs.map { $0.values[setting] }) }
    let varying = settings.indices.filter { settings[$0] != "seed" && distinct($0).count > 1 }
    let numeric = varying.filter { distinct($0).allSatisfy { Double($0) != nil } }
    let x =
      numeric.first { Self.isRate(settings[$0]) }
      ?? numeric.max { distinct($0).count < distinct($1).count }
    let others = varying.filter { $0 != x }
    let curves = others.first { settings[$0] == "system" } ?? others.first
    self.x = x
    self.curves = curves
    panels = others.filter { $0 != curves }
  }

  /// Runs of several systems at several rates.
  package init(_ results: [RunResult]) {
    self.init(
      settings: ["system", "request-rate"],
      runs: results.map {
        Run(values: [$0.summary.system, "\($0.summary.requestRate)"], result: $0)
      })
    origin = Self.origin(results.map(\.summary))
  }

  /// Model, device, trace, seed, version and prices, in a line.
  package static func origin(_ summaries: [RunSummary]) -> String {
    func each(_ text: (RunSummary) -> String?) -> String {
      var seen: Set<String> = []
      return summaries.compactMap(text).filter { seen.insert($0).inserted }.joined(separator: ", ")
    }
    let trace = each { summary in
      summary.provenance.scenario.first { $0.name == "trace" }?.value
    }
    return "kvplan \(each { $0.provenance.version }): \(each { "\($0.model) on \($0.device)" })"
      + (trace.isEmpty ? "" : ", \(trace)") + ", seed \(each { "\($0.provenance.seed)" }). "
      + "Prices: \(each { $0.provenance.costProfile })."
  }

  /// Whether a setting is the rate, named as a flag or as a column.
  static func isRate(_ setting: String) -> Bool {
    ["request-rate", "request_rate"].contains(setting)
  }

  /// Whether there is something to draw a metric against.
  package var hasCurves: Bool { x != nil || curves != nil }

  /// A value of a setting as a legend has it: `4 req/s`, `block-size 8`, `vllm-v1`.
  func name(_ value: String, of setting: Int) -> String {
    guard let number = Double(value) else { return value }
    return Self.isRate(settings[setting])
      ? "\(SVGText.number(number)) req/s" : "\(settings[setting]) \(value)"
  }

  /// Runs with the same value, in order of appearance.
  func groups(_ runs: [Run], by setting: Int) -> [(value: String, runs: [Run])] {
    var groups: [(value: String, runs: [Run])] = []
    var places: [String: Int] = [:]
    for run in runs {
      let value = run.values[setting]
      if let place = places[value] {
        groups[place].runs.append(run)
      } else {
        places[value] = groups.count
        groups.append((value, [run]))
      }
    }
    return groups
  }

  /// Runs that share a chart, with what they have in common.
  func panels(_ runs: [Run]) -> [(name: String, runs: [Run])] {
    var split: [(name: String, runs: [Run])] = [("", runs)]
    for setting in panels {
      split = split.flatMap { name, runs in
        groups(runs, by: setting).map { value, runs in
          (
            [name, self.name(value, of: setting)].filter { !$0.isEmpty }.joined(separator: ", "),
            runs
          )
        }
      }
    }
    return split
  }

  /// The runs where x is largest, where x is not what tells the curves apart.
  var busiest: (name: String, runs: [Run]) {
    guard let x, curves != nil else { return ("", runs) }
    let most = runs.max { (Double($0.values[x]) ?? 0) < (Double($1.values[x]) ?? 0) }
    guard let value = most?.values[x] else { return ("", []) }
    return (name(value, of: x), runs.filter { $0.values[x] == value })
  }

  /// The runs of a chart without x axis of its own, by curve.
  func curves(of runs: [Run]) -> [(name: String, runs: [Run])] {
    guard let setting = curves ?? x else {
      return [(runs.first?.result?.summary.system ?? "", runs)]
    }
    return groups(runs, by: setting).map { (name($0.value, of: setting), $0.runs) }
  }
}
