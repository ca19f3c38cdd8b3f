import Foundation
import Testing

/// `kvplan plan`, as its users type it.
@Suite(.serialized) struct PlanCommandTests {
  /// Two hundred requests of three lengths.
  private let trace =
    "arrival_s,prompt_tokens,output_tokens\n"
    + (0..<200).map { "\($0),\(60 + $0 % 3 * 40),\(20 + $0 % 3 * 10)\n" }.joined()

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

  /// What JSON says is what a simulation at that rate gives.
  @Test func capacityIsWhatSimulateSustains() throws {
    let run = try capacity(["--seeds", "1", "--no-explain", "--format", "json"])
    #expect(run.status == 0)
    let plan = try object(run)
    let rate = try #require(plan["capacity"] as? Double)
    #expect(rate > 1)
    let points = try #require(plan["simulations"] as? [[String: Any]])
    let best = try #require(
      points.last { $0["sustained"] as? Bool == true && $0["request_rate"] as? Double == rate })
    let planned = try #require(best["summary"] as? [String: Any])
    let simulated = try object(
      Tool.run(
        [
          "simulate", "-", "--system", "vllm-v1", "--model", "opt-13b", "--device", "a100-80gb",
          "--request-rate", "\(rate)", "--format", "json",
        ], input: trace))
    for key in ["mean_ttft_ms", "p99_tpot_ms", "mean_e2el_ms", "output_throughput"] {
      #expect(planned[key] as? Double == simulated[key] as? Double, "\(key)")
    }
  }

  @Test func capacityOfUnlikeReplicas() throws {
    let run = try capacity([
      "--seeds", "1", "--no-explain", "--replica", "count=2", "--replica",
      "device=h100-sxm,max-num-seqs=64",
    ])
    #expect(run.status == 0)
    #expect(run.output.hasPrefix("opt-13b on 2 × a100-80gb + 1 × h100-sxm sustains "))
    let same = try capacity([
      "--seeds", "1", "--no-explain", "--replica", "count=2", "--replica",
      "device=h100-sxm,max-num-seqs=64",
    ])
    #expect(same.output == run.output)
  }

  @Test func noRateIsSustained() throws {
    let run = try Tool.run(
      [
        "plan", "capacity", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo",
        "ttft.p50<=1ms", "--seeds", "1", "--no-explain",
      ], input: trace)
    #expect(run.status == 1)
    #expect(run.output.hasPrefix("opt-13b on 1 × a100-80gb sustains 0.00 req/s"))
    #expect(run.output.contains("ttft.p50<=1ms: "))
  }

  @Test func fleetRecommendsAndWritesFiles() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/kvplan-plan-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let run = try Tool.run(
      [
        "plan", "fleet", "-", "--model", "opt-13b", "--devices", "a100-80gb,l4", "--request-rate",
        "10", "--slo", slo, "--max-gpus", "8", "--tensor-parallel-sizes", "1,2", "--vary",
        "max-num-seqs=16,64", "--format", "json", "--output", folder,
      ], input: trace)
    #expect(run.status == 0)
    let plan = try object(run)
    let best = try #require(plan["recommendation"] as? [String: Any])
    #expect((best["deployment"] as? String)?.contains(", max-num-seqs=") == true)
    let command = try #require(plan["command"] as? String)
    #expect(command.hasPrefix("vllm serve facebook/opt-13b --tensor-parallel-size "))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    let figures = (1...5).map { "figure-\($0).svg" }
    #expect(files == figures + ["plan.html", "plan.json", "simulations.csv"])
    let memory = try #require(plan["kv_memory"] as? [String: Any])
    let lines = try #require(memory["lines"] as? [[String: Any]])
    let bytes = lines.compactMap { $0["bytes"] as? Int }
    #expect(bytes.count == lines.count && bytes.dropLast().reduce(0, +) == bytes.last)
    let alternatives = try #require(plan["alternatives"] as? [[String: Any]])
    #expect(
      alternatives.map { $0["change"] as? String } == [
        "kernels 10 % slower", "kernels 10 % faster", "outputs 10 % longer", "outputs 10 % shorter",
      ])
    let assumptions = try #require(plan["assumptions"] as? [String])
    #expect(assumptions.contains { $0.hasPrefix("Prices: a100-80gb, calibrated: ") })
    let rows = try String(contentsOfFile: folder + "/simulations.csv", encoding: .utf8)
    let simulations = try #require(plan["simulations"] as? [Any])
    #expect(rows.split(separator: "\n").count == simulations.count + 1)
  }

  @Test(arguments: [
    (
      ["--headroom", "20"],
      "error: `--headroom 20` would be 2000.0 %\n\nhint: write `20%`, or a share up to 1"
    ),
    (
      ["--tensor-parallel-size", "2"],
      "error: `--tensor-parallel-size` is for one deployment\n\nhint: give `--tensor-parallel-sizes 2`"
    ),
  ])
  func whatAFleetDoesNotTakeIsRefused(_ arguments: [String], _ message: String) throws {
    let run = try Tool.run(
      ["plan", "fleet", "-", "--model", "opt-13b", "--request-rate", "1", "--slo", slo] + arguments,
      input: trace)
    #expect(run.status == 2)
    #expect(run.errors.trimmingCharacters(in: .whitespacesAndNewlines) == message)
  }

  /// A request that is turned away counts as never answered, and the plan says so.
  @Test func requestsThatCannotBeServedAreCounted() throws {
    let run = try capacity(["--seeds", "1", "--no-explain", "--max-model-len", "100"])
    #expect(run.status == 1)
    let text = run.output.replacing("\n", with: " ")
    #expect(
      text.contains("133 of 200 requests can never be served (the longest sequence has 100 tokens"))
  }

  @Test func noFleetFits() throws {
    let run = try Tool.run(
      [
        "plan", "fleet", "-", "--model", "opt-66b", "--devices", "l4", "--request-rate", "1",
        "--slo", slo, "--tensor-parallel-sizes", "1,2",
      ], input: trace)
    #expect(run.status == 1)
    #expect(
      run.output.hasPrefix("No deployment of opt-66b within 64 GPUs sustains 1.00 req/s\n"))
    #expect(run.output.contains("the model does not fit: weights need 131."))
  }

  /// Of `rag` there are no requests after the first 300 s; one replica serves everything.
  @Test func aClassAbsentFromAWindowAsksForNothing() throws {
    let day =
      "arrival_s,prompt_tokens,output_tokens,class\n"
      + (0..<200).map { "\($0 * 3),200,50,\($0 < 100 && $0 % 3 == 0 ? "rag" : "chat")\n" }.joined()
    func scale(_ format: String) throws -> Tool.Run {
      try Tool.run(
        [
          "plan", "scale", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo",
          "chat:ttft.p95<=2s, rag:ttft.p95<=3s", "--window", "300", "--startup-time", "60",
          "--format", format,
        ], input: day)
    }
    let run = try scale("table")
    #expect(run.status == 0)
    #expect(run.output.hasPrefix("opt-13b on 1 × a100-80gb: 1 to 1 replicas over the trace\n"))
    #expect(
      run.output.contains(
        "   300       100   0.34       1           1  rag:ttft.p95\n"), "\(run.output)")
    let windows = try #require(try object(scale("json"))["windows"] as? [[String: Any]])
    #expect(windows.map { $0["vacuous_targets"] as? [String] } == [[], ["rag:ttft.p95"]])
  }

  @Test func scaleNeedsArrivals() throws {
    let run = try Tool.run(
      [
        "plan", "scale", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo", slo,
        "--window", "50", "--interval", "10", "--startup-time", "5",
      ], input: trace)
    #expect(run.status == 0)
    #expect(run.output.hasPrefix("opt-13b on 1 × a100-80gb: 1 to 1 replicas over the trace\n"))
    let none = try Tool.run(
      [
        "plan", "scale", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo", slo,
      ], input: "prompt_tokens,output_tokens\n50,6\n")
    #expect(none.status == 2)
    #expect(none.errors.contains("has no arrival times, so that nothing changes over time"))
  }

  @Test(
    arguments: [
      (["--from-second", "5"], "a plan measures every request"),
      (["--max-concurrency", "5"], "a plan is about arrivals at a rate"),
      (["--replicas", "0"], "`--replicas` must be at least 1, found `0`"),
      (["--seeds", "0"], "`--seeds` must be at least 1, found `0`"),
      (["--tolerance", "1"], "`--tolerance` must lie in (0, 1), found `1.0`"),
      (["--price", "h100"], "`--price` must be a device, `=` and dollars per hour, found `h100`"),
      (["--replica", "cuont=2"], "unknown setting `cuont`"),
      (
        ["--replica", "count=2", "--replicas", "3"],
        "`--replicas` and `--replica` both say how many replicas there are"
      ),
      (
        ["--replica", "block-size=8", "--replica", "block-size=16", "--router", "prefix-aware"],
        "the replicas have block sizes 8 and 16, and `--router prefix-aware` compares what their blocks"
      ),
    ])
  func mistakes(arguments: [String], message: String) throws {
    let run = try capacity(arguments)
    #expect(run.status == 2)
    #expect(run.errors.contains(message), "\(run.errors)")
    #expect(run.output.isEmpty)
  }

  @Test func classesOfTargetsMustExist() throws {
    let run = try Tool.run(
      [
        "plan", "capacity", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo",
        "chat:ttft.p90<=1s",
      ], input: trace)
    #expect(run.status == 2)
    #expect(
      run.errors.contains(
        "`--slo` has targets of the class `chat`, which `<stdin>` does not have"))
  }
}
