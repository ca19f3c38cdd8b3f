/// A command line as the tool reads it.
enum CommandWords {
  /// Long options may have underscores for dashes, as vLLM takes them: `--tensor_parallel_size=4`.
  ///
  /// What stands behind `--` is another program's.
  static func read(_ words: [String]) -> [String] {
    let own = words.prefix { $0 != "--" }
    return own.map(withDashes) + words[own.endIndex...]
  }

  private static func withDashes(_ word: String) -> String {
    guard word.hasPrefix("--") else { return word }
    let name = word.prefix { $0 != "=" }
    return String(name.replacing("_", with: "-") + word[name.endIndex...])
  }
}
