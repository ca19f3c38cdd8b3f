/// The commands of a piece of shell, each as its words: what a person pastes from a page, a script or a terminal.
///
///     export A=1 && vllm serve M \⏎ --port 8000 2>&1 | tee log     [export A=1] [vllm serve M --port 8000 2>&1] [tee log]
///
/// Quotes, backslashes, continued lines and comments are read as a POSIX shell reads them; variables are left as they
/// stand. A line that begins with `-` goes on from the one before, with a backslash or without, since pages lose them,
/// and the quotes and dashes that word processors set are taken for plain ones.
struct ShellWords {
  /// A quote that opens and does not close; a shell would wait for more.
  struct OpenQuote: Equatable {
    /// Counted from 1, in the text.
    var character: Int
    /// The text from the quote on.
    var text: String
  }

  private(set) var commands: [[String]] = []
  private(set) var openQuote: OpenQuote?
  private var words: [String] = []
  private var word: String?

  init(_ text: String) {
    let characters = Array(text.replacing("\r\n", with: "\n"))
    var index = 0
    while index < characters.count { index = take(characters, at: index) }
    endCommand()
  }

  private static let singleQuotes: Set<Character> = ["'", "‘", "’"]
  private static let doubleQuotes: Set<Character> = ["\"", "“", "”"]

  /// Takes what stands at `index`, and returns where the text goes on.
  private mutating func take(_ text: [Character], at index: Int) -> Int {
    let character = text[index]
    switch character {
    case "\\": return takeEscaped(text, at: index)
    // How other shells go on in the next line.
    case "^" where Self.endsLine(text, index), "`" where Self.endsLine(text, index):
      endWord()
      return index + 2
    case _ where Self.singleQuotes.contains(character):
      return takeQuoted(text, from: index + 1, until: Self.singleQuotes, escapes: false)
    case _ where Self.doubleQuotes.contains(character):
      return takeQuoted(text, from: index + 1, until: Self.doubleQuotes, escapes: true)
    case "#" where word == nil:
      return text[index...].firstIndex(of: "\n") ?? text.count
    case "\n":
      endWord()
      let next = text[index...].first { !$0.isWhitespace }
      if next.map({ !Self.dashes.contains($0) && $0 != "#" }) ?? true { endCommand() }
    case ";", "|": endCommand()
    // `2>&1` joins streams; any other `&` ends a command.
    case "&" where word?.hasSuffix(">") ?? false: word?.append(character)
    case "&": endCommand()
    case _ where character.isWhitespace: endWord()
    default: word = (word ?? "") + String(character)
    }
    return index + 1
  }

  /// A backslash: before the end of a line, blanks between them or not, it joins two lines.
  private mutating func takeEscaped(_ text: [Character], at index: Int) -> Int {
    var next = index + 1
    while next < text.count, text[next] == " " || text[next] == "\t" { next += 1 }
    if next >= text.count || text[next] == "\n" {
      endWord()
      return next + 1
    }
    word = (word ?? "") + String(text[index + 1])
    return index + 2
  }

  private static func endsLine(_ text: [Character], _ index: Int) -> Bool {
    index + 1 < text.count && text[index + 1] == "\n"
  }

  private mutating func takeQuoted(
    _ text: [Character], from start: Int, until end: Set<Character>, escapes: Bool
  ) -> Int {
    word = word ?? ""
    var index = start
    while index < text.count, !end.contains(text[index]) {
      let isEscape = escapes && text[index] == "\\" && index + 1 < text.count
      if isEscape, "\"\\$`\n".contains(text[index + 1]) { index += 1 }
      word?.append(text[index])
      index += 1
    }
    if index >= text.count {
      openQuote = OpenQuote(character: start, text: String(text[(start - 1)...]))
    }
    return index + 1
  }

  private mutating func endWord() {
    if let word { words.append(Self.withPlainDashes(word)) }
    word = nil
  }

  private mutating func endCommand() {
    endWord()
    if !words.isEmpty { commands.append(words) }
    words = []
  }

  /// Hyphen, and what is set in its place.
  private static let dashes: Set<Character> = ["-", "‐", "‑", "–", "—", "−"]

  /// A long dash before a name stands for two hyphens.
  private static func withPlainDashes(_ word: String) -> String {
    guard let first = word.first, first != "-", dashes.contains(first) else { return word }
    let name = word.drop { dashes.contains($0) }
    return (first == "‐" || first == "‑" ? "-" : "--") + name
  }
}
