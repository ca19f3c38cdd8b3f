import Foundation
import Testing

@testable import kvplan

/// `kvplan plan` of sessions whose turns wait, and of fleets of two devices, as users type them.
@Suite(.serialized) struct PlanSessionsTests {
  /// Sixty sessions of three turns, in three rounds.
  private let trace =
    "arrival_s,prompt_tokens,output_tokens,session_id\n"
    + (0..<180).map { "\($0),\(60 + $0 % 3 * 40),\(20 + $0 % 3 * 10),\($0 % 60)\n" }.joined()

  private let slo = "ttft.p90<=1s, tpot.p90<=80ms"

  private func object(_ run: Tool.Run) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any], "\(run)")
  }

  private func capacity(_ arguments: [String]) throws -> Tool.Run {
    try Tool.run(
      ["plan", "capacity", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo", slo]
        + arguments, input: trace)
  }

  private func fleet(_ arguments: [String]) throws -> Tool.Run {
    try Tool.run(
      [
        "plan", "fleet", "-", "--model", "opt-13b", "--slo", slo, "--request-rate", "6",
        "--tensor-parallel-sizes", "1", "--max-gpus", "6",
      ] + arguments, input: trace)
  }

  /// The answer says what its rate counts, and what a simulation gives at that rate.
  @Test func capacityOfSessionsIsWhatSimulateSustains() throws {
    let arguments = ["--session-think-time", "0.5", "--seeds", "1", "--no-explain"]
    let run = try capacity(arguments)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.prefix { $0 != "\n" }.contains(" sessions/s"), "\(run.output)")
    #expect(!run.output.contains("req/s     TTFT"))
    let text = run.output.replacing("\n", with: " ")
    #expect(text.contains("A rate counts sessions that start, of 3.00 requests in the mean: "))
    #expect(
      text.contains(
        "Arrivals: 60 sessions start as a Poisson process, and each turn waits for the answer before and a think time; "
          + "180 requests of `<stdin>` a run, all of them measured."))
    #expect(text.contains("What a slower server sustains is not said: "))
    let plan = try object(capacity(arguments + ["--format", "json"]))
    #expect(plan["rate_counts"] as? String == "sessions" && plan["sessions"] as? Int == 60)
    #expect(plan["requests_per_session"] as? Double == 3)
    let rate = try #require(plan["capacity"] as? Double)
    let points = try #require(plan["simulations"] as? [[String: Any]])
    let best = try #require(
      points.last { $0["sustained"] as? Bool == true && $0["request_rate"] as? Double == rate })
    let planned = try #require(best["summary"] as? [String: Any])
    let simulated = try object(
      Tool.run(
        [
          "simulate", "-", "--system", "vllm-v1", "--model", "opt-13b", "--device", "a100-80gb",
          "--request-rate", "\(rate)", "--session-think-time", "0.5", "--format", "json",
        ], input: trace))
    for key in ["mean_ttft_ms", "p99_tpot_ms", "mean_e2el_ms", "output_throughput"] {
      #expect(planned[key] as? Double == simulated[key] as? Double, "\(key)")
    }
  }

  /// Without think times nothing is said of sessions.
  @Test func anOpenLoopSaysNothingOfSessions() throws {
    let plan = try object(capacity(["--seeds", "1", "--no-explain", "--format", "json"]))
    #expect(plan["rate_counts"] == nil && plan["sessions"] == nil)
  }

  @Test func aFleetForSessions() throws {
    let run = try fleet(["--devices", "a100-80gb", "--session-think-time", "0.5"])
    #expect(run.output.hasPrefix("opt-13b at 6.00 sessions/s: "), "\(run.output)\(run.errors)")
    #expect(
      run.output.replacing("\n", with: " ").contains("6.00 sessions/s are 18.00 req/s as long as"))
  }

  @Test func turnsThatWaitHaveNoWindows() throws {
    let run = try Tool.run(
      [
        "plan", "scale", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo", slo,
        "--session-think-time", "1",
      ], input: trace)
    #expect(run.status == 2)
    #expect(
      run.errors.hasPrefix(
        """
        error: `plan scale` cuts a trace into windows by when its requests come, and with `--session-think-time` turns come \
        when the answers before do

        hint: leave it out: every turn then comes when the trace says; `kvplan plan fleet --session-think-time` is for a \
        constant rate of sessions
        """), "\(run.errors)")
  }

  /// The cheapest of one device and of two, with what starts a replica of either.
  @Test func aMixedFleet() throws {
    func plan(_ more: [String]) throws -> [String: Any] {
      try object(
        Tool.run(
          [
            "plan", "fleet", "-", "--model", "opt-13b", "--slo", slo, "--request-rate", "350",
            "--tensor-parallel-sizes", "1", "--max-gpus", "4", "--devices",
            "a100-80gb,h100-sxm", "--session-think-time", "0.5", "--format", "json",
          ] + more, input: trace))
    }
    let (alone, plan) = (try plan([]), try plan(["--mixed"]))
    let best = try #require(plan["recommendation"] as? [String: Any])
    let before = try #require(alone["recommendation"] as? [String: Any])
    let (dollars, most) = (
      try #require(best["dollars_per_hour"] as? Double),
      try #require(before["dollars_per_hour"] as? Double)
    )
    #expect(dollars <= most)
    let points = try #require(plan["simulations"] as? [[String: Any]])
    let mixed = try #require(points.compactMap { $0["mixed"] as? [[String: Any]] }.first)
    #expect(Set(mixed.map { $0["device"] as? String }) == ["a100-80gb", "h100-sxm"])
    #expect(mixed.allSatisfy { ($0["command"] as? String)?.hasPrefix("vllm serve ") == true })
  }

  @Test(
    arguments: [
      (
        ["--devices", "a100-80gb", "--vary", "session-think-time=1,2"],
        """
        error: `--vary session-think-time` changes what the plan decides by itself

        hint: make a plan for each value, with `--session-think-time` where a plan has it
        """
      ),
      (
        ["--devices", "a100-80gb", "--mixed"],
        """
        error: `--mixed` is of fleets of two devices, and only `a100-80gb` is given

        hint: name more `--devices`, or leave `--mixed` out
        """
      ),
      (
        ["--devices", "a100-80gb,h100-sxm", "--mixed", "--objective", "latency"],
        """
        error: `--mixed` beside `--objective latency` is not searched: fleets of all shares of the GPUs would be simulated

        hint: choose `--objective cost`, `gpus` or `energy`
        """
      ),
      (
        [
          "--devices", "a100-80gb,h100-sxm", "--mixed", "--disaggregate", "1:1",
          "--kv-transfer-bandwidth", "50",
        ],
        """
        error: `--mixed` beside `--disaggregate` is not searched: devices are mixed in fleets whose replicas do both

        hint: make two plans, and compare their prices
        """
      ),
      (
        ["--devices", "a100-80gb,h100-sxm", "--mixed", "--what-if", "lose=1 replica"],
        """
        error: `--what-if lose=1 replica` beside `--mixed` is not simulated: which device is lost is not said

        hint: leave `--mixed` out; the answer names N+1 with one replica more of either device
        """
      ),
    ])
  func mistakes(arguments: [String], message: String) throws {
    let run = try fleet(arguments)
    #expect(run.status == 2)
    #expect(run.errors.hasPrefix(message), "\(run.errors)")
    #expect(run.output.isEmpty)
  }
}
