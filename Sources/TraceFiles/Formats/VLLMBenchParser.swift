import Messages
import SimulationKernel
import Workload

/// Parses a result of `vllm bench serve --save-detailed`: one object whose lists `input_lens` and
/// `output_lens` have a length for each request.
///
/// Older results do not say when requests came. Where there are `start_times`, seconds on a clock
/// of the benchmark's own, those are the arrivals. `n` and beams are not recorded.
struct VLLMBenchParser {
  /// Parses the object in `bytes` into one record for each request.
  ///
  /// - Throws: ``JSONMistake`` for text of another shape, and lists of unequal length.
  /// - Complexity: O(bytes).
  mutating func parse(
    _ bytes: Span<UInt8>, into records: inout [TraceRecord]
  ) throws(JSONMistake) {
    records.removeAll(keepingCapacity: true)
    var cursor = JSONCursor()
    var inputs: [Int32]?
    var outputs: [Int32]?
    var starts: [Int64]?
    try cursor.enterObject(in: bytes, "a result")
    while let key = try cursor.nextKey(in: bytes) {
      let name = bytes.extracting(key)
      if JSONText.matches(name, "input_lens"), inputs == nil {
        inputs = try Self.lengths("`input_lens`", from: 1, bytes, &cursor)
      } else if JSONText.matches(name, "output_lens"), outputs == nil {
        outputs = try Self.lengths("`output_lens`", from: 0, bytes, &cursor)
      } else if JSONText.matches(name, "start_times"), starts == nil {
        starts = try Self.instants(bytes, &cursor)
      } else if JSONText.matches(name, "input_lens") || JSONText.matches(name, "output_lens")
        || JSONText.matches(name, "start_times")
      {
        throw JSONMistake(offset: key.lowerBound, what: "`\(printable(name))` appears twice")
      } else {
        try cursor.skipValue(in: bytes)
      }
    }
    try cursor.finish(in: bytes)
    guard let inputs, let outputs else {
      throw JSONMistake(
        offset: 0,
        what: "no `\(inputs == nil ? "input_lens" : "output_lens")`: "
          + "the result was saved without `--save-detailed` (of SGLang's benchmark, `--output-details`)"
      )
    }
    let counts = [inputs.count, outputs.count, starts?.count ?? inputs.count]
    guard Set(counts).count == 1 else {
      throw JSONMistake(
        offset: 0,
        what: "lists of unequal length: \(inputs.count) `input_lens`, \(outputs.count) "
          + "`output_lens`" + (starts.map { ", \($0.count) `start_times`" } ?? ""))
    }
    for index in inputs.indices {
      var record = TraceRecord()
      record.promptTokens = inputs[index]
      record.outputTokens = outputs[index]
      record.arrival = starts?[index]
      records.append(record)
    }
  }

  private static func lengths(
    _ name: String, from least: Int64, _ bytes: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) -> [Int32] {
    var lengths: [Int32] = []
    try cursor.enterArray(in: bytes, name)
    while try cursor.nextElement(in: bytes) {
      lengths.append(try cursor.count(in: bytes, "an element of \(name)", from: least))
    }
    return lengths
  }

  private static func instants(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor
  ) throws(JSONMistake) -> [Int64] {
    var instants: [Int64] = []
    try cursor.enterArray(in: bytes, "`start_times`")
    while try cursor.nextElement(in: bytes) {
      let range = try cursor.number(in: bytes, "an element of `start_times`")
      guard case .instant(let instant) = DecimalSeconds.parse(bytes.extracting(range)) else {
        throw JSONMistake(
          offset: range.lowerBound,
          what: "an element of `start_times` must be a number of seconds, 0 or more, found "
            + "`\(printable(bytes.extracting(range)))`")
      }
      instants.append(instant.nanoseconds)
    }
    return instants
  }
}
