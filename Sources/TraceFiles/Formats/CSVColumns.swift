import Workload

/// What a column of a CSV trace holds. The raw values are the names in our own format.
enum TraceColumn: String, CaseIterable {
  /// Seconds from the start of the trace to the request's arrival.
  case arrival = "arrival_s"
  case promptTokens = "prompt_tokens"
  case outputTokens = "output_tokens"
  /// Output sequences sampled from the prompt.
  case samples = "n"
  case beamWidth = "beam_width"
  case session = "session_id"
  /// A session under a name of any kind, in place of ``session``.
  case conversation = "conversation_id"
  /// Tokens of the prompt that repeat the session's turn before.
  case repeatedTokens = "prefix_tokens"
  /// Chained hashes of the prompt's blocks, separated by blanks.
  case blockHashes = "block_hashes"
  /// Runs of tokens, `stream:start:count`, separated by blanks.
  case pieces = "prompt_pieces"
  /// The class of traffic, by name.
  case requestClass = "class"
  /// An integer, lower first.
  case priority = "priority"
  /// The adapter (LoRA), by name.
  case adapter = "adapter"
  /// Seconds from the answer to the session's turn before to this request.
  case thinkTime = "think_time_s"
  /// A date and time of day.
  case date = "date"
  /// A time whose unit the file does not say.
  case timestamp = "timestamp"
  /// A time of any kind (``TimeText``).
  case moment = "moment"

  /// Whether the column says what a prompt's tokens are.
  var isIdentity: Bool { self == .repeatedTokens || self == .blockHashes || self == .pieces }

  /// Whether the columns say the same thing of a row, so that a file may have only one of them.
  func saysWhat(_ other: TraceColumn) -> Bool {
    if self == other || (isIdentity && other.isIdentity) { return true }
    let sessions = [TraceColumn.session, .conversation]
    return sessions.contains(self) && sessions.contains(other)
  }

  /// The columns that every trace written by kvplan has.
  static let canonicalHeader = "arrival_s,prompt_tokens,output_tokens"
}
