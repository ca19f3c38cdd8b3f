import CostModel
import Messages
import ModelFiles
import Planning
import Serving

/// Flags of a simulated engine, read by the table of settings: `--name value`, `--name=value`, and for what is on or off
/// `--name` and `--no-name` alone.
package struct MockSettings {
  /// By name, in the order in which they were given.
  private var given: [(name: String, value: String)] = []

  /// - Throws: ``UserError`` for what is no flag.
  package init(words: [String]) throws(UserError) {
    var rest = words[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("--"), word.count > 2 else {
        throw UserError(
          "`\(word)` is neither a flag nor the value of one",
          hint: "such as `--model llama-3.1-8b --device h100-sxm`")
      }
      let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 {
        given.append((parts[0], parts[1]))
      } else if let value = rest.first, !value.hasPrefix("--") {
        given.append((parts[0], value))
        rest.removeFirst()
      } else if parts[0].hasPrefix("no-") {
        given.append((String(parts[0].dropFirst(3)), "false"))
      } else {
        given.append((parts[0], "true"))
      }
    }
  }

  /// The settings of the load come with the requests.
  private static let ofClients = [
    "request-rate", "max-concurrency", "session-think-time", "num-warmups", "num-prompts", "first",
    "from-second", "to-second", "oversized", "stepping",
  ]

  /// - Throws: ``UserError`` for a flag that is none or given twice, a value that is none, and without model or device.
  package func scenario() throws -> Scenario {
    for (index, flag) in given.enumerated() {
      if given[..<index].contains(where: { $0.name == flag.name }) {
        throw UserError("`--\(flag.name)` is given twice")
      }
      if Self.ofClients.contains(flag.name) {
        throw UserError(
          "`--\(flag.name)` says how requests come: here clients do",
          hint: "leave it out, and set it on the load generator")
      }
    }
    func value(_ name: String) throws -> String {
      guard let flag = given.first(where: { $0.name == name }) else {
        throw UserError(
          "`--\(name)` is missing", hint: "such as `--model llama-3.1-8b --device h100-sxm`")
      }
      return flag.value
    }
    var scenario = Scenario(
      system: .today, model: try ModelFile.find(value("model")),
      device: try DeviceFile.find(value("device")))
    for (name, text) in given where name != "model" && name != "device" {
      if name == "engine-overheads", text.hasSuffix(".json") {
        scenario.engineOverheads = .server(try ServerProfile.read(path: text))
      } else {
        try ScenarioSetting.find(name).change(text)(&scenario)
      }
    }
    return scenario
  }
}
