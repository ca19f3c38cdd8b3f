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
  /// Values of a flag that may be repeated are kept in their order.
  init(words: [String]) {
    let named = NamedCommand(words)
    self.init(command: named.words, settings: [])
    for said in named.said(words) {
      // Both words of a switch are names of one argument: the one that was said is kept.
      let isFlag = said.argument.kind == .flag
      let name = isFlag ? String(said.name.drop { $0 == "-" }) : said.argument.key
      let values = said.value.map { [$0] } ?? []
      guard !Self.notKept.contains(name) else { continue }
      if let known = settings.firstIndex(where: { $0.name == name }) {
        settings[known].values += values
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
