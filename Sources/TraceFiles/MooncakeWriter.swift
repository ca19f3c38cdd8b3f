import Messages
import SimulationKernel
import Workload

/// Writes a trace as Mooncake JSON lines, which ``TraceReader`` and other tools read.
///
///     {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]}
///
/// Milliseconds, with decimals where an arrival needs them; a hash for each 512 tokens of the
/// prompt, numbered from 0 in order of first appearance, equal exactly if all tokens up to the
/// block's end are. What prompts share below 512 tokens is lost. A session is written as
/// `session_id` and a think time as `delay`, as AIPerf has them; `class`, `priority` and `adapter`
/// are members of ours.
package enum MooncakeWriter {
  private static let blockTokens = 512
  /// Bytes gathered before they are handed out.
  private static let chunkBytes = 1 << 16

  /// Hands the bytes of `trace` to `sink`, about 64 KiB at a time.
  ///
  /// - Throws: ``UserError`` for a trace without arrivals, and for requests that the format cannot
  ///   say: several samples, beams.
  /// - Complexity: O(prompt tokens).
  package static func write(
    _ trace: Trace, to sink: ([UInt8]) throws(UserError) -> Void
  ) throws(UserError) {
    guard trace.hasArrivals else {
      throw UserError(
        "`\(trace.name)` has no arrivals, which Mooncake's format needs",
        hint: "add `--request-rate` to draw them")
    }
    if let row = trace.requests.firstIndex(where: { $0.sequenceCount > 1 || $0.beamWidth > 0 }) {
      throw UserError(
        "request \(row + 1) of `\(trace.name)` has several sequences, which Mooncake's format "
          + "cannot say", hint: "convert to `csv`")
    }
    var chains = BlockChains(blockTokens: blockTokens)
    var bytes: [UInt8] = []
    for (id, request) in trace.requests.enumerated() {
      append(request, id, of: trace, blocks: blocks(of: id, trace, &chains), to: &bytes)
      if bytes.count >= chunkBytes {
        try sink(bytes)
        bytes.removeAll(keepingCapacity: true)
      }
    }
    if !bytes.isEmpty { try sink(bytes) }
  }

  /// Prompt tokens of which an earlier prompt has the same beginning, counted in blocks of 16, and how many of them
  /// the blocks of the file still share.
  ///
  /// - Complexity: O(prompt tokens).
  package static func sharedTokens(of trace: Trace) -> (all: Int, kept: Int) {
    guard trace.contents != nil else { return (0, 0) }
    func shared(_ blockTokens: Int) -> Int {
      var chains = BlockChains(blockTokens: blockTokens)
      var tokens = 0
      for (id, request) in trace.requests.enumerated() {
        let seen = chains.count
        let found = blocks(of: id, trace, &chains).prefix { $0 < seen }.count
        tokens += min(found * blockTokens, Int(request.promptTokens))
      }
      return tokens
    }
    return (shared(16), shared(blockTokens))
  }

  private static func blocks(
    of id: Int, _ trace: Trace, _ chains: inout BlockChains
  ) -> [Int] {
    if let contents = trace.contents { return chains.blocks(of: contents.pieces(of: id)) }
    let own = TokenPiece(
      stream: PromptContents.ownStream(of: id), start: 0, count: trace.requests[id].promptTokens)
    return chains.blocks(of: [own])
  }

  private static func append(
    _ request: Request, _ id: Int, of trace: Trace, blocks: [Int], to bytes: inout [UInt8]
  ) {
    bytes += Array(#"{"timestamp": "#.utf8)
    DecimalSeconds.append(milliseconds: request.arrival, to: &bytes)
    bytes += Array(#", "input_length": "#.utf8)
    appendDecimal(Int64(request.promptTokens), to: &bytes)
    bytes += Array(#", "output_length": "#.utf8)
    appendDecimal(Int64(request.outputTokens), to: &bytes)
    if let session = request.session {
      bytes += Array(#", "session_id": "#.utf8)
      appendDecimal(Int64(session), to: &bytes)
    }
    if let time = trace.notes.thinkTime(before: id) {
      bytes += Array(#", "delay": "#.utf8)
      DecimalSeconds.append(milliseconds: .zero + time, to: &bytes)
    }
    if let name = trace.className(of: id) { bytes += Array(", \"class\": \"\(name)\"".utf8) }
    if request.priority != 0 { bytes += Array(", \"priority\": \(request.priority)".utf8) }
    if let name = trace.notes.adapter(of: id) {
      bytes += Array(", \"adapter\": \"\(name)\"".utf8)
    }
    bytes += Array(#", "hash_ids": ["#.utf8)
    for (index, block) in blocks.enumerated() {
      if index > 0 { bytes += Array(", ".utf8) }
      appendDecimal(Int64(block), to: &bytes)
    }
    bytes += Array("]}\n".utf8)
  }
}
