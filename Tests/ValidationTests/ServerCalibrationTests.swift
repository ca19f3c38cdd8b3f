import CostModel
import Foundation
import Messages
import Planning
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Validation

/// Servers of one's own: their results read, and residuals fitted to them.
@Suite struct ServerCalibrationTests {
  // MARK: Reading

  private func read(
    _ text: String, name: String = "runs.json", _ reading: ServerRunReading = .init()
  ) throws -> [ServerRun] {
    let files = try SmallFiles([name: text])
    do {
      return try reading.runs(path: "\(files.path)/\(name)")
    } catch var error as UserError {
      error.message = error.message.replacingOccurrences(of: files.path, with: "DIR")
      throw error
    }
  }

  /// A result of `vllm bench serve`: means of lengths where there are no others.
  @Test func benchResultsAreRead() throws {
    let run = try read(
      """
      {"backend": "vllm", "num_prompts": 4, "request_rate": "inf", "max_concurrency": 2, "completed": 4,
       "total_input_tokens": 400, "total_output_tokens": 80, "request_throughput": 2.5,
       "mean_ttft_ms": 40.0, "mean_tpot_ms": 8.0, "std_tpot_ms": NaN, "mean_e2el_ms": 200}
      """)[0]
    #expect(run.name == "runs.json" && run.load == "2 clients")
    #expect(run.requests.map(\.promptTokens) == [100, 100, 100, 100])
    #expect(run.requests.map(\.outputTokens) == [20, 20, 20, 20])
    #expect(run.measured == [.throughput: 2.5, .ttft: 0.04, .tpot: 0.008, .e2e: 0.2])
    // With its lists, lengths and arrivals are those of the run.
    let detailed = try read(
      """
      {"request_rate": 2.0, "max_concurrency": null, "completed": 2, "input_lens": [7, 9], "output_lens": [3, 4],
       "start_times": [100.5, 100.25], "mean_ttft_ms": 40.0}
      """)[0]
    #expect(detailed.requests.map(\.promptTokens) == [7, 9])
    #expect(detailed.arrivals == .recorded([0, 0.25]))
    #expect(detailed.measured == [.ttft: 0.04])
    let poisson = try read(
      """
      {"request_rate": Infinity, "completed": 3, "total_input_tokens": 30, "total_output_tokens": 30, "mean_ttft_ms": 1}
      {"request_rate": 5, "max_concurrency": 9, "completed": 3, "total_input_tokens": 30, "total_output_tokens": 30,\
       "mean_e2e_latency_ms": 7}
      """)
    #expect(poisson.map(\.name) == ["runs.json #1", "runs.json #2"])
    #expect(poisson.map(\.load) == ["3 clients", "5 req/s, at most 9 in flight"])
    #expect(poisson[1].measured == [.e2e: 0.007])
  }

  /// A run a row, with columns of any name; a number stands for itself.
  @Test func tablesAreReadByAMapping() throws {
    var reading = ServerRunReading()
    reading.evenArrivals = true
    reading.columns = [
      "request_rate": "rps", "completed": "n", "mean_input_tokens": "prompt",
      "mean_output_tokens": "64", "mean_ttft_s": "first",
    ]
    let runs = try read("rps,n,prompt,first\n4,8,200,0.05\n,3,100,0.5\n", name: "t.csv", reading)
    #expect(runs.map(\.name) == ["t.csv:2", "t.csv:3"])
    #expect(runs.map(\.arrivals) == [.constant(4), .clients])
    #expect(runs[0].requests.allSatisfy { $0.promptTokens == 200 && $0.outputTokens == 64 })
    #expect(runs.map { $0.measured[.ttft] } == [0.05, 0.5])
    #expect(try runs[0].trace(seed: 0).requests.map(\.arrival.seconds).prefix(3) == [0, 0.25, 0.5])
  }

