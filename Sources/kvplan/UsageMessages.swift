import ArgumentParser
import EngineCommands
import Foundation
import Messages

extension UserError {
  /// What ArgumentParser says about arguments that it cannot parse, in the voice of the tool.
  ///
  /// It keeps the kinds of its errors to itself, so they are told by their text, which tests hold for every kind; what
  /// is not known is passed on as it is.
  ///
  /// - Parameters:
  ///   - text: Its message, of version 1.8, without `Error: `.
  ///   - named: The command that was meant.
  ///   - words: The command line, without the tool's name.
  init(usage text: String, of named: NamedCommand, words: [String]) {
    if let unknown = named.unknown {
      self = .noCommand(unknown, of: named)
    } else if let match = text.firstMatch(of: /^Unknown option '([^']*)'/) {
      self = .unknownOption(String(match.1), of: named)
    } else if let match = text.firstMatch(of: /^Missing value for '(\S+)/) {
      let flag = match.1.trimmingSuffix("'")
      // ArgumentParser takes `-1` for an option.
      let next = words.firstIndex(of: flag).flatMap { words[($0 + 1)...].first }
      let number = next.flatMap { Double($0) == nil ? nil : $0 }
      self.init(
        number.map { "`\(flag)` does not take `\($0)`" } ?? "`\(flag)` needs a value",
        hint: named.command.argument(flag)?.meaning)
    } else if let match = text.firstMatch(
      of: /^The value '((?s:.*))' is invalid for '(\S+)( <[^>]*>)?'/)
    {
      self = .wrongValue(
        String(match.1), of: named.command.argument(String(match.2)), String(match.2))
    } else if let match = text.firstMatch(of: /^Missing expected argument '([^']*)'/) {
      let synopsis = String(match.1)
      let example = named.command.examples.first.map { "for example: \($0)" }
      self.init(
        "`\(synopsis)` is missing", hint: example ?? named.command.argument(synopsis)?.meaning)
    } else if let match = text.firstMatch(
      of: /^(Unexpected argument|\d+ unexpected arguments:) '((?s:.*))'$/)
    {
      self = .unexpected(String(match.2).components(separatedBy: "', '"), of: named)
    } else if let match = text.firstMatch(
      of: /^The option '(\S+)' does not take any value, but '((?s:.*))' was specified/)
    {
      self.init("`\(match.1)` takes no value, found `\(match.2)`")
    } else if text.firstMatch(of: /^Can't (autodetect|generate)/) != nil {
      let shells = CompletionShell.allCases.map { "`\($0.rawValue)`" }.sorted()
      self.init(
        "no completion for this shell",
        hint: "write `--generate-completion-script` and one of \(shells.joined(separator: ", "))")
    } else {
      self.init(text)
    }
  }

  /// A word in the place of a command, with the nearest command.
  private static func noCommand(_ word: String, of named: NamedCommand) -> UserError {
    let above = named.words.map { $0 + " " }.joined()
    let names = named.command.subcommands?.filter(\.shouldDisplay).map(\.commandName) ?? []
    return UserError(
      "no command `\(above)\(word)`",
      hint: nearestName(to: word, among: names).map { "did you mean `\(above)\($0)`?" }
        ?? "commands are \(names.map { "`\(above)\($0)`" }.joined(separator: ", "))")
  }

  private static func unknownOption(_ flag: String, of named: NamedCommand) -> UserError {
    let arguments = (named.command.arguments ?? []) + CommandInfo.common
    let flags = arguments.flatMap { $0.names ?? [] }.map(\.flag)
    let listing = "`\(named.text) --help` lists all"
    if flags.contains(PastedCommand.flag), let meaning = EngineCommandLine.explanation(of: flag) {
      return UserError(
        "`\(named.text)` has no option `\(flag)`",
        hint:
          "\(meaning); leave it out, or give the engine's whole command line as `\(PastedCommand.flag)`"
      )
    }
    // A letter is near to every other.
    let nearest = flag.hasPrefix("--") ? nearestName(to: flag, among: flags) : nil
    return UserError(
      "`\(named.text)` has no option `\(flag)`",
      hint: nearest.map { "did you mean `\($0)`? \(listing)" } ?? listing)
  }

  private static func wrongValue(
    _ value: String, of argument: CommandInfo.Argument?, _ name: String
  ) -> UserError {
    let values = argument?.allValues ?? []
    let listing = "it takes \(values.map { "`\($0)`" }.joined(separator: ", "))"
    let hint = nearestName(to: value, among: values).map { "did you mean `\($0)`? \(listing)" }
    return UserError(
      "`\(name)` does not take `\(value)`",
      hint: values.isEmpty ? argument?.meaning : hint ?? listing)
  }

  private static func unexpected(_ words: [String], of named: NamedCommand) -> UserError {
    let places = named.command.arguments?.filter { $0.kind == .positional }.map(\.synopsis) ?? []
    let found = words.map { "`\($0)`" }.joined(separator: ", ")
    return UserError(
      "unexpected argument\(words.count == 1 ? "" : "s") \(found)",
      hint:
        "`\(named.text)` takes \(places.isEmpty ? "" : "`\(places.joined(separator: " "))` and ")"
        + "options, which begin with `--`")
  }
}

extension CommandInfo {
  /// The argument that `name` stands for: `--model` or `<trace>`, with or without the name of a value behind it.
  fileprivate func argument(_ name: some StringProtocol) -> Argument? {
    arguments?.first {
      $0.synopsis == name || ($0.names ?? []).contains { $0.flag == name }
    }
  }
}

extension CommandInfo.Argument {
  /// `` `--block-size <block-size>`: Token slots in a KV block ``
  fileprivate var meaning: String {
    "`\(synopsis)`: \((abstract ?? "").trimmingSuffix("."))"
  }
}

extension StringProtocol {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : String(self)
  }
}
