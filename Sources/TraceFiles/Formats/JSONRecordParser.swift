import Messages
import SimulationKernel
import Workload

/// Parses formats that have one flat JSON object for each request.
struct JSONRecordParser {
  private let format: TraceFormat
  private let fields: [(name: StaticString, field: JSONField)]
  private let timestampUnit: TimestampUnit?
  private var counter: TextCounter
  private var sessions = NameNumbers()
  private(set) var classes = NameNumbers()
  private(set) var adapters = NameNumbers()
  /// When the turn before of each session arrived, where a later one has a delay in place of a time.
  private var lastArrivals: [Int32: Int64] = [:]
  /// Requests whose arrival is that of the turn before and their delay.
  private(set) var delayedRequests = 0
  /// The session of each chat seen so far, by the chat's number.
  private var chatSessions: [Int64: Int32] = [:]
  private var sessionCount: Int32 = 0
  /// Chats whose parent is not in the file before them.
  private(set) var orphans = 0

  init(_ format: TraceFormat, options: TraceReadOptions) {
    self.format = format
    fields = format.fields
    timestampUnit = options.timestampUnit ?? format.timestampUnit
    counter = TextCounter(options.textMeasure)
  }

  /// What one object says, before it becomes a record.
  private struct Members {
    /// Bit i is set once field i of the format was seen.
    var seen: UInt32 = 0
    var hasPromptTokens = false
    var hasOutputTokens = false
    var promptText: [UInt8] = []
    var hasPromptText = false
    var outputTextTokens: Int?
    var chat: Int64?
    var parentChat: Int64?
  }

  /// Parses the object in `bytes` into `record`.
  ///
  /// - Throws: ``JSONMistake`` for text that is not one JSON object, a member that appears twice or
  ///   has the wrong type, and a member that is missing.
  /// - Complexity: O(bytes).
  mutating func parse(
    _ bytes: Span<UInt8>, into record: inout TraceRecord
  ) throws(JSONMistake) {
    record.reset()
    var cursor = JSONCursor()
    var members = Members()
    try cursor.enterObject(in: bytes, "a request")
    while let key = try cursor.nextKey(in: bytes) {
      let name = bytes.extracting(key)
      guard let index = fields.firstIndex(where: { JSONText.matches(name, $0.name) }) else {
        try cursor.skipValue(in: bytes)
        continue
      }
      guard members.seen & (1 << UInt32(index)) == 0 else {
        throw JSONMistake(offset: key.lowerBound, what: "`\(fields[index].name)` appears twice")
      }
      members.seen |= 1 << UInt32(index)
      try take(
        fields[index].field, "`\(fields[index].name)`", in: bytes, &cursor, &members, &record)
    }
    try cursor.finish(in: bytes)
    try complete(&record, members)
  }

  /// Takes the value of one member.
  private mutating func take(
    _ field: JSONField, _ name: String, in bytes: Span<UInt8>, _ cursor: inout JSONCursor,
    _ members: inout Members, _ record: inout TraceRecord
  ) throws(JSONMistake) {
    switch field {
    case .timestamp:
      let range = try cursor.number(in: bytes, name)
      record.arrivalColumn = range.lowerBound + 1
      record.arrival = try instant(bytes, range, name)
    case .promptTokens:
      if try cursor.skipNull(in: bytes) { break }
      if members.hasPromptTokens { throw cursor.mistake("\(name) says again what was said before") }
      record.promptTokens = try cursor.count(in: bytes, name, from: 1)
      members.hasPromptTokens = true
    case .outputTokens:
      if try cursor.skipNull(in: bytes) { break }
      if members.hasOutputTokens { throw cursor.mistake("\(name) says again what was said before") }
      record.outputTokens = try cursor.count(in: bytes, name, from: 0)
      members.hasOutputTokens = true
    case .hashes:
      record.identity = .blocks
      try cursor.enterArray(in: bytes, name)
      while try cursor.nextElement(in: bytes) {
        record.blocks.append(try cursor.integer(in: bytes, "an element of \(name)", from: 0))
      }
    case .chat: members.chat = try cursor.integer(in: bytes, name, from: 0)
    case .parentChat: members.parentChat = try cursor.integer(in: bytes, name, from: -1)
    case .session:
      let isText = try cursor.peek(in: bytes) == UInt8(ascii: "\"")
      let range =
        isText ? try cursor.string(in: bytes, name) : try cursor.number(in: bytes, name)
      record.session = sessions.number(of: bytes.extracting(range))
    case .delay:
      if try cursor.skipNull(in: bytes) { break }
      record.thinkTime = try instant(bytes, cursor.number(in: bytes, name), name)
    case .requestClass:
      let range = try cursor.string(in: bytes, name)
      let text = bytes.extracting(range)
      if let mistake = classes.label(text, name, into: &record.requestClass) {
        throw JSONMistake(offset: range.lowerBound, what: mistake)
      }
    case .adapter:
      let range = try cursor.string(in: bytes, name)
      let text = bytes.extracting(range)
      if let mistake = adapters.label(text, name, into: &record.adapter) {
        throw JSONMistake(offset: range.lowerBound, what: mistake)
      }
    case .priority:
      let start = cursor.position
      guard let value = Int8(exactly: try cursor.integer(in: bytes, name, from: -128)) else {
        throw JSONMistake(offset: start, what: "\(name) must be an integer from -128 to 127")
      }
      record.priority = value
    case .promptText, .outputText:
      let range = try cursor.string(in: bytes, name)
      do throws(JSONMistake) {
        try takeText(bytes.extracting(range), isPrompt: field == .promptText, &members)
      } catch {
        throw JSONMistake(offset: range.lowerBound + error.offset, what: error.what)
      }
    }
  }