  /// Reports with single requests: clients are as many as were served at once, and a part can be scored.
  @Test func singleRequestsAreRead() throws {
    func report(_ kind: String) -> String {
      """
      {"benchmarks": [{"config": {"strategy": {"type_": "\(kind)"}}, "requests": {"successful": [
        {"request_start_time": 100, "request_end_time": 101, "prompt_tokens": 10, "output_tokens": 11,
         "time_to_first_token_ms": 500},
        {"request_start_time": 100.5, "request_end_time": 103.5, "prompt_tokens": 20, "output_tokens": 21,
         "time_to_first_token_ms": 1000}]}}]}
      """
    }
    let open = try read(report("poisson"))[0]
    #expect(open.arrivals == .recorded([0, 0.5]) && open.clients == nil)
    #expect(open.measured[.ttft] == 0.75 && open.measured[.e2e] == 2)
    #expect(open.measured[.tpot] == (0.05 + 0.1) / 2 && open.measured[.throughput] == 2 / 3.5)
    #expect(try read(report("concurrent"))[0].load == "2 clients")
    let second = try open.scoring(1..<2)
    #expect(second.measured[.ttft] == 1 && second.requests.count == 2)
    let beyond = #expect(throws: UserError.self) { try open.scoring(1..<3) }
    #expect(beyond?.message == "`--requests` 1-3: `runs.json` has 2 requests")
    let aiPerf = try read(
      """
      {"metadata":{"request_start_ns":2000000000},"metrics":{"input_sequence_length":{"value":5},\
      "output_sequence_length":{"value":3},"time_to_first_token":{"value":50},"request_latency":{"value":250}}}
      """)[0]
    #expect(abs(try #require(aiPerf.measured[.ttft]) - 0.05) < 1e-9)
    #expect(aiPerf.requests.map(\.outputTokens) == [3])
  }

