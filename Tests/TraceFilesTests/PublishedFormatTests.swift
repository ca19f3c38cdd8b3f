import Messages
import SimulationKernel
import Testing

@testable import TraceFiles
@testable import Workload

/// One small file of each format that other tools write, made up in its shape, told by its content.
@Suite struct PublishedFormatTests {
  struct Sample: CustomTestStringConvertible, Sendable {
    let format: TraceFormat
    let text: String
    let lengths: [[Int32]]
    var seconds: [Double]?
    var sessions: [Int32?]?
    var testDescription: String { format.rawValue }
  }

  static let samples: [Sample] = [
    Sample(
      format: .splitwise,
      text: """
        request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size
        0,2,0,1,1,4096,32
        1,2,0,1.5,1,90,7

        """, lengths: [[4096, 32], [90, 7]], seconds: [1, 1.5]),
    Sample(
      format: .blis,
      text: "arrived_at,prefill_tokens,decode_tokens\n0,5047,514\n0.565865,4958,378\n",
      lengths: [[5047, 514], [4958, 378]], seconds: [0, 0.565865]),
    Sample(
      format: .llmservingsim,
      text: """
        {"input_toks": 9, "output_toks": 16, "arrival_time_ns": 1101537000}
        {"input_toks": 13, "output_toks": 5, "arrival_time_ns": 1144370000, "input_tok_ids": [1, 2]}

        """, lengths: [[9, 16], [13, 5]], seconds: [1.101537, 1.14437]),
    Sample(
      format: .llmservingsimAgents,
      text: """
        {"session_id":"s0","arrival_time_ns":4000000,"sub_requests":[\
        {"input_toks":1472,"output_toks":133,"tool_duration_ns":127000000},\
        {"input_toks":1582,"output_toks":125,"tool_duration_ns":0}]}

        """, lengths: [[1472, 133], [1582, 125]], seconds: [0.004, 0.131], sessions: [0, 0]),
    Sample(
      format: .guidellmReport,
      text: """
        {"args":{"rate":[2,5]},"benchmarks":[{"requests":{"successful":[\
        {"request_start_time":1761780814.1,"prompt_tokens":1255,"output_tokens":1000},\
        {"request_start_time":1761780814.6,"prompt_tokens":1300,"output_tokens":9}],"errored":[]}},{"requests":{}}]}
        """, lengths: [[1255, 1000], [1300, 9]], seconds: [0, 0.5]),
    Sample(
      format: .aiperfExport,
      text: """
        {"metadata":{"x_correlation_id":"a","request_start_ns":1765000000000000000},"metrics":\
        {"input_sequence_length":{"value":550,"unit":"tokens"},"output_sequence_length":{"value":100}},"error":null}
        {"metadata":{"x_correlation_id":"a","request_start_ns":1765000000500000000},"metrics":\
        {"input_sequence_length":{"value":560},"output_sequence_length":{"value":90}}}

        """, lengths: [[550, 100], [560, 90]], seconds: [0, 0.5], sessions: [0, 0]),
    Sample(
      format: .aiperf,
      text: """
        {"timestamp": 0, "text_input": "12345678", "output_length": 52}
        {"timestamp": 535, "text_input": "1234", "output_length": 26}

        """, lengths: [[2, 52], [1, 26]], seconds: [0, 0.535]),
    Sample(
      format: .genaiInputs,
      text: """
        {"data":[{"payload":[{"messages":[{"role":"system","content":"1234567"},{"role":"user","content":"abcd"}],\
        "max_tokens":100}]},{"payloads":[{"messages":[{"content":[{"type":"text","text":"12345678"}]}],\
        "max_completion_tokens":5}]}]}
        """, lengths: [[3, 100], [2, 5]]),
    Sample(
      format: .openaiUsage,
      text: """
        {"timestamp":"2026-02-25T10:00:00.123Z","usage":{"prompt_tokens":812,"completion_tokens":143,"total_tokens":955}}
        {"timestamp":"2026-02-25T10:00:01.007Z","usage":{"prompt_tokens":1204,"completion_tokens":88}}

        """, lengths: [[812, 143], [1204, 88]], seconds: [0, 0.884]),
    Sample(
      format: .lmcache,
      text: """
        {"timestamp": 1765000000000000, "input": "123456789", "output": "1234", "session_id": "x"}
        {"timestamp": 1765000002500000, "input": "1234", "output": "12345", "session_id": "x"}

        """, lengths: [[3, 1], [1, 2]], seconds: [0, 2.5], sessions: [0, 0]),
    Sample(
      format: .lmcache,
      text: """
        {"session_id":"x","model":"m","input":[{"role":"system","content":"1234567"},{"role":"user","content":"abcd"}],\
        "output_length":52,"pre_gap":0}
        {"session_id":"x","model":"m","input":[{"role":"assistant","content":null},\
        {"role":"tool","content":[{"type":"text","text":"12345678"}]}],"output_length":90,"pre_gap":0.5}

        """, lengths: [[3, 52], [2, 90]], sessions: [0, 0]),
    Sample(
      format: .dynamo,
      text: """
        {"schema":"dynamo.request.trace.v1","event_type":"request_end","event_time_unix_ms":1000210,"agent_context":\
        {"session_id":"p"},"request":{"request_received_ms":1000000,"output_tokens":4,"replay":{"trace_block_size":64,\
        "input_length":130,"input_sequence_hashes":[101,18446744073709551615,7]}}}
        {"schema":"dynamo.request.trace.v1","event_type":"tool_end","event_time_unix_ms":1000250,"tool":{}}
        {"schema":"dynamo.request.trace.v1","event_type":"request_end","event_time_unix_ms":1000900,"agent_context":\
        {"session_id":"p"},"request":{"request_received_ms":1000300,"input_tokens":65,"output_tokens":9,"replay":\
        {"trace_block_size":64,"input_length":65,"input_sequence_hashes":[101,8]}}}

        """, lengths: [[130, 4], [65, 9]], seconds: [0, 0.3], sessions: [0, 0]),
    Sample(
      format: .spans,
      text: """
        {"name":"chat m","start_time":"2026-02-25T10:00:00Z","attributes":{"gen_ai.usage.input_tokens":10,\
        "gen_ai.usage.output_tokens":3,"gen_ai.conversation.id":"c"}}
        {"name":"GET /","start_time":"2026-02-25T10:00:01Z","attributes":{"http.method":"GET"}}
        {"name":"chat m","start_time":"2026-02-25T10:00:02Z","attributes":{"gen_ai.usage.input_tokens":20,\
        "gen_ai.usage.output_tokens":5}}

        """, lengths: [[10, 3], [20, 5]], seconds: [0, 2], sessions: [0, nil]),
    Sample(
      format: .spansExported,
      text: """
        {"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[{"startTimeUnixNano":"1765000000000000000","attributes":[\
        {"key":"gen_ai.usage.input_tokens","value":{"intValue":"812"}},\
        {"key":"gen_ai.usage.output_tokens","value":{"intValue":"43"}}]},{"name":"db","attributes":[]}]}]}]}
        """, lengths: [[812, 43]], seconds: [0]),
  ]

