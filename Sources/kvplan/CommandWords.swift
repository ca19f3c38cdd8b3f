import Planning

/// A command line as the tool reads it.
enum CommandWords {
  /// Long options may have underscores for dashes, as vLLM takes them (`--tensor_parallel_size=4`), and the names that they
  /// have in SGLang (`--page-size 64`) and TensorRT-LLM (`--max-batch-size 64`).
  ///
  /// What stands behind `--` is another program's.
  static func read(_ words: [String]) -> [String] {
    let own = words.prefix { $0 != "--" }.map(withDashes)
    return renamed(own) + words[own.count...]
  }

  private static func withDashes(_ word: String) -> String {
    guard word.hasPrefix("--") else { return word }
    let name = word.prefix { $0 != "=" }
    return String(name.replacing("_", with: "-") + word[name.endIndex...])
  }

  /// Flags of SGLang and TensorRT-LLM without a value, and those whose value says that something is off.
  private static let switches = [
    "--disable-radix-cache": "--no-enable-prefix-caching",
    "--no-enable-block-reuse": "--no-enable-prefix-caching",
    "--chunked-prefill-size=-1": "--no-enable-chunked-prefill",
  ]

  private static func renamed(_ words: [String]) -> [String] {
    var renamed: [String] = []
    var rest = words[...]
    while let word = rest.popFirst() {
      if let other = switches[word] {
        renamed.append(other)
      } else if let next = rest.first, let other = switches["\(word)=\(next)"] {
        renamed.append(other)
        rest.removeFirst()
      } else {
        renamed.append(withNameOfVLLM(word))
      }
    }
    return renamed
  }

  private static func withNameOfVLLM(_ word: String) -> String {
    guard word.hasPrefix("--") else { return word }
    let name = word.dropFirst(2).prefix { $0 != "=" }
    guard let other = ScenarioSetting.namesElsewhere[String(name)] else { return word }
    return "--\(other)\(word[name.endIndex...])"
  }
}
