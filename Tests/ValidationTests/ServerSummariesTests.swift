import Messages
import Testing
import Workload

@testable import Validation

/// Summaries of AIPerf and genai-perf: means of a run, and no requests.
@Suite struct ServerSummariesTests {
  private static let metrics = """
    "request_throughput": {"unit": "requests/sec", "avg": 2.5}, "request_count": {"unit": "requests", "avg": 20.0},
    "request_latency": {"unit": "ms", "avg": 1200, "p99": 1300}, "time_to_first_token": {"unit": "ms", "avg": 50},
    "inter_token_latency": {"unit": "ms", "avg": 9, "std": 1}, "input_sequence_length": {"unit": "tokens", "avg": 512.4},
    "output_sequence_length": {"unit": "tokens", "avg": 128}
    """

  private func runs(_ text: String, _ columns: [String: String] = [:]) throws -> [ServerRun] {
    var reading = ServerRunReading()
    reading.columns = columns
    return try reading.runs(path: "f.json", Array(text.utf8))
  }

  private func mistake(_ text: String, _ columns: [String: String] = [:]) -> UserError? {
    #expect(throws: UserError.self) { try runs(text, columns) }
  }

  @Test func meansAreARun() throws {
    for config in [
      #"{"endpoint": {"model_names": ["m"]}, "loadgen": {"concurrency": 4}}"#,
      #"{"model_names": ["m"], "perf_analyzer": {"stimulus": {"concurrency": 4}}}"#,
    ] {
      let found = try runs("{\(Self.metrics), \"input_config\": \(config)}")
      let run = try #require(found.first)
      #expect(found.count == 1 && run.model == "m" && run.clients == 4)
      #expect(run.measured == [.throughput: 2.5, .ttft: 0.05, .tpot: 0.009, .e2e: 1.2])
      #expect(run.requests.count == 20)
      #expect(run.requests.allSatisfy { $0.promptTokens == 512 && $0.outputTokens == 128 })
    }
    let atRate = try runs("{\(Self.metrics)}", ["request_rate": "5"])[0]
    #expect(atRate.clients == nil && atRate.arrivals == .poisson(5))
    let seconds = Self.metrics.replacing(
      "{\"unit\": \"ms\", \"avg\": 50}", with: "{\"unit\": \"s\", \"avg\": 0.05}")
    #expect(try runs("{\(seconds)}", ["max_concurrency": "4"])[0].measured[.ttft] == 0.05)
  }

  @Test func whatIsMissingIsNamed() {
    #expect(
      mistake("{\(Self.metrics)}")
        == UserError(
          "f.json: how requests came is not known",
          hint: "add `--columns max_concurrency=64` for so many clients, or `request_rate=5`"))
    #expect(
      mistake("{\(Self.metrics.replacing("request_count", with: "count"))}")
        == UserError(
          "f.json: how many requests were answered is not known",
          hint: "add `--columns completed=640`"))
    #expect(
      mistake(
        "{\(Self.metrics.replacing("{\"unit\": \"ms\", \"avg\": 50}", with: "{\"unit\": \"W\", \"avg\": 50}"))}",
        ["max_concurrency": "4"])
        == UserError("f.json: `time_to_first_token` is in `W`, which is no unit of time"))
    #expect(
      mistake(#"{"service_kind": "openai", "experiments": [{"requests": []}]}"#)
        == UserError(
          "f.json: genai-perf's raw export: it has no token counts",
          hint: "give `profile_export_genai_perf.json`, which genai-perf writes beside it"))
  }

  @Test func aSummaryIsNoTrace() throws {
    let files = try SmallFiles(["s.json": "{\(Self.metrics)}"])
    #expect(
      ServerFile.mistakenForTrace("\(files.path)/s.json")
        == UserError(
          "s.json: a summary of AIPerf or genai-perf, not a trace: it does not say which requests came",
          hint:
            "`kvplan validate server` and `calibrate server` take it; AIPerf's `profile_export.jsonl` has the requests"
        ))
  }
}
