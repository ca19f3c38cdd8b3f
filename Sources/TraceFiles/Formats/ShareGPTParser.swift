import Messages

/// Parses one conversation of ShareGPT: an object with `conversations`, a list of messages.
///
///     human  gpt   human  gpt          each answer is a request; its prompt is all before it
///     |── prompt ──────|               prompt of the second answer
///     |── repeats ─|                   what it repeats of the request before: prompt and output
///
/// An answer with nothing before it, as where a long conversation was cut, is context of later
/// prompts and no request. No chat template and no special tokens are added.
///
/// - Source: ShareGPT_V3_unfiltered_cleaned_split.json. vLLM's and the PagedAttention paper's
///   scripts take the first two messages only, whoever wrote them: `firstTurnsOnly` is near that.
struct ShareGPTParser {
  private let firstTurnsOnly: Bool
  private var counter: TextCounter
  private var conversationCount: Int32 = 0
  /// Conversations that hold no request.
  private(set) var emptyConversations = 0

  init(options: TraceReadOptions) {
    firstTurnsOnly = options.firstTurnsOnly
    counter = TextCounter(options.textMeasure)
  }

  private enum Role { case user, assistant, system }

  private static let roles: [(name: StaticString, role: Role)] = [
    ("human", .user), ("user", .user), ("gpt", .assistant), ("chatgpt", .assistant),
    ("bing", .assistant), ("bard", .assistant), ("assistant", .assistant), ("system", .system),
  ]

  /// Hands each request of the conversation in `bytes` to `take`.
  ///
  /// - Throws: ``JSONMistake`` for text of another shape, before any request is handed out.
  /// - Complexity: O(bytes), and what counting its tokens costs.
  mutating func parse(
    _ bytes: Span<UInt8>, into records: inout [TraceRecord]
  ) throws(JSONMistake) {
    records.removeAll(keepingCapacity: true)
    var cursor = JSONCursor()
    var hasMessages = false
    try cursor.enterObject(in: bytes, "a conversation")
    while let key = try cursor.nextKey(in: bytes) {
      let name = bytes.extracting(key)
      guard
        JSONText.matches(name, "conversations") || JSONText.matches(name, "conversation")
      else {
        try cursor.skipValue(in: bytes)
        continue
      }
      if hasMessages {
        throw JSONMistake(offset: key.lowerBound, what: "`conversations` appears twice")
      }
      hasMessages = true
      try takeMessages(bytes, &cursor, into: &records)
    }
    try cursor.finish(in: bytes)
    if !hasMessages { throw JSONMistake(offset: 0, what: "no `conversations`") }
    conversationCount += 1
    if records.isEmpty { emptyConversations += 1 }
  }

  private mutating func takeMessages(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, into records: inout [TraceRecord]
  ) throws(JSONMistake) {
    var context = 0
    var repeated: Int32 = 0
    try cursor.enterArray(in: bytes, "`conversations`")
    while try cursor.nextElement(in: bytes) {
      let start = cursor.position
      let (role, tokens) = try message(bytes, &cursor)
      if role == .assistant, context > 0, !(firstTurnsOnly && !records.isEmpty) {
        var record = TraceRecord()
        guard let prompt = Int32(exactly: context), let output = Int32(exactly: tokens),
          context + tokens <= Int(Int32.max)
        else {
          throw JSONMistake(
            offset: start, what: "the conversation has more than \(Int32.max) tokens")
        }
        record.promptTokens = prompt
        record.outputTokens = output
        record.session = conversationCount
        record.identity = .repeats(repeated)
        records.append(record)
        repeated = prompt + output
      }
      context += tokens
    }
  }

  private static func repeated(_ name: String, _ key: Range<Int>) -> JSONMistake {
    JSONMistake(offset: key.lowerBound, what: "`\(name)` appears twice")
  }

  /// Reads one message: who wrote it, and how many tokens it has.
  private mutating func message(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) -> (Role, Int) {
    var role: Role?
    var tokens: Int?
    let start = cursor.position
    try cursor.enterObject(in: bytes, "a message")
    while let key = try cursor.nextKey(in: bytes) {
      let name = bytes.extracting(key)
      if JSONText.matches(name, "from") || JSONText.matches(name, "role") {
        if role != nil { throw Self.repeated("from", key) }
        let range = try cursor.string(in: bytes, "`from`")
        let who = bytes.extracting(range)
        role = Self.roles.first { JSONText.matches(who, $0.name) }?.role
        if role == nil {
          throw JSONMistake(
            offset: range.lowerBound,
            what: "`from` names no role that is known: `\(printable(who))`")
        }
      } else if JSONText.matches(name, "value") || JSONText.matches(name, "content") {
        if tokens != nil { throw Self.repeated("value", key) }
        let range = try cursor.string(in: bytes, "`value`")
        do throws(JSONMistake) {
          tokens = try counter.count(bytes.extracting(range))
        } catch {
          throw JSONMistake(offset: range.lowerBound + error.offset, what: error.what)
        }
      } else {
        try cursor.skipValue(in: bytes)
      }
    }
    guard let role else { throw JSONMistake(offset: start, what: "a message without `from`") }
    guard let tokens else { throw JSONMistake(offset: start, what: "a message without `value`") }
    return (role, tokens)
  }
}
