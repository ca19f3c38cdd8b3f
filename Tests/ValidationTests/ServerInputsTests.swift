import Messages
import Planning
import SimulationKernel
import Testing
import Workload

@testable import MockServing
@testable import Validation

/// What servers tell of themselves: pages of metrics and logs, alone and beside results.
@Suite struct ServerInputsTests {
  /// The counters of a page of vLLM, or of SGLang by its own names.
  static func page(
    requests: Double, prompts: Double, outputs: Double, ttft: Double, tpot: Double = 0, e2e: Double,
    engine: String = "vllm", model: String = "m", more: String = ""
  ) -> String {
    let labels = "{engine=\"0\",model_name=\"\(model)\"}"
    func histogram(_ name: String, _ sum: Double, _ count: Double) -> String {
      """
      # HELP \(engine):\(name) of requests
      # TYPE \(engine):\(name) histogram
      \(engine):\(name)_bucket{engine="0",le="0.1",model_name="\(model)"} 0.0
      \(engine):\(name)_sum\(labels) \(sum)
      \(engine):\(name)_count\(labels) \(count)

      """
    }
    let gaps =
      engine == "vllm" ? "request_time_per_output_token_seconds" : "inter_token_latency_seconds"
    return "# HELP python_info Python platform information\npython_info{a=\"} {\"} 1.0\n"
      + "\(engine):prompt_tokens_total\(labels) \(prompts)\n"
      + "\(engine):generation_tokens_total\(labels) \(outputs)\n"
      + histogram("time_to_first_token_seconds", ttft, requests)
      + histogram(gaps, tpot, requests) + histogram("e2e_request_latency_seconds", e2e, requests)
      + more
  }

  /// Ten requests before, fifty after: 40 of 100 and 20 tokens, in 2, 0.4 and 8 seconds together.
  static let before = page(
    requests: 10, prompts: 1000, outputs: 200, ttft: 1, tpot: 0.1, e2e: 2)
  static let after = page(
    requests: 50, prompts: 5000, outputs: 1000, ttft: 3, tpot: 0.5, e2e: 10)

  static let vllmLog = """
    INFO 05-19 10:13:01 [loggers.py:271] Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: \
    0.0 tokens/s, Running: 0 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%, Prefix cache hit rate: 0.0%
    INFO 05-19 10:13:11 [loggers.py:271] Engine 000: Avg prompt throughput: 400.0 tokens/s, Avg generation throughput: \
    60.0 tokens/s, Running: 4 reqs, Waiting: 1 reqs, GPU KV cache usage: 25.0%, Prefix cache hit rate: 0.0%
    INFO:     127.0.0.1:39830 - "GET /health HTTP/1.1" 200 OK
    INFO 05-19 10:13:21 [loggers.py:271] Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: \
    20.0 tokens/s, Running: 2 reqs, Waiting: 0 reqs, GPU KV cache usage: 12.5%, Prefix cache hit rate: 0.0%

    """

  static func result(requests: Int = 40, clients: Int = 4, ttft: Double = 60) -> String {
    """
    {"completed": \(requests), "max_concurrency": \(clients), "total_input_tokens": \(requests * 100),
     "total_output_tokens": \(requests * 20), "request_throughput": 2, "mean_ttft_ms": \(ttft)}
    """
  }

  private func inputs(
    _ files: [(String, String)], _ columns: [String: String] = [:]
  ) throws -> ServerInputs {
    let folder = try SmallFiles(Dictionary(uniqueKeysWithValues: files))
    var reading = ServerRunReading()
    reading.columns = columns
    return try reading.inputs(paths: files.map { "\(folder.path)/\($0.0)" })
  }

  private func mistake(
    _ files: [(String, String)], _ columns: [String: String] = [:]
  ) -> UserError? {
    #expect(throws: UserError.self) { try inputs(files, columns) }
  }

  // MARK: Metrics

