/// What a format is: how its file is cut, what it is told by, and which of its names kvplan uses.
///
/// A format is a value of this in a file of its own, and a line in ``TraceFormat``.
struct FormatShape: Sendable {
  /// How one JSON value becomes requests.
  enum Values: Sendable {
    /// It is one.
    case record
    /// Each element of a list inside is one: the members that lead there, `*` for every element of a list on the way.
    case listed([String])
    case conversation, results, session
  }

  var syntax = TraceFormat.Syntax.lines
  var values = Values.record
  /// The columns of a table.
  var columns: [String: TraceColumn] = [:]
  /// The members of a request's object, those of an object inside behind a dot.
  var fields: [(name: String, field: JSONField)] = []
  /// Tokens in a block that one hash stands for, where the format says it.
  var blockTokens: Int?
  /// What timestamps count, where the format says it.
  var timestampUnit: TimestampUnit?
  /// Where arrivals are counted from.
  enum Clock: Sendable {
    /// The trace's start.
    case ofTrace
    /// A clock's: the first arrival becomes 0.
    case own
    /// Either, which how large they are tells.
    case either
  }
  var clock = Clock.ofTrace
  /// Whether token counts are counted from texts.
  var readsTexts = false
  /// Whether rows without tokens are no requests and no mistakes: other spans, other events.
  var hasOtherRows = false
  /// Whether JSON whose first object has these members is in the format.
  var tells: @Sendable (Set<String>) -> Bool = { _ in false }

  /// A table, with the names of its columns.
  static func table(
    _ columns: [String: TraceColumn], clock: Clock = .ofTrace
  ) -> FormatShape {
    var shape = FormatShape(syntax: .table)
    shape.columns = columns
    shape.clock = clock
    return shape
  }
}

extension TraceFormat {
  var columns: [String: TraceColumn] { shape.columns }
  var fields: [(name: String, field: JSONField)] { shape.fields }
  var blockTokens: Int? { shape.blockTokens }
  var timestampUnit: TimestampUnit? { shape.timestampUnit }

  /// How the format is cut; GuideLLM has two forms, and the content decides.
  func syntax(isJSON: Bool) -> Syntax {
    switch self {
    case .guidellm, .columns: isJSON ? .lines : .table
    default: shape.syntax
    }
  }
}
