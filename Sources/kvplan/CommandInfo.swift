import ArgumentParser
import Foundation
import Planning

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

  /// A command that has none below it.
  static func described(_ type: any ParsableCommand.Type) -> CommandInfo {
    do {
      var info = try JSONDecoder().decode(Tool.self, from: Data(type._dumpHelp().utf8)).command
      // ArgumentParser takes it for the whole tool, and adds `help`.
      info.subcommands = nil
      return info
    } catch {
      preconditionFailure("ArgumentParser describes commands otherwise than 1.8 does: \(error)")
    }
  }

  /// A command that others stand below, by its own words: describing all of them would take the time of all.
  static func outline(_ type: any ParsableCommand.Type) -> CommandInfo {
    let own = type.configuration
    let isTool = type == Kvplan.self
    return CommandInfo(
      commandName: type._commandName, shouldDisplay: own.shouldDisplay, abstract: own.abstract,
      discussion: own.discussion, defaultSubcommand: own.defaultSubcommand?._commandName,
      subcommands: own.subcommands.map(outline) + (isTool ? [help] : []),
      arguments: common)
  }

  /// The commands below it that have none below them: `plan capacity`.
  var leaves: [String] {
    (subcommands ?? []).flatMap { command in
      let below = command.leaves
      return below.isEmpty ? [command.commandName] : below.map { "\(command.commandName) \($0)" }
    }
  }

  /// ArgumentParser's own command below the tool.
  private static let help = CommandInfo(commandName: "help", shouldDisplay: true, subcommands: [])

  /// What every command takes: `--version` and `--help`.
  static let common = described(WithoutOptions.self).arguments ?? []

  private struct WithoutOptions: ParsableCommand {
    static let configuration = CommandConfiguration(version: toolVersion)
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
  /// Its words behind the tool's name: `plan capacity`.
  let words: [String]
  /// What is in the place of a subcommand and is none.
  let unknown: String?
  let command: CommandInfo

  init(_ words: [String]) {
    var type: any ParsableCommand.Type = Kvplan.self
    var named: [String] = []
    var unknown: String?
    for word in words {
      let below = type.configuration.subcommands
      if let next = below.first(where: { $0._commandName == word }) {
        type = next
        named.append(word)
        continue
      }
      if let next = type.configuration.defaultSubcommand {
        type = next
        named.append(next._commandName)
      } else if !below.isEmpty, !word.hasPrefix("-") {
        unknown = word
      }
      break
    }
    self.words = named
    self.unknown = unknown
    command =
      type.configuration.subcommands.isEmpty ? CommandInfo.described(type) : .outline(type)
  }

  /// `kvplan plan capacity`
  var text: String { (["kvplan"] + words).joined(separator: " ") }
}