  @Test func pagesBeforeAndAfterAreARun() throws {
    let read = try inputs(
      [("a.prom", Self.before), ("b.prom", Self.after)],
      ["max_concurrency": "8", "duration": "20"])
    let run = try #require(read.runs.first)
    #expect(read.runs.count == 1 && run.name == "a.prom to b.prom" && run.load == "8 clients")
    #expect(run.requests.count == 40)
    #expect(run.requests.allSatisfy { $0.promptTokens == 100 && $0.outputTokens == 20 })
    #expect(run.measured == [.throughput: 2, .ttft: 0.05, .tpot: 0.01, .e2e: 0.2])
    #expect(read.engine?.engine == .vllm)
    #expect(throws: Never.self) { try read.requireEngine(of: "vllm-v1") }
    let other = #expect(throws: UserError.self) { try read.requireEngine(of: "sglang") }
    #expect(other?.message == "`a.prom` is of vLLM, `--system` is `sglang`")
    // Requests over a time come at random where nothing else is said.
    let open = try inputs([("a.prom", Self.before), ("b.prom", Self.after)], ["duration": "20"])
    #expect(open.runs[0].load == "2 req/s")
  }

  /// SGLang has gaps in place of a request's mean, sums before buckets, and counters of tokens alone.
  /// A page of two engines has the requests of both, and the simulation is of one.
  @Test func enginesThatShareTheLoadAreSaid() throws {
    func both(_ page: String) -> String {
      page + page.replacing("engine=\"0\"", with: "engine=\"1\"")
    }
    let read = try inputs(
      [("a.prom", both(Self.before)), ("b.prom", both(Self.after))], ["max_concurrency": "8"])
    #expect(read.runs[0].requests.count == 80)
    #expect(
      read.notes.contains(
        "a.prom to b.prom: 2 engines are counted together (`engine` 0, 1); the simulation is of one, unless "
          + "`--data-parallel-size 2` says so: else give the lines of one engine, and its share of the clients"
      ))
    let alone = try inputs(
      [("a.prom", Self.before), ("b.prom", Self.after)], ["max_concurrency": "8"])
    #expect(!alone.notes.contains { $0.contains("engines") })
  }

  @Test func onePageCountsFromTheStart() throws {
    let page = Self.page(
      requests: 4, prompts: 40, outputs: 20, ttft: 1, tpot: 2, e2e: 6, engine: "sglang")
    let read = try inputs([("s.prom", page)], ["max_concurrency": "2"])
    #expect(read.runs[0].measured == [.ttft: 0.25, .tpot: 0.5, .e2e: 1.5])
    #expect(
      read.notes.first
        == "s.prom: counted since the server started, warm-up included; a page from before the run, given before it, "
        + "leaves that out")
    #expect(read.engine?.engine == .sglang)
  }

  /// The page of a mock is one: two tokens, at 40 ms of a request that came at 10, and 30 ms later.
  @Test func aMocksPageIsRead() throws {
    var metrics = ServerMetrics()
    func page() -> String {
      metrics.text(
        model: "m", state: .init(running: 0, waiting: 0, heldShare: 0, preemptions: 0))
    }
    let before = page()
    func ms(_ count: Int64) -> SimInstant { SimInstant(nanoseconds: count * 1_000_000) }
    metrics.add(.init(request: 0, tokens: 1, time: ms(40), before: ms(10), isFirst: true))
    metrics.add(
      .init(
        request: 0, tokens: 1, time: ms(70), before: ms(40), isFirst: false,
        finished: .init(arrival: ms(10), firstToken: ms(40), promptTokens: 5, outputTokens: 2)))
    let run = try inputs([("a.prom", before), ("b.prom", page())], ["max_concurrency": "1"]).runs[0]
    #expect(run.measured == [.ttft: 0.03, .tpot: 0.03, .e2e: 0.06])
    #expect(run.requests.map(\.promptTokens) == [5] && run.requests.map(\.outputTokens) == [2])
  }

  /// Times that no percentage of can be taken, and that no server has.
  @Test func aTimeThatNobodyMeasuresIsRefused() {
    #expect(
      mistake([("r.json", Self.result(ttft: 0))])?.message.contains("is not positive") == true)
    #expect(
      mistake([("r.json", Self.result(ttft: 6e-300))])?.message.contains(
        "the measured `mean_ttft_ms` is no server's") == true)
  }

  @Test func mistakesOfMetricsAreNamed() {
    let load = ["max_concurrency": "8"]
    let (before, after) = (("a.prom", Self.before), ("b.prom", Self.after))
    for (files, columns, message) in [
      (
        [("b.prom", Self.after), ("a.prom", Self.before)], load,
        "`vllm:e2e_request_latency_seconds_sum` goes back, from 10 in `b.prom` to 2 in `a.prom`"
      ),
      ([before, after], [:], "a.prom to b.prom: how requests came is not known"),
      (
        [before, ("s.prom", after.1.replacing("vllm:", with: "sglang:"))], load,
        "`a.prom` is of vLLM, `s.prom` of SGLang"
      ),
      (
        [before, ("c.prom", after.1.replacing("\"m\"", with: "\"n\""))], load,
        "`a.prom` is a page of the model `m`, `c.prom` of `n`"
      ),
      (
        [("two.prom", Self.before + "sglang:num_requests_total 3\n")], load,
        "two.prom:20: a metric of SGLang, in line 3 of vLLM"
      ),
      (
        [("two.prom", Self.before + "vllm:request_success_total{model_name=\"n\"} 3\n")], load,
        "two.prom:20: a metric of the model `n`, in line 3 of `m`"
      ),
      (
        [("odd.prom", Self.before + "vllm:request_success_total{model_name=\"a\u{7}b\"} 3\n")],
        load,
        "odd.prom:20: a metric of the model `a\\u{7}b`, in line 3 of `m`"
      ),
      (
        [("twice.prom", Self.before + Self.after)], load,
        "twice.prom:22: `vllm:prompt_tokens_total` stands in line 3 with the same labels"
      ),
      ([before, ("same.prom", Self.before)], load, "a.prom to same.prom: no request was answered"),
      (
        [("cut.prom", Self.before + "vllm:x{model_name=\"m")], load,
        "cut.prom:20: no line of Prometheus' text format: vllm:x{model_name=\"m"
      ),
      (
        [("info.prom", "vllm:cache_config_info{num_gpu_blocks=\"7314\"} 1.0\n")], load,
        "info.prom: a metrics page without counters of requests"
      ),
      (
        [("lengths.prom", Self.after.replacing(/vllm:prompt_tokens_total.*\n/, with: ""))], load,
        "lengths.prom: no token counts: neither `vllm:request_prompt_tokens` nor `vllm:prompt_tokens_total`"
      ),
    ] {
      #expect(mistake(files, columns)?.message == message)
    }
  }

  // MARK: Logs

  @Test func aLogIsARunWhereLengthsAreGiven() throws {
    let given = ["mean_input_tokens": "100", "mean_output_tokens": "20", "max_concurrency": "5"]
    let read = try inputs([("v.log", Self.vllmLog)], given)
    let run = read.runs[0]
    // 600 and 200 tokens in ten seconds each.
    #expect(run.requests.count == 40 && run.load == "5 clients")
    #expect(run.measured == [.throughput: 2, .running: 3, .kvUse: 0.1875])
    #expect(
      read.notes == [
        "v.log: 2 lines of vLLM: 3 requests run in the mean, 4 at most, 1 wait at most, 18.8 % of the KV cache is held, "
          + "40 output tokens/s"
      ])
    #expect(
      mistake([("v.log", Self.vllmLog)])?.message == "v.log: a log has no lengths of requests")
  }

  /// A line of SGLang stands for as many iterations as any other; one of TensorRT-LLM for its own time.
  @Test func linesOfOtherEnginesAreRead() throws {
    let sglang = try ServingLog(
      """
      [2025-02-27 04:46:39 TP0] Prefill batch. #new-seq: 1, #new-token: 2062, #cached-token: 0, token usage: 0.00, \
      #running-req: 0, #queue-req: 0
      [2025-02-27 04:46:41 TP0] Decode batch. #running-req: 8, #token: 62531, token usage: 0.12, gen throughput \
      (token/s): 200.00, #queue-req: 0
      [2025-02-27 04:46:41 TP1] Decode batch. #running-req: 8, #token: 62531, token usage: 0.12, gen throughput \
      (token/s): 200.00, #queue-req: 0
      [2025-02-27 04:46:43 TP0] Decode batch, #running-req: 4, #token: 30000, token usage: 0.06, cuda graph: True, \
      gen throughput (token/s): 50.00, #queue-req: 3

      """, name: "s.log")
    #expect(sglang.lineCount == 2 && sglang.running == 6 && sglang.waitingMost == 3)
    // 12 in 8 ⁄ 200 + 4 ⁄ 50 = 0.12 s.
    #expect(abs(sglang.outputRate - 100) < 1e-9)
    #expect(try abs(#require(sglang.kvUse) - 0.09) < 1e-9)
    #expect(sglang.tokens == nil)
    let iterations = try ServingLog(
      """
      [04/28/2025-09:56:44] [TRT-LLM] [I] iter = 198, global_rank = 0, rank = 0, currank_total_requests = 0/0, \
      elapsed_time = 0.005s, timestamp = 2025-04-28 09:56:44, num_scheduled_requests: 10, states = \
      {'num_ctx_requests': 0, 'num_ctx_tokens': 0, 'num_generation_tokens': 16}
      [08/04/2026-19:08:13] [TRT-LLM] [I] iter = 2, global_rank = 0, rank = 0, num_scheduled_requests = 2, kv_cache_util \
      = 0.125, currank_total_requests = 1/8, host_step_time = 15.0ms, prev_device_step_time = N/A, timestamp = \
      2026-08-04 19:08:13, states = {'num_ctx_requests': 1, 'num_ctx_tokens': 9, 'num_generation_tokens': 1}

      """, name: "t.log")
    // 10 and 1 tokens in 5 and 15 ms; 10 and 2 requests.
    #expect(abs(iterations.outputRate - 550) < 1e-9 && abs(iterations.running - 4) < 1e-9)
    #expect(try abs(#require(iterations.tokens?.count) - 11) < 1e-9)
  }

  @Test func mistakesOfLogsAreNamed() {
    let vllm = Self.vllmLog
    for (log, message) in [
      (
        vllm.replacing("Running: 2 reqs", with: "Running: -2 reqs"),
        "v.log:4: no number behind `Running`"
      ),
      (String(vllm.dropLast(35)), "v.log:4: no number behind `GPU KV cache usage`"),
      (
        vllm.replacing("05-19 10:13:21", with: "05-18 10:13:21"),
        "v.log:4: the time goes back from that of line 2"
      ),
      (
        vllm
          + "[04:40:55 TP0] Decode batch. #running-req: 2, #token: 4078, token usage: 0.00, gen throughput (token/s): "
          + "447.31, #queue-req: 0\n", "v.log:5: a line of SGLang, in line 4 of vLLM"
      ),
      (
        vllm.replacing(/Running: . reqs/, with: "Running: 0 reqs"),
        "v.log: no request runs in any line of the log"
      ),
    ] {
      #expect(mistake([("v.log", log)])?.message == message)
    }
  }

  // MARK: Beside results

  /// A log adds what a client cannot see; pages are held against what it saw.
  @Test func metricsAndLogsStandBesideAResult() throws {
    let read = try inputs([
      ("r.json", Self.result()), ("a.prom", Self.before), ("v.log", Self.vllmLog),
      ("b.prom", Self.after),
    ])
    #expect(read.runs.map(\.name) == ["r.json"])
    #expect(read.runs[0].measured == [.throughput: 2, .ttft: 0.06, .running: 3, .kvUse: 0.1875])
  }

  @Test func anotherRunIsFound() {
    let pages = [("a.prom", Self.before), ("b.prom", Self.after)]
    let log = [("v.log", Self.vllmLog)]
    for (result, others, message) in [
      (
        Self.result(requests: 30), pages,
        "a.prom to b.prom: the server counted 40 requests, the results have 30"
      ),
      (
        Self.result().replacing(
          "\"total_output_tokens\": 800", with: "\"total_output_tokens\": 4000"),
        pages, "a.prom to b.prom: the server counted 800 output tokens, the results have 4000"
      ),
      (
        Self.result(ttft: 40), pages,
        "a.prom to b.prom: TTFT is 50.0 ms by the server's clock, 40.0 ms by the client's of `r.json`"
      ),
      (
        Self.result(clients: 3), log,
        "v.log: 4 requests run at once, the results have at most 3 in flight"
      ),
      (
        Self.result(requests: 80), log, "v.log: the engine wrote 800 tokens, the results have 1600"
      ),
      (
        Self.result().replacing("\"request_throughput\": 2", with: "\"request_throughput\": 5"),
        log,
        "v.log: the engine never wrote more than 60 tokens/s, `r.json` got 100 in the mean"
      ),
    ] {
      #expect(mistake([("r.json", result)] + others)?.message == message)
    }
  }

  /// Arrivals that no clock of nanoseconds holds.
  @Test func arrivalsThatAreNoRunAreRefused() {
    let lists = #""completed": 2, "input_lens": [7, 9], "output_lens": [3, 4], "mean_ttft_ms": 4"#
    let header = "prompt_tokens,output_tokens,queued_s,first_token_s,last_token_s\n"
    for (text, message) in [
      (
        "{\"request_rate\": 9.313225746154785e-10, \(lists)}",
        "f: requests come over 2147483648.0 s, a run has at most 100000000.0"
      ),
      (
        "{\"start_times\": [0, 1e18], \(lists)}",
        "f: requests come over 1e+18 s, a run has at most 100000000.0"
      ),
      (
        header + "9,3,1e10,1e10,1e10\n",
        "2: `queued_s` is 10000000000.0 s, at most 4000000000.0 are simulated"
      ),
    ] {
      #expect(mistake([("f", text)])?.message.hasSuffix(message) == true)
    }
  }

  /// Files that have no runs say what they are.
  @Test func otherFilesAreToldApart() {
    let starting = "INFO 01-01 00:00:00 gpu_executor.py:122] # GPU blocks: 865, # CPU blocks: 327\n"
    for (text, message) in [
      (
        starting,
        "f: the start of an engine's log: it says how large the KV cache is, and nothing of requests"
      ),
      (
        #"{"timestamp": 0, "input_length": 655, "output_length": 52, "hash_ids": [1, 2]}"#,
        "f: a trace (`mooncake`): what was asked, and not when it was answered"
      ),
      (
        #"{"timestamp": 0.5, "prompt_tokens": 256, "output_tokens": 64}"#,
        "f: a trace (`guidellm`): what was asked, and not when it was answered"
      ),
      ("a,b\n1,2\n", nil),
    ] {
      let found = mistake([("f", text)])?.message
      if let message {
        #expect(found == message)
      } else {
        #expect(found?.contains("no `completed`") == true)
      }
    }
  }

  /// The same of files that are taken for traces.
  @Test func logsAreNoTraces() throws {
    let files = try SmallFiles([
      "v.log": Self.vllmLog, "a.prom": Self.before, "r.json": Self.result(),
      "s.log":
        "[2025-07-22 10:00:00 TP0] KV Cache is allocated. #tokens: 367404, K size: 8.23 GB, V size: 8.23 GB\n",
    ])
    func message(_ name: String) -> String? {
      ServerFile.mistakenForTrace("\(files.path)/\(name)")?.message
    }
    for name in ["v.log", "s.log"] {
      #expect(
        message(name)
          == "\(name): an engine's log, not a trace: it does not say which requests came")
    }
    #expect(
      message("a.prom")
        == "a.prom: an engine's metrics, not a trace: they do not say which requests came")
    #expect(message("r.json") == nil)
  }

  /// Servers' own names of their models are kept, once each.
  @Test func modelsAreNamed() throws {
    let read = try inputs([
      (
        "r.json",
        Self.result().replacing("{\"completed\"", with: "{\"model_id\": \"n\", \"completed\"")
      ),
      ("a.prom", Self.before), ("b.prom", Self.after),
    ])
    #expect(
      read.models.map(\.name) == ["n", "m"] && read.models.map(\.file) == ["r.json", "a.prom"])
  }

  /// LLMServingSim's own `requests.jsonl`: readings of the engine's clock, a request a line.
  @Test func publishedRequestsAreRead() throws {
    let line =
      #"{"request_id": "bench-0", "input_toks": 9, "output_toks": 3, "queued_ts": 479748.5, "#
      + #""first_token_ts": 479749.0, "last_token_ts": 479750.0, "extra": [1]}"#
    let second = line.replacing("479748.5", with: "479748.0").replacing("bench-0", with: "bench, 1")
    let files = try SmallFiles(["r.jsonl": line + "\n\n" + second + "\r\n"])
    let replay = try RequestReplay(path: files.path + "/r.jsonl")
    #expect(replay.served.map(\.arrival) == [0, 0.5] && replay.served.map(\.first) == [1, 1])
    #expect(replay.requests.map(\.outputTokens) == [3, 3])
    let run = try inputs([("r.jsonl", line + "\n" + second)]).runs[0]
    #expect(run.measured[.ttft] == 0.75 && run.spans.count == 2)
    let broken = mistake([
      ("r.jsonl", line.replacing("\"input_toks\": 9", with: "\"input_toks\": -9"))
    ])
    #expect(
      broken?.message.hasSuffix(
        "r.jsonl:1: `input_toks` must be a number of at least 1, found `-9`") == true)
  }
}
