import Messages
import SimulationKernel

extension Trace {
  /// The requests of all `traces`, superposed in order of arrival; of equal arrivals, those of the
  /// trace named first come first. Without arrivals, the traces follow one another.
  ///
  /// Sessions and shared text of different traces stay different; classes and adapters of one name
  /// are one.
  ///
  /// - Throws: ``UserError`` where some traces have arrivals and others none, and where sessions or
  ///   shared texts are too many to keep apart.
  /// - Precondition: `traces` is not empty.
  /// - Complexity: O(n log n) for n requests.
  package static func mixing(_ traces: [Trace]) throws(UserError) -> Trace {
    precondition(!traces.isEmpty, "Trace.mixing: nothing to mix")
    if let odd = traces.first(where: { $0.hasArrivals != traces[0].hasArrivals }) {
      let (with, without) = odd.hasArrivals ? (odd, traces[0]) : (traces[0], odd)
      throw UserError(
        "`\(with.name)` has arrivals and `\(without.name)` has none",
        hint: "give them arrivals first: `kvplan trace scale --request-rate`")
    }
    var all: [Request] = []
    var contents = PromptContents()
    var classNames: [String] = []
    var notes = RequestNotes()
    var sessionShift: Int64 = 0
    var streamShift: Int64 = 0
    for trace in traces {
      let first = all.count
      notes.append(trace.notes, before: first, count: trace.requests.count)
      let classes = trace.classNames.map { classNames.number(of: $0) }
      for var request in trace.requests {
        if request.requestClass > 0 {
          request.requestClass = classes[Int(request.requestClass) - 1]
        }
        if let session = request.session {
          guard let moved = Int32(exactly: Int64(session) + sessionShift) else {
            throw UserError("`\(trace.name)`: session \(session) is too high to mix")
          }
          request.session = moved
        }
        all.append(request)
      }
      sessionShift += (trace.requests.lazy.compactMap(\.session).max().map(Int64.init) ?? -1) + 1
      streamShift = try contents.append(
        trace, requestShift: Int64(first), sharedShift: streamShift)
    }
    let order = all.indices.sorted { (all[$0].arrival, $0) < (all[$1].arrival, $1) }
    var mixed = Trace(
      name: traces.map(\.name).joined(separator: " + "), requests: all,
      hasArrivals: traces[0].hasArrivals)
    mixed.classNames = classNames
    mixed.notes = notes
    if traces.contains(where: { $0.contents != nil }) { mixed.contents = contents }
    return mixed.hasArrivals ? mixed.selecting(order) : mixed
  }
}

extension PromptContents {
  /// Appends the prompts of `trace`, whose requests get numbers higher by `requestShift` and whose
  /// shared streams get numbers higher by `sharedShift`; the next trace's shift.
  fileprivate mutating func append(
    _ trace: Trace, requestShift: Int64, sharedShift: Int64
  ) throws(UserError) -> Int64 {
    let firstOutput = Self.outputStream(of: 0)
    let lastShared = trace.contents?.lastSharedStream ?? -1
    guard sharedShift + lastShared < firstOutput else {
      throw UserError("the traces share more than \(firstOutput) texts among their requests")
    }
    for id in trace.requests.indices {
      guard let contents = trace.contents else {
        append([
          TokenPiece(
            stream: Self.ownStream(of: id + Int(requestShift)), start: 0,
            count: trace.requests[id].promptTokens)
        ])
        continue
      }
      append(
        contents.pieces(of: id).map { piece in
          let stream =
            piece.stream < 0
            ? piece.stream - requestShift
            : piece.stream >= firstOutput
              ? piece.stream + requestShift
              : piece.stream + sharedShift
          return TokenPiece(stream: stream, start: piece.start, count: piece.count)
        })
    }
    return sharedShift + lastShared + 1
  }
}
