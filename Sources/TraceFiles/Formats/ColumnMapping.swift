import Messages

/// `--columns arrival=time,prompt=usage.in,output=usage.out`: which names of a file say what.
package struct ColumnMapping: Equatable, Sendable {
  /// What a name of a file can say.
  package enum Role: String, CaseIterable, Sendable {
    case arrival, prompt, output, session
    case requestClass = "class"
    case priority, adapter, think

    var column: TraceColumn {
      switch self {
      case .arrival: .moment
      case .prompt: .promptTokens
      case .output: .outputTokens
      case .session: .conversation
      case .requestClass: .requestClass
      case .priority: .priority
      case .adapter: .adapter
      case .think: .thinkTime
      }
    }

    var field: JSONField {
      switch self {
      case .arrival: .time
      case .prompt: .promptTokens
      case .output: .outputTokens
      case .session: .session
      case .requestClass: .requestClass
      case .priority: .priority
      case .adapter: .adapter
      case .think: .pause
      }
    }
  }

  /// The file's name of each role that is given.
  private(set) var names: [(role: Role, name: String)] = []

  /// - Throws: ``UserError`` for what is no role, a role or a name given twice, and without prompt or output.
  package init(_ text: String) throws(UserError) {
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "=", maxSplits: 1).map { String($0) }
      guard parts.count == 2 else {
        throw UserError(
          "`--columns` must be what a column says, `=` and its name, by commas, found `\(item)`",
          hint: "such as `--columns arrival=time,prompt=in_tokens,output=out_tokens`")
      }
      guard let role = Role(rawValue: parts[0]) else {
        throw UserError(
          "`--columns` has no `\(parts[0])`",
          hint:
            "columns can say \(Role.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "))")
      }
      guard !names.contains(where: { $0.role == role || $0.name == parts[1] }) else {
        throw UserError("`--columns` gives `\(parts[0])` or `\(parts[1])` twice")
      }
      names.append((role, parts[1]))
    }
    for role in [Role.prompt, .output] where !names.contains(where: { $0.role == role }) {
      throw UserError(
        "`--columns` does not say which column has the \(role.rawValue) tokens",
        hint: "add `\(role.rawValue)=NAME`")
    }
  }

  package static func == (a: ColumnMapping, b: ColumnMapping) -> Bool {
    a.names.elementsEqual(b.names) { $0 == $1 }
  }

  var fields: [(name: String, field: JSONField)] { names.map { ($0.name, $0.role.field) } }

  func column(_ name: String) -> TraceColumn? { names.first { $0.name == name }?.role.column }
}

extension ColumnMapping {
  /// Words by which a name is taken for one that says something, and words by which it is not.
  private static let signs: [(role: Role, signs: [String], others: [String])] = [
    (.prompt, ["prompt", "input", "prefill", "context", "in_tok"], ["cached", "output"]),
    (.output, ["output", "completion", "decode", "generated", "response", "out_tok"], ["input"]),
    (.arrival, ["arriv", "timestamp", "created", "start", "time"], ["first", "end", "think"]),
    (.session, ["session", "conversation"], ["num"]),
  ]
  private static let amounts = ["tok", "len", "size", "count", "prompt", "completion"]
  private static let noNumbers = [
    "text", "cost", "price", "hash", "ms_per", "duration", "latency",
    "unit",
  ]

  /// The flag that names like these would be read with; `nil` where none looks like tokens.
  static func guess(_ names: [String]) -> String? {
    var parts: [String] = []
    for (role, signs, others) in signs {
      let name = names.first { name in
        let last = name.lowercased()
        guard signs.contains(where: last.contains), !others.contains(where: last.contains),
          !noNumbers.contains(where: last.contains)
        else { return false }
        return role == .arrival || role == .session || amounts.contains(where: last.contains)
      }
      if let name { parts.append("\(role.rawValue)=\(name)") }
    }
    guard parts.contains(where: { $0.hasPrefix("prompt") }),
      parts.contains(where: { $0.hasPrefix("output") })
    else { return nil }
    let order = Role.allCases.map(\.rawValue)
    let sorted = parts.sorted { a, b in
      (order.firstIndex { a.hasPrefix($0 + "=") } ?? 0)
        < (order.firstIndex { b.hasPrefix($0 + "=") } ?? 0)
    }
    return "--columns \(shellQuoted(sorted.joined(separator: ",")))"
  }
}
