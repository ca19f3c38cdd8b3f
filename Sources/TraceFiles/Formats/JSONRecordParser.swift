import Messages
import SimulationKernel
import Workload

/// Parses formats that have one JSON object for each request.
struct JSONRecordParser {
  private let format: TraceFormat
  private let fields: [(name: String, field: JSONField)]
  private let paths: FieldPaths
  private let timestampUnit: TimestampUnit?
  /// As the user has it, not the format.
  private let unitGiven: TimestampUnit?
  private let hasOtherRows: Bool
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
  /// Rows that are no requests: other spans, other events.
  private(set) var otherRows = 0
  /// Blocks whose hashes are texts.
  private var hashTexts = NameNumbers()

  init(_ format: TraceFormat, options: TraceReadOptions) {
    self.format = format
    fields = options.columns?.fields ?? format.fields
    paths = FieldPaths(fields.map(\.name))
    timestampUnit = options.timestampUnit ?? format.timestampUnit
    unitGiven = options.timestampUnit
    hasOtherRows = format.shape.hasOtherRows
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

  /// Parses the object in `bytes` into `record`; false where it is no request, but may stand among them.
  ///
  /// - Throws: ``JSONMistake`` for text that is not one JSON object, a member that appears twice or
  ///   has the wrong type, and a member that is missing.
  /// - Complexity: O(bytes).
  mutating func parse(
    _ bytes: Span<UInt8>, into record: inout TraceRecord
  ) throws(JSONMistake) -> Bool {
    record.reset()
    var cursor = JSONCursor()
    var members = Members()
    try cursor.enterObject(in: bytes, "a request")
    try paths.walk(bytes, &cursor) { index, key, isInList, cursor throws(JSONMistake) in
      let (name, field) = fields[index]
      let isAgain = members.seen & (1 << UInt32(index)) != 0
      // Texts of a list belong together.
      guard !isAgain || isInList && (field == .promptText || field == .outputText) else {
        throw JSONMistake(offset: key.lowerBound, what: "`\(name)` appears twice")
      }
      members.seen |= 1 << UInt32(index)
      try take(field, "`\(name)`", in: bytes, &cursor, &members, &record)
    }
    try cursor.finish(in: bytes)
    if hasOtherRows, !members.hasPromptTokens || !members.hasOutputTokens {
      otherRows += 1
      return false
    }
    try complete(&record, members)
    return true
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
      let start = cursor.position
      let tokens = try cursor.count(in: bytes, name, from: 1, mayBeQuoted: hasOtherRows)
      if members.hasPromptTokens, tokens != record.promptTokens {
        throw JSONMistake(offset: start, what: "\(name) says again what was said before")
      }
      record.promptTokens = tokens
      members.hasPromptTokens = true
    case .outputTokens:
      if try cursor.skipNull(in: bytes) { break }
      let start = cursor.position
      let tokens = try cursor.count(in: bytes, name, from: 0, mayBeQuoted: hasOtherRows)
      if members.hasOutputTokens, tokens != record.outputTokens {
        throw JSONMistake(offset: start, what: "\(name) says again what was said before")
      }
      record.outputTokens = tokens
      members.hasOutputTokens = true
    case .hashes:
      record.identity = .blocks
      try cursor.enterArray(in: bytes, name)
      while try cursor.nextElement(in: bytes) {
        record.blocks.append(try hash(in: bytes, &cursor, "an element of \(name)"))
      }
    case .chat: members.chat = try cursor.integer(in: bytes, name, from: 0)
    case .parentChat: members.parentChat = try cursor.integer(in: bytes, name, from: -1)
    case .session:
      if try cursor.skipNull(in: bytes) { break }
      let isText = try cursor.peek(in: bytes) == UInt8(ascii: "\"")
      let range =
        isText ? try cursor.string(in: bytes, name) : try cursor.number(in: bytes, name)
      record.session = sessions.number(of: bytes.extracting(range))
    case .delay:
      if try cursor.skipNull(in: bytes) { break }
      record.thinkTime = try instant(bytes, cursor.number(in: bytes, name), name)
    case .time:
      if try cursor.skipNull(in: bytes) { break }
      let start = cursor.position + 1
      let time = try moment(bytes, &cursor, name)
      if record.arrival == nil { (record.arrival, record.arrivalColumn) = (time, start) }
    case .pause:
      if try cursor.skipNull(in: bytes) { break }
      record.thinkTime = try moment(bytes, &cursor, name)
    case .blockTokens:
      record.blockTokens = try cursor.count(in: bytes, name, from: 1)
    case .uncounted:
      if try cursor.skipNull(in: bytes) { break }
      throw JSONMistake(
        offset: cursor.position,
        what: "the tokens of \(name) cannot be counted: give lengths in tokens")
    case .requestClass, .adapter, .priority:
      try takeLabel(field, name, in: bytes, &cursor, &record)
    case .promptText, .outputText:
      try takeText(name, isPrompt: field == .promptText, in: bytes, &cursor, &members)
    }
  }

