import Messages
import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

/// Classes, priorities, adapters and think times: columns of our own format, members of Mooncake's, and
/// what cutting and mixing make of them.
@Suite struct RequestNotesTests {
  private let text = """
    arrival_s,prompt_tokens,output_tokens,session_id,class,priority,adapter,think_time_s
    0,9,4,0,chat,0,,
    1,9,4,0,chat,-3,lora-a,0.25
    2,9,4,,code,127,lora-b,
    3,9,4,1,,0,lora-a,0

    """

  @Test func columnsAreRead() throws {
    let trace = try read(text).trace
    #expect(trace.classNames == ["chat", "code"])
    #expect(
      trace.requests.indices.map { trace.className(of: $0) } == ["chat", "chat", "code", nil])
    #expect(trace.requests.map(\.priority) == [0, -3, 127, 0])
    #expect(
      trace.requests.indices.map { trace.notes.adapter(of: $0) } == [
        nil, "lora-a", "lora-b", "lora-a",
      ])
    #expect(
      trace.requests.indices.map { trace.notes.thinkTime(before: $0)?.nanoseconds } == [
        nil, 250_000_000, nil, 0,
      ])
  }

  @Test func roundTripsAreLossless() throws {
    let trace = try read(text).trace
    var csv = try TraceReader.read(bytes: TraceWriter.bytes(of: trace), name: "trace.csv").trace
    #expect(csv == trace)
    #expect(String(decoding: TraceWriter.bytes(of: csv), as: UTF8.self) == text)
    var bytes: [UInt8] = []
    try MooncakeWriter.write(trace) { bytes += $0 }
    let mooncake = try TraceReader.read(bytes: bytes, name: "trace.csv").trace
    csv.contents = mooncake.contents
    #expect(mooncake == csv)
  }

  @Test func cuttingKeepsThem() throws {
    let trace = try read(text).trace
    let cut = try trace.sliced(rows: 1..<3)
    #expect(cut.className(of: 1) == "code")
    #expect(cut.notes.adapter(of: 0) == "lora-a")
    #expect(cut.notes.thinkTime(before: 0)?.seconds == 0.25)
    #expect(cut.notes.thinkTime(before: 1) == nil)
  }

  /// Names are one across traces, whatever their numbers were.
  @Test func mixingJoinsNames() throws {
    let first = try read(text).trace
    let second = try read(
      """
      arrival_s,prompt_tokens,output_tokens,class,adapter
      0.5,9,4,code,lora-b
      2.5,9,4,batch,

      """
    ).trace
    let plain = try read("arrival_s,prompt_tokens,output_tokens\n1.5,9,4\n").trace
    let mixed = try Trace.mixing([plain, first, second])
    #expect(mixed.classNames == ["chat", "code", "batch"])
    #expect(
      mixed.requests.indices.map { mixed.className(of: $0) } == [
        "chat", "code", "chat", nil, "code", "batch", nil,
      ])
    #expect(
      mixed.requests.indices.map { mixed.notes.adapter(of: $0) } == [
        nil, "lora-b", "lora-a", nil, "lora-b", nil, "lora-a",
      ])
    #expect(mixed.notes.thinkTime(before: 2)?.seconds == 0.25)
    #expect(try plain.labelled("solo").className(of: 0) == "solo")
  }

  /// A turn that has a delay in place of a time comes that long after the turn before, and it is said.
  @Test func delaysOfMooncake() throws {
    let reading = try read(
      """
      {"timestamp": 1000, "input_length": 5, "output_length": 3, "hash_ids": [1], "session_id": "a"}
      {"delay": 500, "input_length": 9, "output_length": 3, "hash_ids": [2], "session_id": "a"}
      {"delay": 250, "input_length": 9, "output_length": 3, "hash_ids": [3], "session_id": "a"}

      """)
    #expect(reading.trace.requests.map(\.arrival.seconds) == [1, 1.5, 1.75])
    #expect(reading.trace.notes.thinkTime(before: 2)?.seconds == 0.25)
    #expect(reading.facts.delayedRequests == 2)
    #expect(
      reading.warnings == [
        "trace.csv: 2 requests have a delay in place of a time; they arrive that long after the "
          + "turn before, as if its answer had taken no time, unless `--session-think-time trace` waits for it"
      ])
    #expect(
      mistake(#"{"delay": 5, "input_length": 9, "output_length": 3, "hash_ids": [2]}"#)?.message
        == "trace.csv:1:1: no `timestamp`")
  }

  @Test func mistakes() {
    let header = "prompt_tokens,output_tokens,class,priority,adapter,think_time_s\n"
    #expect(
      mistake(header + "5,6,\"a,b\",0,,\n")?.message
        == "trace.csv:2:6: `class` must be a name without commas, quotes and backslashes, found `a,b`"
    )
    #expect(
      mistake(header + "5,6,a,128,,\n")?.message
        == "trace.csv:2:7: `priority` must be an integer from -128 to 127, found `128`")
    #expect(
      mistake(header + "5,6,a,1,x\\y,\n")?.message
        == "trace.csv:2:9: `adapter` must be a name without commas, quotes and backslashes, "
        + "found `x\\y`")
    #expect(
      mistake(header + "5,6,a,1,x,-1\n")?.message
        == "trace.csv:2:11: `think_time_s` must be a number of seconds, 0 or more, found `-1`")
  }

  @Test func aTraceWithoutThemIsAsItWas() throws {
    let plain = "arrival_s,prompt_tokens,output_tokens\n0,5,6\n"
    let trace = try read(plain).trace
    #expect(trace.notes == RequestNotes())
    #expect(String(decoding: TraceWriter.bytes(of: trace), as: UTF8.self) == plain)
    #expect(MemoryLayout<Request>.stride == 32)
  }
}
