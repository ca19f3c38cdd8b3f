import SimulationKernel
import Workload

/// Writes a trace as the canonical CSV that ``TraceReader`` reads back to an equal trace.
///
/// The columns are `arrival_s,prompt_tokens,output_tokens`, then `n`, `beam_width`, `session_id`,
/// `class`, `priority`, `adapter` and `think_time_s`, each only if some request has other than 1, 0
/// and none, and `prompt_pieces` if the trace says what its prompts consist of. Lines end with a line feed.
/// Arrivals are exact decimal seconds without trailing zeros, and empty in a trace without them.
package enum TraceWriter {
  /// Bytes gathered before they are handed out.
  private static let chunkBytes = 1 << 16

  /// Hands the bytes of `trace` to `sink`, about 64 KiB at a time.
  ///
  /// - Throws: Only what `sink` throws.
  /// - Precondition: Arrivals, lengths and sessions are not negative, as in every trace read; no
  ///   prompt is empty.
  /// - Complexity: O(requests) time, O(1) memory besides the trace.
  package static func write<E: Error>(
    _ trace: Trace, to sink: ([UInt8]) throws(E) -> Void
  ) throws(E) {
    let columns = optionalColumns(of: trace)
    let identity = trace.contents == nil ? [] : [TraceColumn.pieces.rawValue]
    let names = [TraceColumn.canonicalHeader] + columns.map(\.rawValue) + identity
    var bytes = Array((names.joined(separator: ",") + "\n").utf8)
    for id in trace.requests.indices {
      append(id, of: trace, columns: columns, to: &bytes)
      if let contents = trace.contents { append(contents.pieces(of: id), to: &bytes) }
      bytes.append(UInt8(ascii: "\n"))
      if bytes.count >= chunkBytes {
        try sink(bytes)
        bytes.removeAll(keepingCapacity: true)
      }
    }
    if !bytes.isEmpty { try sink(bytes) }
  }

  /// All the bytes of `trace` at once.
  package static func bytes(of trace: Trace) -> [UInt8] {
    var all: [UInt8] = []
    write(trace) { all += $0 }
    return all
  }

  private static func optionalColumns(of trace: Trace) -> [TraceColumn] {
    var columns: [TraceColumn] = []
    if trace.requests.contains(where: { $0.samples != 1 }) { columns.append(.samples) }
    if trace.requests.contains(where: { $0.beamWidth != 0 }) { columns.append(.beamWidth) }
    if trace.requests.contains(where: { $0.session != nil }) { columns.append(.session) }
    if trace.requests.contains(where: { $0.requestClass != 0 }) { columns.append(.requestClass) }
    if trace.requests.contains(where: { $0.priority != 0 }) { columns.append(.priority) }
    if trace.notes.adapters.contains(where: { $0 > 0 }) { columns.append(.adapter) }
    if trace.notes.thinkTimes.contains(where: { $0 >= 0 }) { columns.append(.thinkTime) }
    return columns
  }

  /// Appends `,stream:start:count` and so on, with blanks between.
  private static func append(_ pieces: ArraySlice<TokenPiece>, to bytes: inout [UInt8]) {
    for (index, piece) in pieces.enumerated() {
      bytes.append(index == 0 ? UInt8(ascii: ",") : UInt8(ascii: " "))
      if piece.stream < 0 { bytes.append(UInt8(ascii: "-")) }
      appendDecimal(Int64(piece.stream.magnitude), to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      appendDecimal(Int64(piece.start), to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      appendDecimal(Int64(piece.count), to: &bytes)
    }
  }

  private static func append(
    _ id: Int, of trace: Trace, columns: [TraceColumn], to bytes: inout [UInt8]
  ) {
    let request = trace.requests[id]
    let comma = UInt8(ascii: ",")
    if trace.hasArrivals { DecimalSeconds.append(request.arrival, to: &bytes) }
    bytes.append(comma)
    appendDecimal(Int64(request.promptTokens), to: &bytes)
    bytes.append(comma)
    appendDecimal(Int64(request.outputTokens), to: &bytes)
    for column in columns {
      bytes.append(comma)
      switch column {
      case .samples: appendDecimal(Int64(request.samples), to: &bytes)
      case .beamWidth: appendDecimal(Int64(request.beamWidth), to: &bytes)
      case .session:
        if let session = request.session { appendDecimal(Int64(session), to: &bytes) }
      case .requestClass: bytes += Array((trace.className(of: id) ?? "").utf8)
      case .priority: bytes += Array("\(request.priority)".utf8)
      case .adapter: bytes += Array((trace.notes.adapter(of: id) ?? "").utf8)
      case .thinkTime:
        if let time = trace.notes.thinkTime(before: id) {
          DecimalSeconds.append(.zero + time, to: &bytes)
        }
      default: preconditionFailure("TraceWriter: `\(column.rawValue)` is not optional")
      }
    }
  }
}
