import Metrics
import Synchronization

/// The command line that runs, as results carry it.
enum Invocation {
  private static let words = Mutex<[String]>([])

  /// Notes the words of the command, without the tool's name.
  static func note(_ words: [String]) { self.words.withLock { $0 = words } }

  static var current: [String] { words.withLock(\.self) }

  /// What has run, as a recipe.
  static var recipe: RunRecipe { RunRecipe(words: current) }
}

extension RunRecipe {
  /// Flags that say where results go, how they are printed and how fast they are found: they decide none.
  static let notKept: Set = ["format", "output", "files", "figure", "stepping"]

  /// A command line that was understood, as data.
  ///
  /// Values of a flag that may be repeated are kept in their order; of another the last counts.
  init(words: [String]) {
    let named = NamedCommand(words)
    let arguments = named.command.arguments ?? []
    var places = arguments.filter { $0.kind == .positional }[...]
    self.init(command: named.words, settings: [])
    var rest = words.dropFirst(command.count)
    while let word = rest.popFirst() {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let flag = arguments.first { $0.kind != .positional && $0.isCalled(String(parts[0])) }
      guard let flag else {
        if let place = places.popFirst() { settings.append(Setting(place.key, [word])) }
        continue
      }
      // Both words of a switch are names of one argument: the one that was said is kept.
      let name = flag.kind == .flag ? String(parts[0].drop { $0 == "-" }) : flag.key
      let values: [String] =
        flag.kind == .flag ? [] : [parts.count == 2 ? String(parts[1]) : rest.popFirst() ?? ""]
      guard !Self.notKept.contains(name) else { continue }
      if let known = settings.firstIndex(where: { $0.name == name }) {
        settings[known].values = flag.isRepeating ? settings[known].values + values : values
      } else {
        settings.append(Setting(name, values))
      }
    }
  }
}

extension CommandInfo.Argument {
  /// Its long name without dashes, or that of its value.
  var key: String { preferredName?.name ?? valueName ?? "" }

  /// Whether the word is one of its names: `--model`, `-tp`.
  func isCalled(_ word: String) -> Bool { (names ?? []).contains { $0.flag == word } }
}
