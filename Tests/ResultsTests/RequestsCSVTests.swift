import Messages
import Testing

@testable import Metrics
@testable import Results

@Suite struct RequestsCSVTests {
  @Test func rowsAreExactAndAbsentValuesAreEmpty() throws {
    let scratch = try ScratchFolder()
    let runs = [
      Samples.otherRun, Samples.run,
      RunResult(summary: Samples.summary, requests: [Samples.requests[2]]),
    ]
    try ResultFiles.writeRequests(runs, to: scratch.at("requests.csv"))
    #expect(
      try scratch.text("requests.csv") == """
        run,request,status,arrival_s,prompt_tokens,output_tokens,sequences,first_scheduled_s,\
        first_token_s,finish_s,ttft_ms,tpot_ms,e2el_ms,normalized_latency_s_per_token,\
        preemptions_recompute,preemptions_swap,class,cached_tokens,recomputed_tokens,replica,preemptions_s
        2,0,completed,0,64,5,1,0.001,0.0415,0.141500001,41.5,25.00000025,141.500001,0.028300000199999998,0,2,chat,48,0,0,0.05;0.060000001
        2,1,completed,1.5,7,1,4,1.5,2,2,500,,500,0.5,1,0,,,,1,1.75
        2,2,rejected,3.000000001,9000,10,1,,,,,,,,0,0,,,0,0,
        3,2,rejected,3.000000001,9000,10,1,,,,,,,,0,0,,,0,0,

        """)
  }

  @Test func manyRowsCrossTheBufferUnharmed() throws {
    let scratch = try ScratchFolder()
    let count = 30_000
    var records = Array(repeating: Samples.requests[0], count: count)
    for index in records.indices { records[index].index = index }
    let run = RunResult(summary: Samples.summary, requests: records)
    try ResultFiles.writeRequests([run], to: scratch.at("requests.csv"))
    let lines = try scratch.text("requests.csv").split(separator: "\n")
    #expect(lines.count == count + 1)
    #expect(lines.dropFirst().enumerated().allSatisfy { $1.hasPrefix("1,\($0),completed,0,64,") })
  }

  @Test func aFullDiskIsReported() {
    let expected = UserError(
      "cannot write `/dev/full`: no space left on device",
      hint: "free some space, or choose another folder with `--output`")
    #expect(throws: expected) { try ResultFiles.writeRequests([Samples.run], to: "/dev/full") }
    let records = Array(repeating: Samples.requests[0], count: 30_000)
    let large = RunResult(summary: Samples.summary, requests: records)
    #expect(throws: expected) { try ResultFiles.writeRequests([large], to: "/dev/full") }
  }
}
