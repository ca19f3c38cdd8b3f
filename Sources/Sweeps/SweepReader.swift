import CostModel
import Foundation
import Messages
import Planning
import Results
import Serving
import SimulationKernel
import TraceFiles
import Workload
import Yams

/// Reads sweep files, YAML or JSON (which is YAML).
///
/// Every mistake is reported as `FILE:LINE:COLUMN: what`, counted from 1.
package struct SweepReader {
  private static let fields = [
    "sweep", "trace", "output", "base", "axes", "zip", "seeds", "skip-where", "metrics", "slo",
    "reading",
  ]

  let path: String
  let folder: String

  /// - Throws: ``UserError`` for a file that cannot be read or says something that cannot be done.
  package static func read(path: String) throws -> SweepFile {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UserError(
        "cannot read sweep `\(path)`: no such file",
        hint: "`kvplan sweep init \(path)` writes an example")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw UserError("\(path): not UTF-8")
    }
    return try read(text, path: path)
  }

  /// Reads a text; `path` names it in messages, and relative paths start from its folder.
  package static func read(_ text: String, path: String) throws -> SweepFile {
    let reader = SweepReader(path: path, folder: SweepFile.folder(of: path))
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch { throw reader.unreadable(error) }
    guard let root else {
      throw UserError(
        "\(path): the file is empty", hint: "`kvplan sweep init` writes an example")
    }
    return try reader.file(root)
  }

  private func file(_ root: Node) throws -> SweepFile {
    let fields = try mapping(root, "a sweep")
    for (key, _) in fields where !Self.fields.contains(key.text) {
      throw error(
        key.node, "unknown field `\(key.text)`", hint: nearest(key.text, Self.fields))
    }
    func field(_ name: String) -> Node? { fields.first { $0.key.text == name }?.value }
    func required(_ name: String) throws -> Node {
      guard let node = field(name) else {
        throw error(root, "the field `\(name)` is missing")
      }
      return node
    }
    var file = SweepFile(
      path: path, name: try word(required("sweep"), "a name"),
      output: SweepFile.resolved(try word(required("output"), "a folder"), from: folder),
      base: try field("base").map { try settings($0) } ?? [], axes: [], skips: [], metrics: nil,
      objectives: [], reading: try field("reading").map { try reading($0) } ?? .init())
    if let trace = field("trace") {
      file.base.append(try setting(SettingValue.trace, node: trace, at: trace))
    }
    if let axes = field("axes") { file.axes += try self.axes(axes) }
    if let zip = field("zip") { file.axes += try zipped(zip) }
    if let seeds = field("seeds") { file.axes.append(try self.seeds(seeds)) }
    try checkAxes(file, root)
    if let skips = field("skip-where") { file.skips = try conditions(skips, file) }
    if let metrics = field("metrics") { file.metrics = try self.metrics(metrics) }
    if let slo = field("slo") { file.objectives = try objectives(slo) }
    try checkSystemFlags(file)
    return file
  }

  // MARK: Settings

  private func settings(_ node: Node) throws -> [SettingValue] {
    try mapping(node, "settings").map { key, value in
      try setting(key.text, node: value, at: key.node)
    }
  }

  /// One setting; a mistake in its name is at `key`, one in its value at `node`.
  private func setting(_ name: String, node: Node, at key: Node) throws -> SettingValue {
    try setting(name, text: word(node, "a value"), at: node, key: key)
  }

  private func setting(
    _ name: String, text: String, at node: Node, key: Node
  ) throws -> SettingValue {
    if name == SettingValue.trace {
      guard text != "-" else { throw error(node, "a sweep reads its trace from a file") }
      return SettingValue(name: name, text: text, change: { _ in })
    }
    let setting = try located(key) { try ScenarioSetting.find(name) }
    let isPath = setting.isFile || setting.isModel && text.lowercased().hasSuffix(".json")
    let given = isPath ? SweepFile.resolved(text, from: folder) : text
    let change = try located(node) { try setting.change(given) }
    return SettingValue(name: name, text: text, change: change)
  }

  private func axes(_ node: Node) throws -> [SweepAxis] {
    try mapping(node, "axes").map { key, value in
      let texts = try values(value)
      return SweepAxis(
        names: [key.text],
        steps: try texts.map { text, at in
          [try setting(key.text, text: text, at: at, key: key.node)]
        })
    }
  }

  /// Axes of several settings that go in step.
  private func zipped(_ node: Node) throws -> [SweepAxis] {
    guard case .sequence(let groups) = node else {
      throw error(node, "`zip` must be a list of groups of axes")
    }
    return try groups.map { group in
      let members = try axes(group)
      guard let first = members.first else { throw error(group, "a group of `zip` is empty") }
      for axis in members where axis.steps.count != first.steps.count {
        throw error(
          group,
          "`\(first.names[0])` has \(first.steps.count) values, `\(axis.names[0])` has "
            + "\(axis.steps.count): axes that are zipped have as many")
      }
      return SweepAxis(
        names: members.flatMap(\.names),
        steps: first.steps.indices.map { step in members.flatMap { $0.steps[step] } })
    }
  }

  private func seeds(_ node: Node) throws -> SweepAxis {
    var texts: [(String, Node)] = []
    if case .scalar(let scalar) = node {
      guard let count = Int(scalar.string), count > 0 else {
        throw error(
          node, "`seeds` must be a number of seeds or a list of them, found `\(scalar.string)`")
      }
      guard count <= 1_000_000 else { throw error(node, "`seeds` is \(count), more than 1000000") }
      texts = (0..<count).map { ("\($0)", node) }
    } else {
      texts = try values(node)
    }
    return SweepAxis(
      names: ["seed"],
      steps: try texts.map { [try setting("seed", text: $0.0, at: $0.1, key: node)] })
  }

  /// The settings of each axis are there once, and not in the base.
  private func checkAxes(_ file: SweepFile, _ root: Node) throws {
    var seen: Set<String> = []
    for name in file.axisNames where !seen.insert(name).inserted {
      throw error(root, "`\(name)` is on two axes")
    }
    for name in file.base.map(\.name) where seen.contains(name) {
      throw error(root, "`\(name)` is set for all runs and on an axis too")
    }
    guard file.allValues.contains(where: \.isTrace) else {
      throw error(root, "the field `trace` is missing")
    }
    for (name, example) in [("model", "llama-3.1-8b"), ("device", "h100-sxm")]
    where !file.allValues.contains(where: { $0.name == name }) {
      throw error(
        root, "the setting `\(name)` is missing",
        hint: "give it under `base`, such as `\(name): \(example)`, or on an axis")
    }
  }

  private func isOfSomeSystems(_ name: String) -> Bool {
    ScenarioSetting.all.contains { $0.name == name && $0.isOfSomeSystems }
  }

  /// A setting that only some systems have is for those; one that none of the sweep's systems has is a
  /// mistake.
  private func checkSystemFlags(_ file: SweepFile) throws {
    let grid = try SweepGrid(file)
    let systems = file.allValues.filter { $0.name == "system" }
    for value in file.allValues where isOfSomeSystems(value.name) {
      var scenario = grid.start
      value.change(&scenario)
      let scenarios =
        systems.isEmpty
        ? [scenario]
        : systems.map { system in
          var scenario = scenario
          system.change(&scenario)
          return scenario
        }
      do { _ = try scenarios.keepingFlagsOfTheirSystems() } catch {
        throw UserError(
          "\(path): no system of the sweep has `\(value.name)` \(value.text)", hint: error.hint)
      }
    }
  }
}