  private mutating func takeText(
    _ text: Span<UInt8>, isPrompt: Bool, _ members: inout Members
  ) throws(JSONMistake) {
    guard isPrompt else {
      members.outputTextTokens = try counter.count(text)
      return
    }
    members.hasPromptText = true
    if text.isEmpty { return }
    if !members.promptText.isEmpty { members.promptText.append(0x0A) }
    try JSONText.append(text, to: &members.promptText)
  }

  private func instant(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ name: String
  ) throws(JSONMistake) -> Int64 {
    guard let timestampUnit else {
      throw JSONMistake(
        offset: range.lowerBound,
        what: "the format does not say what \(name) counts: give `--timestamp-unit s` or `ms`")
    }
    switch DecimalSeconds.parse(bytes.extracting(range), exponent: timestampUnit.exponent) {
    case .instant(let instant): return instant.nanoseconds
    case .notANumber:
      throw JSONMistake(
        offset: range.lowerBound,
        what: "\(name) must be 0 or more, found `\(printable(bytes.extracting(range)))`")
    case .tooLarge:
      throw JSONMistake(
        offset: range.lowerBound,
        what: "\(name) must be at most \(DecimalSeconds.secondsMax) s, found "
          + "`\(printable(bytes.extracting(range)))`")
    }
  }

  /// Checks that the object says enough, and counts texts where it gives no numbers.
  private mutating func complete(
    _ record: inout TraceRecord, _ members: Members
  ) throws(JSONMistake) {
    if !members.hasPromptTokens {
      guard members.hasPromptText else {
        throw JSONMistake(offset: 0, what: "no \(names(of: [.promptTokens, .promptText]))")
      }
      record.promptTokens = try size(counter.count(plain: members.promptText.span), "the prompt")
      if record.promptTokens == 0 { throw JSONMistake(offset: 0, what: "the prompt is empty") }
    }
    if !members.hasOutputTokens {
      guard let tokens = members.outputTextTokens else {
        throw JSONMistake(offset: 0, what: "no \(names(of: [.outputTokens, .outputText]))")
      }
      record.outputTokens = try size(tokens, "the output")
    }
    if format == .mooncake { takeDelay(&record) }
    if format == .mooncake || format == .bailian {
      guard record.arrival != nil else { throw JSONMistake(offset: 0, what: "no `timestamp`") }
      guard record.identity == .blocks else { throw JSONMistake(offset: 0, what: "no `hash_ids`") }
    }
    if let chat = members.chat { record.session = session(of: chat, parent: members.parentChat) }
  }

  /// Gives a later turn that has a delay in place of a time the earliest that it can have come: the
  /// arrival of the turn before and the delay, as if the answer had taken no time.
  private mutating func takeDelay(_ record: inout TraceRecord) {
    guard let session = record.session else { return }
    if record.arrival == nil, record.thinkTime >= 0, let last = lastArrivals[session] {
      let (arrival, overflows) = last.addingReportingOverflow(record.thinkTime)
      guard !overflows, arrival <= DecimalSeconds.secondsMax * 1_000_000_000 else { return }
      record.arrival = arrival
      delayedRequests += 1
    }
    lastArrivals[session] = record.arrival
  }

  private func size(_ tokens: Int, _ what: String) throws(JSONMistake) -> Int32 {
    guard let size = Int32(exactly: tokens) else {
      throw JSONMistake(offset: 0, what: "\(what) has more than \(Int32.max) tokens")
    }
    return size
  }

  private func names(of wanted: [JSONField]) -> String {
    fields.filter { wanted.contains($0.field) }.map { "`\($0.name)`" }.joined(separator: " or ")
  }

  /// The session of the chat that `chat` continues, or a new one.
  private mutating func session(of chat: Int64, parent: Int64?) -> Int32 {
    var session: Int32?
    if let parent, parent >= 0 {
      session = chatSessions[parent]
      if session == nil { orphans += 1 }
    }
    if session == nil {
      session = sessionCount
      sessionCount += 1
    }
    chatSessions[chat] = session
    return session!
  }
}

extension JSONCursor {
  /// Something wrong with the value that comes next.
  fileprivate func mistake(_ what: String) -> JSONMistake {
    JSONMistake(offset: position, what: what)
  }

  /// Reads an integer of at least `least`.
  mutating func integer(
    in bytes: Span<UInt8>, _ what: String, from least: Int64
  ) throws(JSONMistake) -> Int64 {
    let range = try number(in: bytes, what)
    let text = bytes.extracting(range)
    let isNegative = text[0] == UInt8(ascii: "-")
    let value = parseDigits(text.extracting((isNegative ? 1 : 0)..<text.count))
    guard let value, value < .max, (isNegative ? -value : value) >= least else {
      let bound = least == 0 ? "0 or more" : "at least \(least)"
      throw JSONMistake(
        offset: range.lowerBound,
        what: "\(what) must be an integer, \(bound), found `\(printable(text))`")
    }
    return isNegative ? -value : value
  }

  /// Reads a number of tokens.
  mutating func count(
    in bytes: Span<UInt8>, _ what: String, from least: Int64
  ) throws(JSONMistake) -> Int32 {
    let start = position
    let value = try integer(in: bytes, what, from: least)
    guard value <= Int32.max else {
      throw JSONMistake(
        offset: start, what: "\(what) must be at most \(Int32.max), found `\(value)`")
    }
    return Int32(value)
  }
}
