/// The parts of a `tokenizer.json` that counting needs.
struct TokenizerParts {
  var modelType: String?
  var ignoresMerges = false
  var vocabulary: [[Unicode.Scalar]: Int32] = [:]
  var merges: [(left: [Unicode.Scalar], right: [Unicode.Scalar])] = []
  /// The types of all normalizers, nested ones too.
  var normalizers: [String] = []
  /// How text is cut into words; `nil` where the pre-tokenizer is none that is known.
  var split: WordSplit?

  mutating func read(_ bytes: Span<UInt8>) throws(JSONMistake) {
    var cursor = JSONCursor()
    try cursor.enterObject(in: bytes, "a tokenizer")
    while let key = try cursor.nextKey(in: bytes) {
      switch try Self.text(bytes, key) {
      case "model": try readModel(bytes, &cursor)
      case "normalizer": try readNormalizer(bytes, &cursor)
      case "pre_tokenizer": try readPreTokenizer(bytes, &cursor)
      default: try cursor.skipValue(in: bytes)
      }
    }
    try cursor.finish(in: bytes)
  }

  private mutating func readModel(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) {
    try cursor.enterObject(in: bytes, "`model`")
    while let key = try cursor.nextKey(in: bytes) {
      switch try Self.text(bytes, key) {
      case "type": modelType = try Self.text(bytes, cursor.string(in: bytes, "`type`"))
      case "ignore_merges":
        ignoresMerges = try cursor.peek(in: bytes) == UInt8(ascii: "t")
        try cursor.skipValue(in: bytes)
      case "vocab":
        try cursor.enterObject(in: bytes, "`vocab`")
        while let token = try cursor.nextKey(in: bytes) {
          let scalars = Array(try Self.text(bytes, token).unicodeScalars)
          let id = try cursor.integer(in: bytes, "a token's id", from: 0)
          guard let id = Int32(exactly: id) else {
            throw JSONMistake(offset: token.lowerBound, what: "a token's id is too large")
          }
          vocabulary[scalars] = id
        }
      case "merges": try readMerges(bytes, &cursor)
      default: try cursor.skipValue(in: bytes)
      }
    }
  }

  /// Reads merges in either form: `"a b"`, or `["a", "b"]` as newer files have it.
  private mutating func readMerges(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) {
    try cursor.enterArray(in: bytes, "`merges`")
    while try cursor.nextElement(in: bytes) {
      var parts: [String] = []
      let start = cursor.position
      if try cursor.peek(in: bytes) == UInt8(ascii: "[") {
        try cursor.enterArray(in: bytes, "a merge")
        while try cursor.nextElement(in: bytes) {
          parts.append(try Self.text(bytes, cursor.string(in: bytes, "half of a merge")))
        }
      } else {
        let merge = try Self.text(bytes, cursor.string(in: bytes, "a merge"))
        parts = merge.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      }
      guard parts.count == 2 else {
        throw JSONMistake(offset: start, what: "a merge must have two halves")
      }
      merges.append((Array(parts[0].unicodeScalars), Array(parts[1].unicodeScalars)))
    }
  }

  private mutating func readNormalizer(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) {
    if try cursor.skipNull(in: bytes) { return }
    try cursor.enterObject(in: bytes, "`normalizer`")
    while let key = try cursor.nextKey(in: bytes) {
      switch try Self.text(bytes, key) {
      case "type": normalizers.append(try Self.text(bytes, cursor.string(in: bytes, "`type`")))
      case "normalizers":
        try cursor.enterArray(in: bytes, "`normalizers`")
        while try cursor.nextElement(in: bytes) { try readNormalizer(bytes, &cursor) }
      default: try cursor.skipValue(in: bytes)
      }
    }
  }

  /// Tells the cut by the pre-tokenizer's pattern: `ByteLevel` alone cuts as GPT-2; with a `Split`
  /// before it, the pattern says how many digits stay together.
  private mutating func readPreTokenizer(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) {
    if try cursor.skipNull(in: bytes) { return }
    var type: String?
    var addsBlank = false
    var usesOwnPattern = true
    try cursor.enterObject(in: bytes, "`pre_tokenizer`")
    while let key = try cursor.nextKey(in: bytes) {
      switch try Self.text(bytes, key) {
      case "type": type = try Self.text(bytes, cursor.string(in: bytes, "`type`"))
      case "add_prefix_space":
        addsBlank = try cursor.peek(in: bytes) == UInt8(ascii: "t")
        try cursor.skipValue(in: bytes)
      case "use_regex":
        usesOwnPattern = try cursor.peek(in: bytes) == UInt8(ascii: "t")
        try cursor.skipValue(in: bytes)
      case "pattern": split = Self.split(of: try Self.pattern(bytes, &cursor))
      case "pretokenizers":
        try cursor.enterArray(in: bytes, "`pretokenizers`")
        while try cursor.nextElement(in: bytes) { try readPreTokenizer(bytes, &cursor) }
      default: try cursor.skipValue(in: bytes)
      }
    }
    if type == "ByteLevel", usesOwnPattern { split = split == nil ? .gpt2 : nil }
    if addsBlank { split = nil }
  }

  private static func pattern(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) -> String? {
    var pattern: String?
    try cursor.enterObject(in: bytes, "`pattern`")
    while let key = try cursor.nextKey(in: bytes) {
      if try text(bytes, key) == "Regex" {
        pattern = try text(bytes, cursor.string(in: bytes, "`Regex`"))
      } else {
        try cursor.skipValue(in: bytes)
      }
    }
    return pattern
  }

  private static func split(of pattern: String?) -> WordSplit? {
    let head = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
    let tail = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    switch pattern {
    case head + #"\p{N}{1,3}"# + tail: return .llama3(digitsMax: 3)
    case head + #"\p{N}"# + tail: return .llama3(digitsMax: 1)
    case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#:
      return .gpt2
    default: return nil
    }
  }

  private static func text(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(JSONMistake) -> String {
    var text: [UInt8] = []
    do throws(JSONMistake) {
      try JSONText.append(bytes.extracting(range), to: &text)
    } catch {
      throw JSONMistake(offset: range.lowerBound + error.offset, what: error.what)
    }
    return String(decoding: text, as: UTF8.self)
  }
}
