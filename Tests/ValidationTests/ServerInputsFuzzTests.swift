import Foundation
import Messages
import SimulationKernel
import Testing
import Workload

@testable import Validation

/// Damaged results, metrics pages and logs: each reads to runs that can be simulated, or is refused in words.
@Suite struct ServerInputsFuzzTests {
  struct Sample: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    var testDescription: String { name }
  }

  static let samples: [Sample] = [
    Sample(name: "vllm.prom", text: ServerInputsTests.after),
    Sample(
      name: "sglang.prom",
      text: ServerInputsTests.page(
        requests: 4, prompts: 40, outputs: 20, ttft: 1, tpot: 2, e2e: 6, engine: "sglang",
        more: "sglang:num_requests_total 4 1765000000000 # {trace_id=\"a\"} 1\n")),
    Sample(name: "vllm.log", text: ServerInputsTests.vllmLog),
    Sample(
      name: "sglang.log",
      text: """
        [2025-02-27 04:46:41 DP0 TP0] Decode batch. #running-req: 8, #token: 62531, token usage: 0.12, gen throughput \
        (token/s): 200.00, #queue-req: 0
        [2025-02-27 04:46:43 DP1 TP0] Decode batch. #running-req: 4, #token: 30000, token usage: 0.06, gen throughput \
        (token/s): 50.00, #queue-req: 3

        """),
    Sample(
      name: "trtllm.log",
      text: """
        [04/28/2025-09:56:44] [TRT-LLM] [I] iter = 198, global_rank = 0, rank = 0, currank_total_requests = 0/0, \
        elapsed_time = 0.005s, num_scheduled_requests: 10, states = {'num_ctx_requests': 0, 'num_ctx_tokens': 0}

        """),
    Sample(name: "bench.json", text: ServerInputsTests.result()),
    Sample(
      name: "lists.json",
      text: """
        {"completed": 2, "request_rate": 2.5, "input_lens": [7, 9], "output_lens": [3, 4], "start_times": [0.5, 0.25],
         "mean_ttft_ms": 40.0, "std_ttft_ms": NaN}
        """),
    Sample(
      name: "guidellm.json",
      text: """
        {"benchmarks": [{"config": {"strategy": {"type_": "concurrent"}}, "requests": {"successful": [
          {"request_start_time": 100, "request_end_time": 101, "prompt_tokens": 10, "output_tokens": 11,
           "time_to_first_token_ms": 500}]}}]}
        """),
    Sample(
      name: "aiperf.jsonl",
      text: """
        {"metadata":{"request_start_ns":2000000000},"metrics":{"input_sequence_length":{"value":5},\
        "output_sequence_length":{"value":3},"time_to_first_token":{"value":50},"request_latency":{"value":250}}}

        """),
    Sample(
      name: "requests.jsonl",
      text: """
        {"request_id": "a", "input_toks": 9, "output_toks": 3, "queued_ts": 4797.5, "first_token_ts": 4798.0, \
        "last_token_ts": 4799}

        """),
    Sample(
      name: "requests.csv",
      text: "prompt_tokens,output_tokens,queued_s,first_token_s,last_token_s,block_hashes\n"
        + "40,3,0.5,1,2,7 8\n20,1,0,1,1,7\n"),
    Sample(
      name: "runs.csv",
      text:
        "request_rate,completed,mean_input_tokens,mean_output_tokens,mean_ttft_ms\n4,8,200,64,50\n"),
  ]

  /// Damaged files of each sample; more where `KVPLAN_FUZZ_ROUNDS` says so.
  private static let rounds =
    ProcessInfo.processInfo.environment["KVPLAN_FUZZ_ROUNDS"].flatMap(Int.init) ?? 40

  private static let values = [
    "99999999999999999999", "-1", "1e400", "1e-320", "0", "12.5", "null", "true", "\"x\"", "[]",
    "{}",
    "", "\u{0}", "\r", "\n", "\\", "\"", "é", "NaN", "-Infinity", "[[", "}}", "9223372036854775807",
    ",",
  ]

  private static func damaged(_ text: String, _ chance: inout RandomStream) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0...chance.below(3) where !bytes.isEmpty {
      let at = chance.below(bytes.count)
      let end = min(bytes.count, at + chance.below(12))
      switch chance.below(6) {
      case 0: bytes[at] = UInt8(chance.below(256))
      case 1: bytes.removeSubrange(at..<end)
      case 2: bytes.removeSubrange(at...)
      case 3: bytes.insert(contentsOf: bytes[at...], at: at)
      default:
        // A number becomes one of the values that have each gone wrong somewhere.
        let digits = bytes.indices.filter { (48...57).contains(bytes[$0]) }
        guard !digits.isEmpty else { continue }
        var begin = digits[chance.below(digits.count)]
        var end = begin + 1
        while begin > 0, (48...57).contains(bytes[begin - 1]) { begin -= 1 }
        while end < bytes.count, (48...57).contains(bytes[end]) { end += 1 }
        bytes.replaceSubrange(begin..<end, with: values[chance.below(values.count)].utf8)
      }
    }
    return bytes
  }

  @Test(arguments: samples) func nothingTraps(_ sample: Sample) throws {
    var chance = RandomStream(seed: 11, label: sample.name)
    let files = try SmallFiles([sample.name: sample.text])
    let path = "\(files.path)/\(sample.name)"
    var reading = ServerRunReading()
    reading.columns = [
      "max_concurrency": "10", "mean_input_tokens": "100", "mean_output_tokens": "5",
    ]
    if sample.name.hasSuffix("csv") { reading.columns = [:] }
    // The log of SGLang does not say how many requests there were.
    if sample.name == "sglang.log" { reading.columns["completed"] = "40" }
    #expect(try !reading.inputs(paths: [path]).runs.isEmpty)
    for round in 0..<Self.rounds {
      try Data(Self.damaged(sample.text, &chance)).write(to: URL(filePath: path))
      do {
        let inputs = try reading.inputs(paths: [path])
        #expect(!inputs.runs.isEmpty, "round \(round)")
        for run in inputs.runs {
          #expect(!run.load.isEmpty && run.measured.values.allSatisfy { $0 > 0 && $0.isFinite })
          #expect(run.requests.allSatisfy { $0.promptTokens >= 1 && $0.outputTokens >= 1 })
          if run.requests.count < 10_000 { _ = try run.trace(seed: 0) }
        }
      } catch let error as UserError {
        #expect(error.message.unicodeScalars.allSatisfy { $0.value >= 32 }, "\(error.message)")
      }
    }
  }
}