  /// Takes a class, an adapter or a priority.
  private mutating func takeLabel(
    _ field: JSONField, _ name: String, in bytes: Span<UInt8>, _ cursor: inout JSONCursor,
    _ record: inout TraceRecord
  ) throws(JSONMistake) {
    switch field {
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
    default:
      let start = cursor.position
      guard let value = Int8(exactly: try cursor.integer(in: bytes, name, from: -128)) else {
        throw JSONMistake(offset: start, what: "\(name) must be an integer from -128 to 127")
      }
      record.priority = value
    }
  }

  /// A time of any kind, a number or a text.
  private func moment(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, _ name: String
  ) throws(JSONMistake) -> Int64 {
    let isText = try cursor.peek(in: bytes) == UInt8(ascii: "\"")
    let range = isText ? try cursor.string(in: bytes, name) : try cursor.number(in: bytes, name)
    let text = bytes.extracting(range)
    let plain = String(name.dropFirst().dropLast())
    let parsed = TimeText.parse(text, name: plain, unit: unitGiven)
    if let mistake = TimeText.mistake(parsed, name, printable(text)) {
      throw JSONMistake(offset: range.lowerBound, what: mistake)
    }
    guard case .nanoseconds(let time) = parsed else { return 0 }
    return time
  }

  /// A block's hash: an integer, of which those beyond 63 bits are taken as they lie in 64, or a text.
  private mutating func hash(
    in bytes: Span<UInt8>, _ cursor: inout JSONCursor, _ what: String
  ) throws(JSONMistake) -> Int64 {
    if try cursor.peek(in: bytes) == UInt8(ascii: "\"") {
      // Texts have numbers below those of integers.
      return -1 - Int64(hashTexts.number(of: bytes.extracting(try cursor.string(in: bytes, what))))
    }
    var ahead = cursor
    let text = bytes.extracting(try ahead.number(in: bytes, what))
    if text.count >= 19,
      let large = UInt64(String(decoding: text.indices.map { text[$0] }, as: UTF8.self))
    {
      cursor = ahead
      return Int64(bitPattern: large)
    }
    return try cursor.integer(in: bytes, what, from: 0)
  }

  private mutating func takeText(
    _ name: String, isPrompt: Bool, in bytes: Span<UInt8>, _ cursor: inout JSONCursor,
    _ members: inout Members
  ) throws(JSONMistake) {
    // A message that calls a tool has no text.
    if try cursor.skipNull(in: bytes) { return }
    let range = try cursor.string(in: bytes, name)
    do throws(JSONMistake) {
      try takeText(bytes.extracting(range), isPrompt: isPrompt, &members)
    } catch {
      throw JSONMistake(offset: range.lowerBound + error.offset, what: error.what)
    }
  }

  private mutating func takeText(
    _ text: Span<UInt8>, isPrompt: Bool, _ members: inout Members
  ) throws(JSONMistake) {
    guard isPrompt else {
      members.outputTextTokens = (members.outputTextTokens ?? 0) + (try counter.count(text))
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
  ///
  /// - Parameter mayBeQuoted: Whether it may be a text of digits, as OTLP writes integers.
  mutating func count(
    in bytes: Span<UInt8>, _ what: String, from least: Int64, mayBeQuoted: Bool = false
  ) throws(JSONMistake) -> Int32 {
    let start = position
    let value: Int64
    if mayBeQuoted, try peek(in: bytes) == UInt8(ascii: "\"") {
      let range = try string(in: bytes, what)
      guard let digits = parseDigits(bytes.extracting(range)), digits >= least else {
        throw JSONMistake(
          offset: range.lowerBound,
          what: "\(what) must be an integer, found `\(printable(bytes.extracting(range)))`")
      }
      value = digits
    } else {
      value = try integer(in: bytes, what, from: least)
    }
    guard value <= Int32.max else {
      throw JSONMistake(
        offset: start, what: "\(what) must be at most \(Int32.max), found `\(value)`")
    }
    return Int32(value)
  }
}
