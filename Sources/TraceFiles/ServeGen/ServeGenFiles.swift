import Messages
import SimulationKernel
import Workload

/// Reads the two files of a ServeGen client.
enum ServeGenFiles {
  /// Parses `chunk-N-trace.csv`: start, rate, CV, law, shape, scale, without a header.
  static func windows(
    _ bytes: [UInt8], file: String
  ) throws(UserError) -> [ServeGenPool.Window] {
    var windows: [ServeGenPool.Window] = []
    let text = String(decoding: bytes, as: UTF8.self)
    // A line end of two characters is one newline.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, row) in lines.enumerated() where !row.isEmpty {
      let window = try window(row, file: file, line: index + 1)
      if let last = windows.last, last.start >= window.start {
        throw .at(file, index + 1, 1, "windows go back: \(plain(window.start)) s")
      }
      windows.append(window)
    }
    guard !windows.isEmpty else { throw UserError("\(file): the file is empty") }
    return windows
  }

  private static func window(
    _ row: Substring, file: String, line: Int
  ) throws(UserError) -> ServeGenPool.Window {
    let fields = row.split(separator: ",", omittingEmptySubsequences: false)
    guard fields.count == 6 else {
      throw .at(file, line, 1, "\(fields.count) fields, a window has 6")
    }
    func number(_ index: Int, _ what: String) throws(UserError) -> Double {
      let column = 1 + fields[..<index].reduce(0) { $0 + $1.utf8.count + 1 }
      guard let value = Double(fields[index]), value >= 0, value.isFinite, value < 1e12 else {
        let found = printable(Array(fields[index].utf8).span)
        throw .at(file, line, column, "\(what) must be a number, 0 or more, found `\(found)`")
      }
      return value
    }
    let start = try number(0, "a window's start")
    let rate = try number(1, "a rate")
    _ = try number(2, "a coefficient of variation")
    let shape = try number(4, "a shape")
    _ = try number(5, "a scale")
    if fields[3].isEmpty || rate == 0 { return .init(start: start, habit: nil) }
    guard shape > 0 else { throw .at(file, line, 1, "a law of gaps needs a shape above 0") }
    switch fields[3] {
    case "Gamma": return .init(start: start, habit: (rate, .gamma(shape: shape)))
    case "Weibull": return .init(start: start, habit: (rate, .weibull(shape: shape)))
    default:
      let found = printable(Array(fields[3].utf8).span)
      throw .at(file, line, 1, "the law of gaps must be `Gamma` or `Weibull`, found `\(found)`")
    }
  }

  /// Parses `chunk-N-dataset.json`. Spans without lengths (`{}`) and members other than the two token
  /// counts are passed over, as ServeGen does.
  static func lengths(
    _ bytes: [UInt8], file: String
  ) throws(UserError) -> [ServeGenPool.Lengths] {
    var offset = 0
    do throws(JSONMistake) {
      var all: [ServeGenPool.Lengths] = []
      var cursor = JSONCursor()
      let span = bytes.span
      try cursor.enterObject(in: span, "a dataset")
      while let key = try cursor.nextKey(in: span) {
        offset = key.lowerBound
        guard let start = parseDigits(span.extracting(key)), start < 1 << 40 else {
          throw JSONMistake(offset: offset, what: "a span must begin at a whole second")
        }
        let sides = try sides(span, &cursor)
        guard let prompt = sides.prompt, let output = sides.output else { continue }
        all.append(.init(start: Double(start), prompt: prompt, output: output))
      }
      try cursor.finish(in: span)
      let ordered = all.sorted { $0.start < $1.start }
      if let twice = zip(ordered, ordered.dropFirst()).first(where: { $0.start == $1.start }) {
        throw JSONMistake(offset: 0, what: "the span \(plain(twice.0.start)) appears twice")
      }
      return ordered
    } catch {
      let before = bytes[..<min(error.offset, bytes.count)]
      let line = 1 + before.count { $0 == 0x0A }
      let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
      throw .at(file, line, before.count - lineStart + 1, error.what)
    }
  }

  private static func sides(
    _ span: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) -> (prompt: TokenShares?, output: TokenShares?) {
    var found: (prompt: TokenShares?, output: TokenShares?)
    try cursor.enterObject(in: span, "a span")
    while let key = try cursor.nextKey(in: span) {
      let name = span.extracting(key)
      let isPrompt = JSONText.matches(name, "input_tokens")
      guard isPrompt || JSONText.matches(name, "output_tokens") else {
        try cursor.skipValue(in: span)
        continue
      }
      guard (isPrompt ? found.prompt : found.output) == nil else {
        throw JSONMistake(offset: key.lowerBound, what: "`\(printable(name))` appears twice")
      }
      let range = try cursor.string(in: span, "`\(printable(name))`")
      let shares = try shares(span.extracting(range), offset: range.lowerBound)
      if isPrompt { found.prompt = shares } else { found.output = shares }
    }
    return found
  }

  /// Parses a Python dictionary from token counts to shares, `{138: 0.00047, 140: 1e-05}`; `nil` for an
  /// empty one.
  private static func shares(
    _ text: Span<UInt8>, offset: Int
  ) throws(JSONMistake) -> TokenShares? {
    let string = String(decoding: text.indices.map { text[$0] }, as: UTF8.self)
    func wrong(_ what: String) -> JSONMistake { JSONMistake(offset: offset, what: what) }
    guard string.hasPrefix("{"), string.hasSuffix("}"), string.count >= 2 else {
      throw wrong("token counts must be written `{tokens: share, …}`")
    }
    var shares: [(tokens: Int32, share: Double)] = []
    var seen: Set<Int32> = []
    let inner = string.dropFirst().dropLast()
    if inner.allSatisfy({ $0 == " " }) { return nil }
    for item in inner.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = item.split(separator: ":", omittingEmptySubsequences: false).map {
        $0.filter { $0 != " " }
      }
      guard halves.count == 2, let tokens = Int32(halves[0]), tokens >= 0,
        let share = Double(halves[1]), share >= 0, share.isFinite
      else {
        let found = printable(Array(item.utf8).span)
        throw wrong("a token count must be `tokens: share`, found `\(found)`")
      }
      guard seen.insert(tokens).inserted else {
        throw wrong("the token count \(tokens) appears twice")
      }
      shares.append((tokens, share))
    }
    let total = shares.reduce(0) { $0 + $1.share }
    guard abs(total - 1) <= 0.01 else {
      throw wrong("the shares of the token counts add to \(total), not to 1")
    }
    return TokenShares(shares)
  }
}
