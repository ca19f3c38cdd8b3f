import Foundation

/// What `-h` prints: a command's own options, a line each, and its example. `--help` has all of it.
struct ShortHelp {
  private let named: NamedCommand

  /// Options of shared groups that a command cannot do without.
  private static let needed: Set = ["model", "device"]
  /// The group of options that is a plan's own.
  private static let ownTitle = "Plan"
  private static let linesMax = 14
  private static let labelColumns = 26
  private static let textColumns = 80

  init(of named: NamedCommand) { self.named = named }

  /// The command that is asked about, or `nil` where no word is `-h`.
  ///
  /// - Parameter words: The command line, without the tool's name.
  static func asked(_ words: [String]) -> ShortHelp? {
    guard words.prefix(while: { $0 != "--" }).contains("-h") else { return nil }
    return ShortHelp(of: NamedCommand(words.filter { $0 != "-h" }))
  }

  var text: String {
    let command = named.command
    let blocks = [
      [command.abstract ?? "", "", "usage: \(usage)"],
      rows.map(line) + more,
      command.exampleLines.isEmpty ? [] : ["example:"] + command.exampleLines,
    ]
    return blocks.filter { !$0.isEmpty }.map { $0.map { "\($0)\n" }.joined() }.joined(
      separator: "\n")
  }

  private var shown: [CommandInfo.Argument] {
    (named.command.arguments ?? []).filter {
      $0.shouldDisplay && !["help", "version"].contains($0.preferredName?.name)
    }
  }

  private var own: [CommandInfo.Argument] {
    let own = shown.filter { $0.sectionTitle == nil || $0.sectionTitle == Self.ownTitle }
    let needed = shown.filter {
      Self.needed.contains($0.preferredName?.name ?? "") && $0.sectionTitle != nil
    }
    let places = own.filter { $0.kind == .positional }
    let required = own.filter { $0.kind != .positional && !$0.isOptional }
    return places + needed + required + own.filter { $0.kind != .positional && $0.isOptional }
  }

  private var usage: String {
    if named.command.subcommands?.isEmpty == false { return "\(named.text) <command>" }
    let required = shown.filter { !$0.isOptional }.map(\.synopsis)
    let places = shown.filter { $0.kind == .positional && $0.isOptional }.map { "[\($0.synopsis)]" }
    return ([named.text, "[options]"] + required + places).joined(separator: " ")
  }

  private var rows: [(label: String, text: String)] {
    if let subcommands = named.command.subcommands, !subcommands.isEmpty {
      return subcommands.filter { $0.shouldDisplay && $0.commandName != "help" }.map {
        ($0.commandName, $0.abstract ?? "")
      }
    }
    return own.prefix(Self.linesMax).map {
      ($0.label(Self.labelColumns - 4), $0.summary(Self.textColumns))
    }
  }

  /// What is left out, and where it is.
  private var more: [String] {
    guard named.command.subcommands?.isEmpty != false else {
      return ["", "`\(named.text) <command> -h` shows one, `--help` all of it"]
    }
    let left = shown.count - min(own.count, Self.linesMax)
    guard left > 0 else { return [] }
    let titles = shown.compactMap(\.sectionTitle).uniqued.filter { $0 != Self.ownTitle }
    let about = titles.isEmpty ? "" : " (\(titles.joined(separator: ", ").lowercased()))"
    return ["", "\(left) more options\(about):", "`\(named.text) --help`"]
  }

  private func line(_ row: (label: String, text: String)) -> String {
    "  \(row.label)".padding(toLength: Self.labelColumns, withPad: " ", startingAt: 0) + row.text
  }
}

extension CommandInfo.Argument {
  /// The synopsis, without the name of its value where that is too long.
  fileprivate func label(_ columns: Int) -> String {
    synopsis.count <= columns ? synopsis : preferredName?.flag ?? synopsis
  }

  /// What it means, or the first clause of that where it is too long, with its default if that fits.
  fileprivate func summary(_ columns: Int) -> String {
    let abstract = abstract ?? ""
    let ends = ["; ", ". ", ": ", " (", ", such as"].compactMap {
      abstract.firstRange(of: $0)?.lowerBound
    }
    let first = abstract[..<(ends.min() ?? abstract.endIndex)]
    let clause =
      abstract.count <= columns
      ? abstract[...]
      : first.count <= columns
        ? first
        : first[..<(first.prefix(columns).ranges(of: ", ").last?.lowerBound ?? first.endIndex)]
    let value = defaultValue.map { " (default: \($0))" } ?? ""
    let text = clause.hasSuffix(".") ? clause.dropLast() : clause
    return text.count + value.count <= columns ? text + value : String(text)
  }
}
