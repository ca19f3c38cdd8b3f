import Messages

/// An argument of a command as a command line has it.
struct SaidArgument {
  var argument: CommandInfo.Argument
  /// The name that was used: `-tp`; empty for an argument without one.
  var name: String
  /// `nil` for a flag that takes none.
  var value: String?

  /// `--objective cost`
  var text: String { ([name] + (value.map { [shellQuoted($0)] } ?? [])).joined(separator: " ") }
}

extension NamedCommand {
  /// The command line taken apart; what stands behind `--` has no name.
  ///
  /// - Parameter line: The words of this command, the tool's name left out.
  func said(_ line: [String]) -> [SaidArgument] {
    let arguments = command.arguments ?? []
    var places = arguments.filter { $0.kind == .positional }[...]
    var said: [SaidArgument] = []
    var rest = line.dropFirst(zip(line, words).prefix { $0 == $1 }.count)
    var areNamed = true
    while let word = rest.popFirst() {
      if areNamed, word == "--" {
        areNamed = false
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts.first.map(String.init) ?? ""
      guard areNamed,
        let argument = arguments.first(where: { $0.kind != .positional && $0.isCalled(name) })
      else {
        guard let place = places.first else { continue }
        if !place.isRepeating { places.removeFirst() }
        said.append(.init(argument: place, name: "", value: word))
        continue
      }
      let value = parts.count == 2 ? String(parts[1]) : nil
      said.append(
        .init(
          argument: argument, name: name,
          value: argument.kind == .flag ? nil : value ?? rest.popFirst() ?? ""))
    }
    return said
  }
}

extension UserError {
  /// An option that takes one value and is given two, of which ArgumentParser would take the last without a word; `nil`
  /// where there is none, and where help is asked for.
  ///
  /// - Parameter words: A command line that was understood, without the tool's name.
  init?(optionGivenTwiceIn words: [String]) {
    let names = words.prefix { $0 != "--" }.filter { $0.hasPrefix("-") && $0 != "-" }
      .map { $0.prefix { $0 != "=" } }
    // Describing a command takes a while, and is needed only where a name comes again: those of one dash stand for others.
    guard !names.contains("--help"),
      Set(names).count < names.count || names.contains(where: { !$0.hasPrefix("--") })
    else { return nil }
    var given: [String: SaidArgument] = [:]
    for said in NamedCommand(words).said(words)
    where said.argument.kind == .option && !said.argument.isRepeating {
      guard let before = given.updateValue(said, forKey: said.argument.key) else { continue }
      self.init(
        "`\(before.text)` and `\(said.text)` are both given: the option takes one value",
        hint: "leave one of them out")
      return
    }
    return nil
  }
}
