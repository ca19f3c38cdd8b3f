/// The command among others that starts an engine: `vllm serve`, its module, its image, alone or behind what starts them.
struct EngineLaunch {
  let engine: Engine
  /// What follows the engine's command, redirections left out.
  let words: ArraySlice<String>
  /// The image of a container that has it.
  let image: String?
  /// Variables that are set for it, `NAME=value`.
  let environment: [String]

  /// Every engine that is started by the commands.
  static func all(in commands: [[String]]) -> [EngineLaunch] {
    let exported = commands.filter { $0[0] == "export" }.flatMap { $0.dropFirst() }
    return commands.flatMap { all(in: $0, exported: exported.filter(isAssignment)) }
  }

  private static func all(in command: [String], exported: [String]) -> [EngineLaunch] {
    let environment = exported + command.prefix(while: isAssignment)
    if let (engine, rest) = started(by: command) {
      let words = command[rest...]
      let image = command[..<rest].first { $0.contains("vllm-openai") && !$0.hasPrefix("-") }
      return [
        EngineLaunch(
          engine: engine, words: withoutRedirections(words), image: image, environment: environment)
      ]
    }
    // `bash -c "vllm serve …"`, and the arguments of a container's shell.
    return command.filter { $0.contains(" ") }.flatMap { all(in: ShellWords($0).commands) }
  }

  private static let modules: [String: Engine] = [
    "vllm.entrypoints.openai.api_server": .vllm, "vllm.entrypoints.api_server": .vllm,
    "sglang.launch_server": .sglang, "tensorrt_llm.commands.serve": .trtllm,
  ]

  /// The engine, and where its own words begin.
  private static func started(by command: [String]) -> (engine: Engine, rest: Int)? {
    for (index, word) in command.enumerated() {
      let next = index + 1 < command.count ? command[index + 1] : ""
      if let engine = modules[word] { return (engine, index + 1) }
      switch word.split(separator: "/").last ?? "" {
      case "vllm" where next == "serve": return (.vllm, index + 2)
      case "sglang" where next == "serve": return (.sglang, index + 2)
      case "trtllm-serve" where next == "serve": return (.trtllm, index + 2)
      case "trtllm-serve" where next != "disaggregated": return (.trtllm, index + 1)
      default: continue
      }
    }
    // The image's own command is the server.
    let image = command.firstIndex { $0.contains("vllm-openai") && !$0.hasPrefix("-") }
    guard let image, command.contains("run") else { return nil }
    return (.vllm, image + 1)
  }

  private static func isAssignment(_ word: String) -> Bool {
    guard let name = word.firstIndex(of: "=").map({ word[..<$0] }), let first = name.first
    else { return false }
    return !first.isNumber
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
  }

  private static func withoutRedirections(_ words: ArraySlice<String>) -> ArraySlice<String> {
    var kept: [String] = []
    var rest = words
    while let word = rest.popFirst() {
      let target = word.drop(while: \.isNumber).drop { $0 == ">" || $0 == "<" }
      guard let sign = word.first(where: { !$0.isNumber }), sign == ">" || sign == "<" else {
        kept.append(word)
        continue
      }
      if target.isEmpty { _ = rest.popFirst() }
    }
    return kept[...]
  }
}
