import Messages
import SimulationKernel
import Testing

@testable import TraceFiles
@testable import Workload

/// One small file of each public format, read as it is.
@Suite struct TraceFormatTests {
  private func reading(
    _ text: String, _ change: (inout TraceReadOptions) -> Void = { _ in }
  ) throws -> TraceReading {
    var options = TraceReadOptions()
    change(&options)
    return try TraceReader.read(bytes: Array(text.utf8), name: "f", options: options)
  }

  private func lengths(_ reading: TraceReading) -> [[Int32]] {
    reading.trace.requests.map { [$0.promptTokens, $0.outputTokens] }
  }

  private func seconds(_ reading: TraceReading) -> [Double] {
    reading.trace.requests.map(\.arrival.seconds)
  }

  @Test func azure() throws {
    let reading = try reading(
      """
      TIMESTAMP,ContextTokens,GeneratedTokens
      2023-11-16 18:15:46.6805900,374,44
      2023-11-16 18:15:50.9951690,396,109
      """)
    #expect(reading.format == .azure)
    #expect(lengths(reading) == [[374, 44], [396, 109]])
    #expect(seconds(reading) == [0, 4.314579])
    #expect(reading.warnings.isEmpty)
  }

  @Test func azureOffsetsAndImages() throws {
    let reading = try reading(
      """
      TIMESTAMP,NumImages,ContextTokens,GeneratedTokens
      2024-05-12T00:00:00.5+00:00,1,10,1
      2024-05-12T02:00:01+02:00,0,11,2
      2024-05-12 00:00:02Z,0,12,3
      2024-05-11T19:00:01.25-0500,0,13,4
      """)
    // The last row lies 0.75 s after the first: it moves to second place.
    #expect(lengths(reading) == [[10, 1], [11, 2], [13, 4], [12, 3]])
    #expect(seconds(reading) == [0, 0.5, 0.75, 1.5])
    #expect(
      reading.warnings == [
        "f: column `NumImages` is not used",
        "f: 1 arrivals go back; requests are sorted by arrival",
      ])
  }

  @Test func dates() {
    func nanoseconds(_ text: String) -> Int64? { DateText.nanoseconds(Array(text.utf8).span) }
    #expect(nanoseconds("1970-01-01 00:00:00") == 0)
    #expect(nanoseconds("2000-02-29T12:34:56.000000001Z") == 951_827_696_000_000_001)
    #expect(nanoseconds("2023-11-16 18:15:46.6805900") == 1_700_158_546_680_590_000)
    for wrong in [
      "", "2023-11-16", "2023-02-29 00:00:00", "2100-02-29 00:00:00", "2023-13-01 00:00:00",
      "2023-11-16 24:00:00", "2023-11-16 18:15:60", "2023-11-16 18:15:46.", "2023-11-16 18:15:46+1",
      "2023-11-16 18:15:46x", "0023-11-16 18:15:46",
    ] {
      #expect(nanoseconds(wrong) == nil, "\(wrong)")
    }
  }

  @Test func burstGPT() throws {
    let reading = try reading(
      """
      Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
      5,a,1.5,ChatGPT,472,18,490,Conversation log
      45,b,2,ChatGPT,1087,0,1087,Conversation log
      118,a,3,GPT-4,417,276,693,API log

      """)
    #expect(reading.format == .burstgpt)
    #expect(lengths(reading) == [[472, 18], [417, 276]])
    #expect(seconds(reading) == [0, 113])
    #expect(reading.trace.requests.map(\.session) == [0, 0])
    #expect(reading.facts.zeroOutputs == 1)
    #expect(reading.warnings.contains { $0.contains("1 request generated nothing (failures)") })
  }

  @Test func vidur() throws {
    let timed = try reading(
      "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.314579,396,109\n")
    #expect(timed.format == .vidur)
    #expect(seconds(timed) == [0, 4.314579])
    let untimed = try reading(
      "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n3772,54,3826,69.85\n")
    #expect(lengths(untimed) == [[3772, 54]])
    #expect(!untimed.trace.hasArrivals)
  }

  @Test func mooncake() throws {
    let reading = try reading(
      """
      {"timestamp": 0, "input_length": 1030, "output_length": 500, "hash_ids": [0, 1, 2]}
      {"timestamp": 27482.5, "input_length": 1500, "output_length": 52, "hash_ids": [0, 1, 9]}
      """)
    #expect(reading.format == .mooncake)
    #expect(seconds(reading) == [0, 27.4825])
    #expect(reading.facts.blockTokens == 512)
    let contents = try #require(reading.trace.contents)
    expectMatch(contents, reading.trace.requests)
    #expect(Array(contents.pieces(of: 0)) == [TokenPiece(stream: 0, start: 0, count: 1030)])
    #expect(
      Array(contents.pieces(of: 1)) == [
        TokenPiece(stream: 0, start: 0, count: 1024),
        TokenPiece(stream: 0, start: 1536, count: 476),
      ])
    let curve = PrefixCacheCurve(reading.trace.requests, contents, blockTokens: 512)
    #expect(curve.tokenHitRatio == 1024.0 / 2530)
    #expect(curve.uniqueBlocks == 4)
  }

  @Test func bailian() throws {
    let reading = try reading(
      """
      {"chat_id":0,"parent_chat_id":-1,"timestamp":0.0,"input_length":20,"output_length":4,"type":"text","turn":1,"hash_ids":[0,1]}
      {"chat_id":7,"parent_chat_id":99,"timestamp":0.5,"input_length":16,"output_length":5,"type":"text","turn":3,"hash_ids":[5]}
      {"chat_id":1,"parent_chat_id":0,"timestamp":61.114,"input_length":40,"output_length":6,"type":"text","turn":2,"hash_ids":[0,2,3]}
      """)
    #expect(reading.format == .bailian)
    #expect(seconds(reading) == [0, 0.5, 61.114])
    #expect(reading.trace.requests.map(\.session) == [0, 1, 0])
    #expect(reading.facts.blockTokens == 16)
    #expect(reading.facts.orphans == 1)
  }

  @Test func guideLLM() throws {
    let text = #"{"timestamp":1500,"input_length":6758,"output_length":500}"# + "\n"
    let error = #expect(throws: UserError.self) { try reading(text) }
    #expect(error?.message.contains("`--timestamp-unit s` or `ms`") ?? false)
    let timed = try reading(text) { $0.timestampUnit = .milliseconds }
    #expect(timed.format == .guidellm)
    #expect(seconds(timed) == [1.5])
    let counted = try reading(
      #"{"prompt":"x","prompt_tokens_count":120,"output_tokens_count":64}"#)
    #expect(lengths(counted) == [[120, 64]])
    #expect(counted.facts.charactersPerToken == nil)
    let table = try reading("input_tokens_count,output_tokens_count\n5,6\n")
    #expect(table.format == .guidellm)
  }

  @Test func vllmCustom() throws {
    let reading = try reading(
      """
      {"prompt": "What is the capital of India?", "output_tokens": 10}
      {"prompt": "na\\u00efve \\ud83d\\ude00", "output_tokens": 1520}
      """)
    #expect(reading.format == .vllmCustom)
    // 29 and 7 characters at four for each token.
    #expect(lengths(reading) == [[8, 10], [2, 1520]])
    #expect(reading.facts.charactersPerToken == 4)
    #expect(reading.trace.name == "f (4 characters per token, estimated)")
    #expect(reading.warnings.first?.contains("token counts are estimates") ?? false)
  }

  @Test func vllmBench() throws {
    let reading = try reading(
      #"{"completed": 2, "itls": [[0.1], []], "input_lens": [13, 24, 7], "output_lens": [3, 0, 1], "#
        + #""generated_texts": ["a]\"", "", "b"], "start_times": [100.5, 101, 100.75], "p": NaN}"#)
    #expect(reading.format == .vllmBench)
    #expect(lengths(reading) == [[13, 3], [7, 1]])
    #expect(seconds(reading) == [0, 0.25])
    let error = #expect(throws: UserError.self) {
      try self.reading(#"{"completed": 2, "duration": 1.5}"#)
    }
    #expect(error?.message.contains("--save-detailed") ?? false)
  }

  private static let conversations = """
    [ {"id":"a_0","conversations":[{"from":"human","value":"12345678"},{"from":"gpt","value":"1234"},
      {"from":"human","value":"1234567890"},{"from":"gpt","value":"1"}]},
      {"id":"a_1","conversations":[{"from":"gpt","value":"1234"},{"from":"human","value":"123"},
       {"from":"bard","value":""}]},
      {"id":"b_0","conversations":[]} ]
    """

  @Test func shareGPT() throws {
    let all = try reading(Self.conversations) { $0.keepsZeroOutputs = true }
    #expect(all.format == .sharegpt)
    // The second prompt holds the first with its answer (3 tokens) and three more.
    #expect(lengths(all) == [[2, 1], [6, 1], [2, 0]])
    #expect(all.trace.requests.map(\.session) == [0, 0, 1])
    #expect(all.facts.emptyRows == 1)
    let contents = try #require(all.trace.contents)
    expectMatch(contents, all.trace.requests)
    #expect(
      Array(contents.pieces(of: 1)) == [
        TokenPiece(stream: PromptContents.ownStream(of: 0), start: 0, count: 2),
        TokenPiece(stream: PromptContents.outputStream(of: 0), start: 0, count: 1),
        TokenPiece(stream: PromptContents.ownStream(of: 1), start: 0, count: 3),
      ])
    let first = try reading(Self.conversations) { $0.firstTurnsOnly = true }
    #expect(lengths(first) == [[2, 1]])
    #expect(first.facts.zeroOutputs == 1)
  }

  @Test func alpaca() throws {
    let reading = try reading(
      """
      [{"instruction":"Give three tips.","input":"","output":"1. Eat."},
       {"instruction":"Add.","input":"2 and 3","output":"5"}]
      """)
    #expect(reading.format == .alpaca)
    #expect(lengths(reading) == [[4, 2], [3, 1]])
  }

  @Test func tokenColumnsOfAnotherTokenizer() throws {
    let text = "prompt_tokens,output_tokens,prompt_tokens_llama3,output_tokens_llama3\n9,8,7,6\n"
    #expect(try lengths(reading(text)) == [[9, 8]])
    #expect(try lengths(reading(text) { $0.columnSuffix = "_llama3" }) == [[7, 6]])
  }

  @Test func badRowsAreSkippedOnRequestAndCounted() throws {
    let text = "prompt_tokens,output_tokens\n1,2\nx,2\n3,4\n5\n"
    #expect(throws: UserError.self) { try reading(text) }
    let kept = try reading(text) { $0.skipsBadRows = true }
    #expect(lengths(kept) == [[1, 2], [3, 4]])
    #expect(
      kept.warnings == [
        "f: 2 rows are left out, which cannot be read; the first: "
          + "f:3:1: `prompt_tokens` must be a positive integer, found `x`"
      ])
    let lines = #"{"prompt":"a","output_tokens":1}"# + "\n{\"prompt\"\n"
    #expect(try reading(lines) { $0.skipsBadRows = true }.facts.skippedRows == 1)
  }

  @Test func equalArrivalsAreSpreadOnRequest() throws {
    let text = "arrival_s,prompt_tokens,output_tokens\n" + String(repeating: "3,1,1\n", count: 50)
    let spread = try reading(text) {
      $0.spreadSeconds = 3
      $0.seed = 4
    }
    let arrivals = seconds(spread)
    #expect(arrivals == arrivals.sorted())
    #expect(Set(arrivals).count == 50)
    #expect(arrivals.allSatisfy { $0 >= 3 && $0 <= 6 })
    #expect(spread.warnings == ["f: arrivals are spread over 3 s each"])
  }

  @Test(arguments: [
    (#"{"a": 1}"#, "f:1:1: this JSON has the members of no format that is known (found `a`)"),
    (
      "{\"timestamp\":0,\"input_length\":600,\"output_length\":1,\"hash_ids\":[1]}\n",
      "f:1:1: 1 block hashes for 600 tokens: blocks of 512 tokens need 2"
    ),
    (
      "{\"timestamp\":0,\"input_length\":6,\"output_length\":1,\"hash_ids\":[1]}\n{\"timestamp\":}\n",
      "f:2:14: `timestamp` must be a number"
    ),
    (
      "{\"prompt\":\"a\",\"prompt\":\"b\",\"output_tokens\":1}\n", "f:1:16: `prompt` appears twice"
    ),
    ("{\"prompt\":\"a\"}\n", "f:1:1: no `output_tokens`"),
    (
      "[{\"conversations\":[\n {\"from\":\"hal\",\"value\":\"\"}]}]",
      "f:2:11: `from` names no role that is known: `hal`"
    ),
    (
      "[{\"conversations\":[]},\n {\"conversations\":",
      "f:2:2: the JSON value that begins here does not end"
    ),
    (
      "[{\"conversations\":[]} {\"conversations\":[]}]",
      "f:1:23: a comma is missing between JSON values"
    ),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\nnow,1,2\n",
      "f:2:1: `TIMESTAMP` must be a date like `2023-11-16 18:15:46.68`, found `now`"
    ),
    (
      "prompt_tokens,output_tokens,session_id,conversation_id\n3,1,0,a\n",
      "f:1:1: columns `session_id` and `conversation_id` say the same"
    ),
    (
      "prompt_tokens,output_tokens,prompt_pieces\n3,1,0:0:2\n",
      "f:2:1: the pieces have 2 tokens, the prompt has 3"
    ),
  ]) func mistakesSayWhere(_ text: String, _ message: String) {
    let error = #expect(throws: UserError.self) { try reading(text) }
    #expect(error?.message == message)
  }
}
