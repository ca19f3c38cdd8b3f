import SimulationKernel
import Workload

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
  /// Tokens in each of ``blocks``, 0 where the row does not say.
  var blockTokens: Int32 = 0
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
    blockTokens = 0
    blocks.removeAll(keepingCapacity: true)
    pieces.removeAll(keepingCapacity: true)
  }
}
