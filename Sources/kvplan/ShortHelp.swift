import Foundation

/// What `-h` prints, twenty lines: the options of a command that are asked for most, a line each, and an example. `--help` has
/// all of it.
struct ShortHelp {
  private let named: NamedCommand

  /// Options of shared groups that a command cannot do without.
  private static let needed = ["model", "device"]
  /// The group of options that all plans have.
  private static let ownTitle = "Plan"
  /// What is shown before a command's other options, where those that it declares first are not what it is about.
  private static let first = [
    "plan fleet": ["max-gpus", "budget", "objective", "devices"],
    "plan capacity": ["request-rate", "seeds", "what-if", "replicas"],
    "plan scale": ["window", "autoscaler", "startup-time"],
    "trace generate": ["prompts", "outputs", "num-prompts", "request-rate", "arrivals"],
  ]
  private static let linesMax = 20
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
    let blocks = [head, rows.map(line) + more, example]
    return blocks.filter { !$0.isEmpty }.map { $0.map { "\($0)\n" }.joined() }.joined(
      separator: "\n")
  }

  private var head: [String] { [named.command.abstract ?? "", "", "usage: \(usage)"] }

  /// The first example of the command, with what it needs before it.
  private var example: [String] {
    let lines = named.command.exampleLines
    guard let own = lines.firstIndex(where: { $0.hasPrefix("  \(named.text) ") }) else {
      return lines.isEmpty ? [] : ["example:"] + lines
    }
    let end = lines[own...].firstIndex { !$0.hasSuffix("\\") } ?? own
    return ["example:"] + lines[...end]
  }

  private var shown: [CommandInfo.Argument] {
    (named.command.arguments ?? []).filter {
      $0.shouldDisplay && !["help", "version"].contains($0.preferredName?.name)
    }
  }

  private var own: [CommandInfo.Argument] {
    let groups = [nil, Self.ownTitle].map { title in shown.filter { $0.sectionTitle == title } }
    let own = groups.flatMap(\.self)
    func named(_ name: String) -> CommandInfo.Argument? {
      shown.first { $0.preferredName?.name == name }
    }
    // Of several devices, one alone is a shorthand.
    let needed = Self.needed.filter { named("\($0)s") == nil }.compactMap(named)
    let first = Self.first[words] ?? []
    let listed =
      own.filter { $0.kind == .positional } + needed
      + own.filter { $0.kind != .positional && !$0.isOptional } + first.compactMap(named) + own
    var seen: Set<String> = []
    return listed.filter { seen.insert($0.preferredName?.name ?? $0.valueName ?? "").inserted }
  }

  private var words: String { named.words.joined(separator: " ") }

  /// How many options there is room for beside everything else, ``more`` and the empty lines among them.
  private var optionsMax: Int {
    let others = head.count + 1 + 3 + (example.isEmpty ? 0 : 1 + example.count)
    return Self.linesMax - others
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
    return own.prefix(optionsMax).map {
      ($0.label(Self.labelColumns - 4), $0.summary(Self.textColumns))
    }
  }

  /// What is left out, and where it is.
  private var more: [String] {
    guard named.command.subcommands?.isEmpty != false else {
      return ["", "`\(named.text) <command> -h` shows one, `--help` all of it"]
    }
    let left = shown.count - min(own.count, optionsMax)
    guard left > 0 else { return [] }
    let titles = shown.compactMap(\.sectionTitle).uniqued.filter { $0 != Self.ownTitle }
    let about = titles.isEmpty ? "" : " (\(titles.joined(separator: ", ").lowercased()))"
    return ["", "\(left) more options\(about):", "`\(named.text) --help`"]
  }

  private func line(_ row: (label: String, text: String)) -> String {
    let label = "  \(row.label)"
    let gap = max(1, Self.labelColumns - label.count)
    return label + String(repeating: " ", count: gap) + row.text
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
