import ArgumentParser
import Foundation

/// A command as ArgumentParser describes it (`--experimental-dump-help`): what short help and messages about usage
/// are made from.
struct CommandInfo: Decodable {
  struct Argument: Decodable {
    enum Kind: String, Decodable { case positional, option, flag }

    struct Name: Decodable {
      var kind: String
      var name: String

      /// `--model`, `-tp`
      var flag: String { (kind == "long" ? "--" : "-") + name }
    }

    var kind: Kind
    var names: [Name]?
    var preferredName: Name?
    var valueName: String?
    var abstract: String?
    var defaultValue: String?
    var allValues: [String]?
    var sectionTitle: String?
    var isOptional: Bool
    var isRepeating: Bool
    var shouldDisplay: Bool

    /// `--block-size <block-size>`, `--first`, `<trace>`
    var synopsis: String {
      let value = "<\(valueName ?? "")>"
      guard let flag = preferredName?.flag else { return value }
      return kind == .option ? "\(flag) \(value)" : flag
    }
  }

  struct Tool: Decodable { var command: CommandInfo }

  var commandName: String
  var shouldDisplay: Bool
  var abstract: String?
  var discussion: String?
  var defaultSubcommand: String?
  var subcommands: [CommandInfo]?
  var arguments: [Argument]?

  /// The tool with all its commands.
  static var root: CommandInfo { described(Kvplan.self) }

  /// A command with those below it.
  static func described(_ type: any ParsableCommand.Type) -> CommandInfo {
    do {
      return try JSONDecoder().decode(Tool.self, from: Data(type._dumpHelp().utf8)).command
    } catch {
      preconditionFailure("ArgumentParser describes commands otherwise than 1.8 does: \(error)")
    }
  }

  func subcommand(_ name: String) -> CommandInfo? {
    subcommands?.first { $0.commandName == name }
  }

  /// The lines of the examples in the discussion, as they stand there.
  var exampleLines: [String] {
    let lines = (discussion ?? "").components(separatedBy: "\n")
    guard let start = lines.firstIndex(of: "EXAMPLE") else { return [] }
    return lines[(start + 1)...].prefix { !$0.isEmpty }.map { $0 }
  }

  /// The examples, each on one line.
  var examples: [String] {
    var examples: [String] = []
    var isContinued = false
    for line in exampleLines.map({ $0.trimmingCharacters(in: .whitespaces) }) {
      let text = line.hasSuffix("\\") ? String(line.dropLast()) : line
      if isContinued { examples[examples.count - 1] += text } else { examples.append(text) }
      isContinued = line.hasSuffix("\\")
    }
    return examples
  }
}

/// The command that the first words of a command line name.
struct NamedCommand {
  /// From the tool down: at least the tool itself.
  private(set) var path: [CommandInfo]
  /// What is in the place of a subcommand and is none.
  private(set) var unknown: String?

  init(_ words: [String], root: CommandInfo = .root) {
    path = [root]
    for word in words {
      guard let subcommands = command.subcommands, !subcommands.isEmpty else { break }
      if let next = command.subcommand(word) {
        path.append(next)
        continue
      }
      if let name = command.defaultSubcommand, let next = command.subcommand(name) {
        path.append(next)
      } else if !word.hasPrefix("-") {
        unknown = word
      }
      break
    }
  }

  var command: CommandInfo { path[path.count - 1] }

  /// `kvplan plan capacity`
  var text: String { path.map(\.commandName).joined(separator: " ") }
}
