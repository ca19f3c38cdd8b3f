import Foundation
import Testing

/// `kvplan validate server` on what a server tells of itself, as a user has it.
@Suite struct ValidateServerTests {
  /// A page of vLLM's counters after so many requests of 100 and 20 tokens.
  private func page(_ requests: Int) -> String {
    let labels = "{engine=\"0\",model_name=\"meta-llama/Llama-3.1-70B-Instruct\"}"
    func histogram(_ name: String, _ mean: Double) -> String {
      "vllm:\(name)_sum\(labels) \(Double(requests) * mean)\nvllm:\(name)_count\(labels) \(requests)\n"
    }
    return
      "# TYPE vllm:prompt_tokens_total counter\nvllm:prompt_tokens_total\(labels) \(requests * 100)\n"
      + "vllm:generation_tokens_total\(labels) \(requests * 20)\n"
      + histogram("time_to_first_token_seconds", 0.02)
      + histogram("inter_token_latency_seconds", 0.008)
      + histogram("e2e_request_latency_seconds", 0.172)
  }

  @Test func pagesAndALogAreHeldAgainstASimulation() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let lines = (1...2).map {
      "INFO 05-19 10:13:\($0)0 [loggers.py:271] Engine 000: Avg prompt throughput: 200.0 tokens/s, Avg generation "
        + "throughput: 40.0 tokens/s, Running: 4 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.1%\n"
    }
    var paths: [String] = []
    for (name, text) in [("a.prom", page(2)), ("b.prom", page(42)), ("v.log", lines.joined())] {
      let file = folder.appending(path: name)
      try Data(text.utf8).write(to: file)
      paths.append(file.path)
    }
    let run = try Tool.run(
      ["validate", "server"] + paths + [
        "--model", "llama-3.1-8b", "--device", "h100-sxm", "--columns",
        "max_concurrency=4,duration=20",
        "--format", "csv",
      ])
    #expect(run.status == 0, "\(run.errors)")
    let rows = run.output.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
    #expect(
      rows.map { $0[2...3].joined(separator: " ") } == [
        "request_throughput 2.000", "mean_ttft_ms 20.000", "mean_tpot_ms 8.000",
        "mean_e2el_ms 172.000", "mean_running_requests 4.000", "mean_kv_cache_usage_percent 0.100",
      ])
    #expect(
      run.errors.hasPrefix(
        "warning: `a.prom` is of the model `meta-llama/Llama-3.1-70B-Instruct`, `--model` is `llama-3.1-8b`\n"
          + "a.prom to b.prom: latencies by the server's clock"), "\(run.errors)")
  }
}