  private func reading(
    _ text: String, _ change: (inout TraceReadOptions) throws -> Void = { _ in }
  ) throws -> TraceReading {
    var options = TraceReadOptions()
    try change(&options)
    return try TraceReader.read(bytes: Array(text.utf8), name: "f", options: options)
  }

  private func lengths(_ reading: TraceReading) -> [[Int32]] {
    reading.trace.requests.map { [$0.promptTokens, $0.outputTokens] }
  }

  @Test(arguments: samples) func isToldByItsContent(_ sample: Sample) throws {
    let reading = try reading(sample.text)
    #expect(reading.format == sample.format)
    #expect(lengths(reading) == sample.lengths)
    #expect(reading.trace.hasArrivals == (sample.seconds != nil))
    if let seconds = sample.seconds {
      #expect(reading.trace.requests.map(\.arrival.seconds) == seconds)
    }
    if let sessions = sample.sessions {
      #expect(reading.trace.requests.map(\.session) == sessions)
    }
  }

  @Test func whatIsLeftOutIsSaid() throws {
    func warnings(_ format: TraceFormat) throws -> [String] {
      try reading(Self.samples.first { $0.format == format }?.text ?? "").warnings
    }
    #expect(
      try warnings(.guidellmReport) == [
        "f: 1 more run of the benchmark in the file is left out: one run is one trace"
      ])
    #expect(try warnings(.spans) == ["f: 1 row is no request that used tokens"])
    #expect(try warnings(.dynamo) == ["f: 1 row is no request that used tokens"])
    let appended = "{\"completed\": 1, \"input_lens\": [5], \"output_lens\": [6]}\n"
    let twice = try reading(appended + appended.replacing("5", with: "7"))
    #expect(lengths(twice) == [[5, 6]])
    #expect(twice.warnings.count == 1 && twice.facts.otherRuns == 1)
  }

  @Test func agentsThinkAsLongAsTheirTools() throws {
    let agents = try reading(Self.samples.first { $0.format == .llmservingsimAgents }?.text ?? "")
      .trace
    #expect(agents.notes.thinkTime(before: 1)?.seconds == 0.127)
  }

  /// 3 hashes for 130 tokens are blocks of 44 to 64 tokens: of the powers of two, of 64.
  @Test func blocksOfAnySize() throws {
    let text = """
      {"timestamp": 0, "input_length": 130, "output_length": 5, "hash_ids": [1, 2, 3]}
      {"timestamp": 1, "input_length": 65, "output_length": 5, "hash_ids": [1, "ab"]}

      """
    let found = try reading(text)
    #expect(found.facts.blockTokens == 64)
    #expect(
      found.warnings == ["f: a block hash stands for 64 tokens, as the numbers of hashes have it"])
    let contents = try #require(found.trace.contents)
    #expect(
      Array(contents.pieces(of: 1)) == [
        TokenPiece(stream: 0, start: 0, count: 64), TokenPiece(stream: 0, start: 192, count: 1),
      ])
    let error = #expect(throws: UserError.self) { try reading(text) { $0.hashBlockTokens = 32 } }
    #expect(error?.message == "f:1:1: 3 block hashes for 130 tokens: blocks of 32 tokens need 5")
    let few = #expect(throws: UserError.self) {
      try reading(#"{"timestamp": 0, "input_length": 600, "output_length": 1, "hash_ids": [1]}"#)
    }
    #expect(few?.message == "f:1:1: 1 block hashes for 600 tokens: blocks of 512 tokens need 2")
    #expect(few?.hint == "`--hash-block-size` says how many tokens a hash stands for")
  }

  @Test func columnsOfAnyTable() throws {
    let text =
      "when,id,in_tokens,out_tokens,who\n2026-02-25 10:00:01,7,5,6,b\n2026-02-25T10:00:00Z,8,7,8,a\n"
    let mapped = try reading(text) {
      $0.columns = try ColumnMapping("arrival=when,prompt=in_tokens,output=out_tokens,session=who")
    }
    #expect(mapped.format == .columns)
    #expect(lengths(mapped) == [[7, 8], [5, 6]])
    #expect(mapped.trace.requests.map(\.arrival.seconds) == [0, 1])
    #expect(mapped.trace.requests.map(\.session) == [1, 0])
    let plain = try reading("t_ms,a,b,gap_ms\n500,1,2,\n1500,3,4,250\n") {
      $0.columns = try ColumnMapping("arrival=t_ms,prompt=a,output=b,think=gap_ms")
    }
    #expect(plain.trace.requests.map(\.arrival.seconds) == [0.5, 1.5])
    #expect(plain.trace.notes.thinkTime(before: 1)?.seconds == 0.25)
  }

  @Test func columnsOfAnyLines() throws {
    let mapped = try reading(
      #"{"t": 3, "use": {"in": 5, "out": 6}, "who": {"id": "x"}}"# + "\n"
        + #"{"t": 4.5, "use": {"in": 7, "out": 8}, "who": {"id": "x"}}"# + "\n"
    ) {
      $0.columns = try ColumnMapping("prompt=use.in,output=use.out,arrival=t,session=who.id")
      $0.timestampUnit = .seconds
    }
    #expect(lengths(mapped) == [[5, 6], [7, 8]])
    #expect(mapped.trace.requests.map(\.arrival.seconds) == [3, 4.5])
    #expect(mapped.trace.requests.map(\.session) == [0, 0])
  }

  @Test(arguments: [
    ("prompt=a", "`--columns` does not say which column has the output tokens"),
    ("prompt=a,output=a", "`--columns` gives `output` or `a` twice"),
    ("prompt=a,outputs=b", "`--columns` has no `outputs`"),
    (
      "prompt",
      "`--columns` must be what a column says, `=` and its name, by commas, found `prompt`"
    ),
  ]) func mappingsThatAreNone(_ text: String, _ message: String) {
    let error = #expect(throws: UserError.self) { try ColumnMapping(text) }
    #expect(error?.message == message)
  }

  /// An error names what the file has and the mapping that would do.
  @Test func mistakesSayHowToMap() throws {
    func mistake(_ text: String, _ columns: String? = nil) -> UserError? {
      #expect(throws: UserError.self) {
        try reading(text) {
          $0.columns = try columns.map { text throws(UserError) in try ColumnMapping(text) }
        }
      }
    }
    #expect(
      mistake("time_ms,input_tokens,output_tokens\n1,2,3\n")
        == UserError(
          "f:1:1: no column `prompt_tokens` (found `time_ms`, `input_tokens`, `output_tokens`)",
          hint: "`--columns arrival=time_ms,prompt=input_tokens,output=output_tokens` would read it"
        ))
    #expect(
      mistake(#"{"at": 1, "n": {"tokens_input": 5, "tokens_output": 6}}"#)
        == UserError(
          "f:1:1: this JSON has the members of no format that is known (found `at`, `n.tokens_input`, `n.tokens_output`)",
          hint: "`--columns prompt=n.tokens_input,output=n.tokens_output` would read it"))
    // Units are no amounts.
    #expect(
      mistake(#"{"prompt_tokens": {"unit": "n"}, "output_tokens": {"unit": "n"}}"#)?.hint
        == "say which member has what: `--columns arrival=TIME,prompt=TOKENS,output=TOKENS`, a member inside another "
        + "behind a dot; the formats are in docs/TRACES.md")
    #expect(
      mistake("{\n  \"usage\": {\n  \"prompt_tokens\": 5, \"completion_tokens\": 6}\n}\n")
        == UserError(
          "f:1:2: the JSON text ends early",
          hint: "objects stand one a line: `jq -c . FILE` writes those of several lines so"))
    #expect(
      mistake("a,b\n1,2\n", "prompt=a,output=c")?.message
        == "f:1:1: no column `c`, which `--columns` takes for output (found `a`, `b`)")
    #expect(
      mistake("t,a,b\n1,2,3\n", "arrival=t,prompt=a,output=b")?.message
        == "f:2:1: nothing says what `t` counts: give `--timestamp-unit s`, `ms`, `us` or `ns`")
    #expect(
      mistake(
        #"{"timestamp": 0, "text_input": "Describe", "image": "x.png", "output_length": 20}"#)?
        .message == "f:1:53: the tokens of `image` cannot be counted: give lengths in tokens")
  }
}
