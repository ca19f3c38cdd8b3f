import SimulationKernel

/// One request as a file gives it, not yet compared with those before it. Reused from row to row.
struct TraceRecord {
  /// What a file says about the tokens of a prompt, besides how many they are.
  enum Identity: Equatable {
    /// Nothing.
    case unknown
    /// So many tokens, from the first on, repeat the session's turn before: its prompt and output.
    case repeats(Int32)
    /// ``TraceRecord/blocks`` has a chained hash for each block of the prompt.
    case blocks
    /// ``TraceRecord/pieces`` lists the runs of tokens that the prompt consists of.
    case pieces
  }

  /// Nanoseconds on the file's own clock; `nil` where the row has no arrival.
  var arrival: Int64?
  /// The byte column, from 1, where the arrival stands; 1 in a trace without arrivals.
  var arrivalColumn = 1
  var promptTokens: Int32 = 0
  /// 0 for a request that generated nothing.
  var outputTokens: Int32 = 0
  var samples: Int32 = 1
  var beamWidth: Int32 = 0
  var session: Int32?
  var priority: Int8 = 0
  /// Numbers of names, from 1; 0 for none.
  var requestClass: UInt16 = 0
  var adapter: UInt16 = 0
  /// Nanoseconds, or ``RequestNotes/noThinkTime``.
  var thinkTime = RequestNotes.noThinkTime
  var identity = Identity.unknown
  var blocks: [Int64] = []
  var pieces: [TokenPiece] = []
  /// Tokens in ``pieces``; a row is whole only once this equals ``promptTokens``.
  var piecesTotal = 0

  /// Forgets the row before, and keeps the memory that its lists took.
  mutating func reset() {
    arrival = nil
    arrivalColumn = 1
    promptTokens = 0
    outputTokens = 0
    samples = 1
    beamWidth = 0
    session = nil
    priority = 0
    requestClass = 0
    adapter = 0
    thinkTime = RequestNotes.noThinkTime
    guard identity != .unknown else { return }
    identity = .unknown
    blocks.removeAll(keepingCapacity: true)
    pieces.removeAll(keepingCapacity: true)
  }
}

/// Numbers for names that a file uses, in order of first appearance.
struct NameNumbers {
  /// The most names of classes or adapters.
  static let labelsMax = Int(UInt16.max)

  private var numbers: [[UInt8]: Int32] = [:]
  private(set) var names: [[UInt8]] = []

  /// The number of the name that `bytes` spell, new if the name is.
  mutating func number(of bytes: Span<UInt8>) -> Int32 {
    let name = bytes.indices.map { bytes[$0] }
    if let number = numbers[name] { return number }
    let number = Int32(numbers.count)
    numbers[name] = number
    names.append(name)
    return number
  }

  /// The number from 1 of the class or adapter that `bytes` spell, or what is wrong with the name.
  mutating func label(
    _ bytes: Span<UInt8>, _ what: String, into number: inout UInt16
  ) -> String? {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: ",")
        || byte == UInt8(ascii: "\\") || byte == 0x7F
      {
        return "\(what) must be a name without commas, quotes and backslashes, "
          + "found `\(printable(bytes))`"
      }
    }
    let found = self.number(of: bytes)
    guard found < Self.labelsMax else {
      return "\(what): the file has more than \(Self.labelsMax) names"
    }
    number = UInt16(found + 1)
    return nil
  }

  /// The names as text.
  var texts: [String] { names.map { String(decoding: $0, as: UTF8.self) } }
}