  /// What `kvplan` writes of its own runs is the result of a server.
  @Test func ownResultsAreRead() throws {
    let header =
      "run,request,status,arrival_s,prompt_tokens,output_tokens,sequences,first_scheduled_s,first_token_s,finish_s"
    let rows = ["1,0,completed,0.5,10,11,1,0.5,1,2", "1,1,completed,1.5,20,1,1,2,2.5,2.5"]
    let other = "2,0,completed,0,7,3,1,0,0.25,0.75"
    let runs = try read(
      ([header] + rows + [other]).joined(separator: "\n"), name: "requests.csv")
    #expect(runs.map(\.name) == ["requests.csv #1", "requests.csv #2"])
    #expect(runs[0].arrivals == .recorded([0, 1]) && runs[0].clients == nil)
    #expect(runs[0].requests.map(\.promptTokens) == [10, 20])
    #expect(runs[0].measured == [.ttft: 0.75, .e2e: 1.25, .tpot: 0.1, .throughput: 1])
    #expect(try runs[1].scoring(0..<1).measured[.tpot] == 0.25)
    func mistake(_ row: String) -> String? {
      #expect(throws: UserError.self) { try read(header + "\n" + row, name: "requests.csv") }?
        .message
    }
    #expect(
      mistake("1,0,rejected,0.5,10,11,1,,,")
        == "DIR/requests.csv:2: `status` is `rejected`: a run has to serve all of them")
    #expect(
      mistake("1,0,completed,0.5,10,11,4,0.5,1,2")
        == "DIR/requests.csv:2: a request of several sequences has no one time between tokens")
  }

  @Test(arguments: [
    (
      "{\"date\": \"today\"}",
      "runs.json: no result of a load generator: neither `completed` nor `num_prompts`"
    ),
    (
      "{\"completed\": 0, \"mean_ttft_ms\": 4}",
      "runs.json: 0 requests were completed: nothing was measured"
    ),
    (
      "{\"completed\": 3, \"mean_ttft_ms\": 4}",
      "runs.json: no token counts: neither `total_input_tokens` and `total_output_tokens` nor `input_lens` and `output_lens`"
    ),
    (
      "{\"completed\": 3, \"total_input_tokens\": 9, \"total_output_tokens\": 9}",
      "runs.json: nothing was measured: no `request_throughput`, `mean_ttft_ms`, `mean_tpot_ms`, `mean_e2el_ms`"
    ),
    (
      "{\"completed\": 3, \"max_concurrency\": Infinity, \"mean_ttft_ms\": 4}",
      "runs.json: `max_concurrency` must be a number from 1 on, found inf"
    ),
    (
      "{\"completed\": 1e30, \"total_input_tokens\": 1e31, \"total_output_tokens\": 1e31, \"mean_ttft_ms\": 4}",
      "runs.json: 1e+30 requests are too many"
    ),
    ("{\"completed\": 3}\n[4]\n", "DIR/runs.json:2: not a JSON object"),
    ("{\"benchmarks\": []}", "DIR/runs.json: no run of a server"),
  ])
  func mistakesAreNamed(_ text: String, _ message: String) {
    let error = #expect(throws: UserError.self) { try read(text) }
    #expect(error?.message == message)
  }

  // MARK: Fitting

  private static let scenario: Scenario = {
    var scenario = Scenario(
      system: .vllmV1, model: try! ModelCatalogue.find("llama-3.1-8b"),
      device: try! DeviceCatalogue.find("h100-sxm"))
    scenario.engineRelease = "0.11"
    return scenario
  }()

  /// Runs as a server would give them whose residuals are known.
  private func runs(
    _ clients: [Int], _ residuals: ServerProfile.Residuals, on scenario: Scenario = scenario
  ) throws -> [ServerRun] {
    var truth = scenario
    truth.engineOverheads = .server(profile(residuals))
    return try clients.map { count in
      var run = ServerRun(
        name: "c\(count)", arrivals: .clients, clients: count,
        requests: (0..<count * 2).map { _ in Request(promptTokens: 300, outputTokens: 16) },
        measured: [:])
      run.measured = try run.predicted(by: truth, prices: .own).values
      return run
    }
  }

  private func profile(
    _ residuals: ServerProfile.Residuals, prompts: ClosedRange<Double> = 100...400
  ) -> ServerProfile {
    ServerProfile(
      name: "truth", system: "vllm-v1", model: "llama-3.1-8b", device: "h100-sxm",
      residuals: residuals,
      seen: .init(promptTokens: prompts, outputTokens: 10...60, batchedRequests: 1...9),
      errors: [:], leftOutErrors: [:])
  }

  private static let residuals = ServerProfile.Residuals(
    iterationSeconds: 3e-3, sequenceSeconds: 60e-6, promptScale: 1.5, kernelScale: 1,
    answerSeconds: 25e-3)

  /// What made the runs is found from them, and predicts a run that it was not fitted to.
  @Test func residualsAreFoundAgain() throws {
    let runs = try runs([1, 4, 8, 16], Self.residuals)
    let calibration = ServerCalibration(
      Self.scenario, runs: [runs[0], runs[1], runs[3]], name: "s")
    let answer = try calibration.run()
    let found = answer.profile.residuals
    #expect(answer.fitted == [.iteration, .answer, .prompt, .sequence])
    #expect(abs(found.iterationSeconds - 3e-3) < 0.4e-3, "\(found)")
    #expect(abs(found.answerSeconds - 25e-3) < 2e-3, "\(found)")
    let errors = ServerCalibration.meanErrors(answer.after)
    #expect(errors.values.allSatisfy { $0 < 0.02 }, "\(errors)")
    let before = ServerCalibration.meanErrors(answer.before)
    #expect(try #require(before["mean_ttft_ms"]) > 0.3)
    #expect(answer.leftOut.count == 3)
    var fitted = Self.scenario
    fitted.engineOverheads = .server(answer.profile)
    let held = try ServerCalibration.predictions([runs[2]], by: fitted, prices: .own)
    #expect(ServerCalibration.meanErrors(held).values.allSatisfy { $0 < 0.03 })
    #expect(answer.profile.seen.promptTokens == 300...300)
    // Some 16 of 1,024 sequences were seen.
    #expect(answer.nextClients.map { (40...64).contains($0) } == true)
  }

  /// A device without a profile has the scale of its kernels fitted; one run tells no sequence apart.
  @Test func unmeasuredDevicesAreScaled() throws {
    var scenario = Self.scenario
    scenario.device = try DeviceCatalogue.find("a10")
    scenario.maxModelLength = 4096
    var truth = ServerProfile.Residuals(scenario.releaseOverheads)
    truth.kernelScale = 1.4
    let answer = try ServerCalibration(
      scenario, runs: try runs([16], truth, on: scenario), name: "s"
    ).run()
    #expect(answer.fitted == [.kernels, .iteration, .answer])
    #expect(answer.leftOut.isEmpty)
    #expect(abs(answer.profile.residuals.kernelScale - 1.4) < 0.15)
  }

  /// A processor has its arithmetic fitted, and the time of a sequence, which its roofline lacks, from three runs of a small model.
  @Test func processorsAreScaledWithTheirSequences() throws {
    var scenario = Scenario(
      system: .vllmV1, model: ModelCatalogue.toys[0],
      device: DeviceSpec(
        name: "my-cpu", memoryBytes: 8 << 30, architecture: .cpu, memoryBandwidth: 20e9,
        tensorRate: 100e9, multiprocessors: 1, cacheBytes: 32e6, pcieBandwidth: 10e9, tdpWatts: 100
      ))
    scenario.deviceBlocksOverride = 1024
    #expect(scenario.releaseOverheads == .none)
    let truth = ServerProfile.Residuals(
      iterationSeconds: 0.4e-3, sequenceSeconds: 80e-6, promptScale: 1.8, kernelScale: 1.2,
      answerSeconds: 0)
    let runs = try runs([1, 4, 8, 16], truth, on: scenario)
    let answer = try ServerCalibration(
      scenario, runs: [runs[0], runs[1], runs[3]], name: "s"
    ).run()
    #expect(answer.fitted == [.kernels, .iteration, .answer, .prompt, .sequence])
    scenario.engineOverheads = .server(answer.profile)
    let held = try ServerCalibration.predictions([runs[2]], by: scenario, prices: .own)
    let errors = ServerCalibration.meanErrors(held)
    #expect(errors.values.allSatisfy { $0 < 0.05 }, "\(errors) \(answer.profile.residuals)")
  }

  /// An answer takes its time once: TTFT and end-to-end latency grow by it, TPOT does not, and clients wait.
  @Test func answersTakeTheirTimeOnce() throws {
    var none = Self.residuals
    none.answerSeconds = 0
    let (with, without) = (try runs([4], Self.residuals)[0], try runs([4], none)[0])
    func difference(_ quantity: ServerRun.Quantity) -> Double {
      (with.measured[quantity] ?? 0) - (without.measured[quantity] ?? 0)
    }
    #expect(abs(difference(.e2e) - 0.025) < 2e-3)
    #expect(abs(difference(.tpot)) < 0.1e-3)
    #expect(difference(.throughput) < 0)
  }

  /// Seconds that no clock can add up.
  @Test func aResidualBeyondAnHourIsRefused() throws {
    var residuals = Self.residuals
    residuals.iterationSeconds = 2_147_483_648
    let files = try SmallFiles([
      "p.json": String(decoding: profile(residuals).file, as: UTF8.self)
    ])
    let mistake = #expect(throws: UserError.self) {
      try ServerProfile.read(path: files.path + "/p.json")
    }
    #expect(
      mistake?.message.hasPrefix(
        files.path + "/p.json: a residual is above 3600, seconds or times: [2147483648.0, ") == true
    )
  }

  /// A profile is read as it was written, and used for what it was not fitted to only with a word, or not at all.
  @Test func profilesKnowTheirReach() throws {
    let profile = profile(Self.residuals)
    let files = try SmallFiles(["p.json": String(decoding: profile.file, as: UTF8.self)])
    #expect(try ServerProfile.read(path: files.path + "/p.json") == profile)
    var scenario = Self.scenario
    scenario.engineOverheads = .server(profile)
    scenario.requestRate = 1
    func run(_ prompt: Int32) throws -> Simulation {
      try Simulation.run(
        scenario,
        trace: Trace(
          name: "t", requests: (0..<3).map { _ in Request(promptTokens: prompt, outputTokens: 20) },
          hasArrivals: false))
    }
    #expect(try run(800).warnings.allSatisfy { !$0.contains("server profile") })
    let beyond = #expect(throws: UserError.self) { try run(801) }
    #expect(
      beyond?.message
        == "the prompts of `t` have 801 tokens in the mean; the server profile `truth` rests on 100 to 400, "
        + "and says nothing beyond 2 times that")
    // 40 at once are more than twice the 9 that were seen, 3 are not.
    scenario.requestRate = .infinity
    let crowd = try Simulation.run(
      scenario,
      trace: Trace(
        name: "t",
        requests: (0..<40).map { _ in Request(promptTokens: 300, outputTokens: 20) },
        hasArrivals: false))
    #expect(
      crowd.warnings.contains {
        $0.hasSuffix(" requests in the mean; the server profile `truth` rests on up to 9")
      })
    scenario.requestRate = 1
    scenario.model = try ModelCatalogue.find("qwen3-8b")
    #expect(
      try run(300).warnings.contains(
        "the server profile `truth` was fitted with the model `llama-3.1-8b`, not `qwen3-8b`"))
    let broken = try SmallFiles(["p.json": "{}"])
    let error = #expect(throws: UserError.self) {
      try ServerProfile.read(path: broken.path + "/p.json")
    }
    #expect(error?.hint == "`kvplan calibrate server` makes them")
  }
}
