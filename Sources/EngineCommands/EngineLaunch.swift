import Messages

/// The command among others that starts an engine: `vllm serve`, its module, its image, alone or behind what starts them.
struct EngineLaunch {
  let engine: Engine
  /// What follows the engine's command, redirections left out.
  let words: ArraySlice<String>
  /// The image of a container that has it.
  let image: String?
  /// Variables that are set for it, `NAME=value`.
  let environment: [String]

  /// Every engine that is started by the text, one of shell.
  ///
  /// - Throws: ``UserError`` for a quote in it that is not closed.
  static func all(in text: String) throws(UserError) -> [EngineLaunch] {
    let words = ShellWords(text)
    if let quote = words.openQuote { throw notClosed(quote, of: "") }
    return try all(in: words.commands)
  }

  private static func all(in commands: [[String]]) throws(UserError) -> [EngineLaunch] {
    let exported = commands.filter { $0[0] == "export" }.flatMap { $0.dropFirst() }
    var launches: [EngineLaunch] = []
    for command in commands {
      launches += try all(in: command, exported: exported.filter(isAssignment))
    }
    return launches
  }

  private static func notClosed(_ quote: ShellWords.OpenQuote, of place: String) -> UserError {
    let text = Array(quote.text.utf8)
    return UserError(
      "`--from-command`: the quote at character \(quote.character)\(place) is not closed: "
        + "`\(printable(text.span))`",
      hint: "close it, or put a backslash before it where it is part of the text")
  }

  private static func all(
    in command: [String], exported: [String]
  ) throws(UserError) -> [EngineLaunch] {
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
    var launches: [EngineLaunch] = []
    for word in command where word.contains(" ") {
      let words = ShellWords(word)
      let started = try all(in: words.commands)
      // Of a text that starts no engine an apostrophe is one.
      if let quote = words.openQuote, !started.isEmpty {
        throw notClosed(quote, of: " of the text in quotes")
      }
      launches += started
    }
    return launches
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
