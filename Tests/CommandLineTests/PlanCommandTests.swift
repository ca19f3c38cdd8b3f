import Foundation
import Testing

@testable import kvplan

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
        paper: [
          "simulate", "-", "--system", "vllm-v1", "--model", "opt-13b", "--device", "a100-80gb",
          "--request-rate", "\(rate)", "--format", "json",
        ], input: trace))
    for key in ["mean_ttft_ms", "p99_tpot_ms", "mean_e2el_ms", "output_throughput"] {
      #expect(planned[key] as? Double == simulated[key] as? Double, "\(key)")
    }
  }

  /// The SLO is on p95: so are tables, figures and files. Figures end near the answer.
  @Test func plansShowTheStatisticOfTheSLO() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/kvplan-plan-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let run = try Tool.run(
      [
        "plan", "capacity", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo",
        "ttft.p95<=1s, tpot.p95<=80ms", "--seeds", "2", "--output", folder,
      ], input: trace)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("req/s     TTFT    TTFT     TPOT    TPOT     E2E   meet"))
    #expect(run.output.contains("       mean ms  p95 ms  mean ms  p95 ms  mean s  all %"))
    #expect(!run.output.contains("p99"))
    let rows = try String(contentsOfFile: folder + "/simulations.csv", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(rows[0].suffix(2) == ["ttft.p95_ms", "tpot.p95_ms"])
    #expect(rows[0].contains("p95_e2el_ms") && rows[0].contains("p99_e2el_ms"))
    let titles = try (1...4).map { number in
      try String(contentsOfFile: folder + "/figure-\(number).svg", encoding: .utf8)
    }
    #expect(titles[0].contains("Time to first token, p95"))
    #expect(titles[1].contains("Time per output token, p95"))
    let plan = try #require(
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(filePath: folder + "/plan.json"))) as? [String: Any])
    let capacity = try #require((plan["capacity_by_seed"] as? [Double])?.first)
    // The axis of rates ends with the tick after a quarter more than the answer, not with the highest rate tried.
    let points = try #require(plan["simulations"] as? [[String: Any]])
    #expect(
      try #require(points.compactMap { $0["request_rate"] as? Double }.max()) > 1.3 * capacity)
    let ticks = titles[0].matches(of: /text-anchor="middle"[^>]*>([0-9.]+)</).compactMap {
      Double($0.1)
    }
    let (last, step) = (try #require(ticks.last), ticks[1] - ticks[0])
    #expect(last >= capacity && last < 1.25 * capacity + step)
  }

  /// Round robin gives every second request to each replica, long ones to the same: the plan names the fuller replica,
  /// and finds that another router raises the rate.
  @Test func theFullestReplicaIsNamedAndRoutersAreTried() throws {
    let uneven =
      "prompt_tokens,output_tokens\n"
      + (0..<200).map { $0 % 2 == 0 ? "60,10\n" : "600,120\n" }.joined()
    let arguments = [
      "plan", "capacity", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo",
      "ttft.p90<=1s, tpot.p90<=40ms", "--replicas", "2", "--router", "round-robin", "--seeds", "3",
    ]
    let run = try Tool.run(arguments, input: uneven)
    let text = run.output.replacing("\n", with: " ")
    #expect(text.contains("Of 2 replicas number 1 (a100-80gb) is the fullest: "), "\(text)")
    #expect(text.contains("the router least-outstanding"))
    let plan = try object(Tool.run(arguments + ["--format", "json"], input: uneven))
    let fullest = try #require(plan["limiting_replica"] as? [String: Any])
    #expect(fullest["replica"] as? Int == 1)
    #expect(try #require(fullest["imbalance"] as? Double) > 1.2)
    let levers = try #require(plan["levers"] as? [[String: Any]])
    #expect(levers.contains { ($0["flag"] as? String)?.hasPrefix("--router ") == true })
  }

  /// Every change has an interval, and none inside it is called one.
  @Test func noEffectIsFoundInsideItsInterval() throws {
    let plan = try object(capacity(["--seeds", "3", "--format", "json"]))
    let sensitivity = try #require(plan["sensitivity"] as? [[String: Any]])
    #expect(sensitivity.count == 4)
    for change in sensitivity {
      let effect = try #require(change["effect"] as? Double)
      let half = try #require(change["effect_ci95"] as? Double)
      #expect(half >= 0.02)
      #expect(change["effect_found"] as? Bool == (abs(effect) > half))
    }
    #expect(plan["at_the_edge"] as? Bool == false)
    let confirmation = try #require(plan["confirmation"] as? [String: Any])
    #expect(try #require(confirmation["held"] as? Int) >= 3)
  }

  @Test func capacityOfUnlikeReplicas() throws {
    let run = try capacity([
      "--seeds", "1", "--no-explain", "--replica", "count=2", "--replica",
      "device=h100-sxm,max-num-seqs=64",
    ])
    #expect(run.status == 0)
    #expect(run.output.hasPrefix("opt-13b on 2 × a100-80gb + 1 × h100-sxm sustains "))
    // 200 requests come in a second: too few for the first answer to stand.
    #expect(run.output.prefix { $0 != "\n" }.contains("; plan for "))
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

  /// One replica sustains the rate with the search's seed and with too few others: two are recommended; where there
  /// may be one only, the answer is at the edge and has a status of its own.
  @Test func aFleetIsRaisedUntilItHoldsOrIsAtTheEdge() throws {
    func fleet(_ gpus: String, _ format: String) throws -> Tool.Run {
      try Tool.run(
        [
          "plan", "fleet", "-", "--model", "opt-13b", "--devices", "a100-80gb", "--request-rate",
          "66", "--slo", slo, "--max-gpus", gpus, "--tensor-parallel-sizes", "1", "--format",
          format,
        ], input: trace)
    }
    let edge = try fleet("1", "table")
    #expect(edge.status == 3)
    #expect(edge.output.hasPrefix("opt-13b at 66.00 req/s: 1 × a100-80gb, at the edge\n"))
    let text = edge.output.replacing("\n", with: " ")
    #expect(text.contains("It is at the edge: the targets hold in "))
    let plan = try object(fleet("2", "json"))
    #expect(plan["at_the_edge"] as? Bool == false)
    let best = try #require(plan["recommendation"] as? [String: Any])
    #expect(best["deployment"] as? String == "2 × a100-80gb")
    let passed = try #require(plan["not_confirmed"] as? [[String: Any]])
    #expect(passed.map { $0["deployment"] as? String } == ["1 × a100-80gb"])
    let others = try #require(passed.first?["confirmation"] as? [String: Any])
    #expect(try #require(others["held"] as? Int) < 3)
    #expect((others["seeds"] as? [Int]) == [1, 2, 3, 4])
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
    let simulations = try #require(plan["simulations"] as? [[String: Any]])
    #expect(rows.split(separator: "\n").count == simulations.count + 1)
    // A run that ended early, because its targets were missed for certain, says no more than that.
    let results = simulations.compactMap { $0["result"] as? [String: Any] }
    let early = results.filter { $0["ended_early"] as? Bool == true }
    #expect(!early.isEmpty && early.count < results.count)
    #expect(early.allSatisfy { $0["sustained"] as? Bool == false && $0["summary"] == nil })
    #expect(results.count { $0["summary"] != nil } == results.count - early.count)
    // The names of deployments have a comma.
    let cells = rows.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(Set(cells.map(\.count)).count == 1)
    #expect(cells.count { $0[7] == "no" && $0[8...].allSatisfy(\.isEmpty) } == early.count)
    // The page has each size of a replica once, at its best settings.
    let page = try String(contentsOfFile: folder + "/plan.html", encoding: .utf8)
    let parts = page.components(separatedBy: "The smallest of each kind, at its best settings")
    let shown = try #require(parts.last?.components(separatedBy: "</table>").first)
    let sizes =
      simulations
      .filter { ($0["result"] as? [String: Any])?["sustained"] as? Bool == true }
      .map { "\($0["tensor_parallel_size"] ?? 0) \($0["device"] ?? "")" }
    #expect(parts.count == 2 && Set(sizes).count > 1)
    #expect(shown.components(separatedBy: "max-num-seqs=").count - 1 == Set(sizes).count)
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

  /// Rules that read what replicas report have targets of their own.
  @Test func autoscalersHaveTheirOwnTargets() throws {
    let line = [
      "plan", "scale", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo", slo,
      "--window", "100",
    ]
    func errors(_ more: String...) throws -> String {
      let run = try Tool.run(line + more, input: trace)
      #expect(run.status == 2)
      return run.errors
    }
    #expect(
      try errors("--autoscaler", "ray-serve", "--target-utilization", "0.7") == """
        error: `--target-utilization` is a share of a rate, and `--autoscaler ray-serve` aims at none

        hint: leave it out, or choose `patient`, `hpa`, `apa`, `knative`, `dynamo-sla`

        """)
    #expect(
      try errors("--autoscaler", "wva-v2", "--target-requests", "9") == """
        error: `--target-requests` is a number of requests at a time, and `--autoscaler wva-v2` aims at none

        hint: leave it out, or choose `ray-serve`, `keda-running`

        """)
    #expect(
      try errors("--autoscaler", "ray-serve", "--target-requests", "0") == """
        error: `--target-requests` must be from 0.01 to 1000000, found `0`

        """)
    let run = try Tool.run(
      line + ["--autoscaler", "keda-running", "--target-requests", "40", "--scale-down", "kill"],
      input: trace)
    #expect(run.status == 0)
    let text = run.output.replacing("\n", with: " ")
    #expect(
      text.contains(
        "The autoscaler decides every 15 s by what replicas report, gives a replica 40 requests at a time, waits 180 s "
          + "for a new one, and asks for requests that run"))
    #expect(
      text.contains("A replica that it lets go ends at once: 0 requests began again elsewhere."))
  }

  /// A sample would come at a lower rate, and need fewer replicas.
  @Test func scaleTakesNoSample() throws {
    let arguments = [
      "plan", "scale", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo", slo,
      "--num-prompts", "50",
    ]
    let run = try Tool.run(arguments, input: trace)
    #expect(run.status == 2)
    #expect(
      run.errors == """
        error: `plan scale` is about when requests come: 50 of the 200 rows of `<stdin>`, spread over it, would come at \
        a lower rate

        hint: cut a stretch with `kvplan trace slice --from-second`, or give `--first` for the first rows

        """)
    #expect(try Tool.run(arguments + ["--first"], input: trace).status == 0)
  }

  /// A plan of a long trace is about a part of it unless all is asked for; the mistake after it saves the simulations.
  @Test func aPlanOfALongTraceIsASample() throws {
    let long = "prompt_tokens,output_tokens\n" + String(repeating: "20,3\n", count: 60_001)
    let arguments = [
      "plan", "capacity", "-", "--model", "opt-13b", "--device", "a100-80gb", "--slo",
      "chat:ttft.p90<=1s",
    ]
    let run = try Tool.run(arguments, input: long)
    #expect(
      run.errors.hasPrefix(
        """
        warning: `<stdin>` has 60001 requests, of which a plan simulates 60000 unless told otherwise: `--num-prompts all` \
        takes all
        warning: `--num-prompts` 60000 takes a sample of 60000 of 60001 requests of `<stdin>`, spread over all of it and \
        drawn by seed 0; each stands for 1

        """))
    let all = try Tool.run(arguments + ["--num-prompts", "all"], input: long)
    #expect(all.errors.hasPrefix("error: `--slo` has targets of the class `chat`"))
    let fewer = try Tool.run(arguments + ["--num-prompts", "300"], input: long)
    #expect(
      fewer.errors.hasPrefix("warning: `--num-prompts` 300 takes a sample of 300 of 60001 requests")
    )
  }

  @Test func progressIsPutInWords() {
    let exact = ProgressLine.Goal(count: 60, unit: "windows", isExact: true)
    #expect(exact.text(done: 12, after: 10) == "12 of 60 windows, about 40 s left")
    #expect(exact.text(done: 0, after: 7.2) == "0 of 60 windows after 8 s")
    let about = ProgressLine.Goal(count: 60, unit: "simulations")
    #expect(about.text(done: 12, after: 10) == "12 of about 60 simulations, about 40 s left")
    #expect(about.text(done: 59, after: 118) == "59 of about 60 simulations, about 2 s left")
    // How many are left of what takes more than was expected is not known.
    #expect(about.text(done: 60, after: 90) == "60 simulations, 90 s so far")
    #expect(about.text(done: 80, after: 160) == "80 simulations, 3 min so far")
    let endless = ProgressLine.Goal(unit: "simulations after the 60 windows")
    #expect(endless.text(done: 0, after: 1) == "0 simulations after the 60 windows, 1 s so far")
    #expect(exact.text(done: 60, after: 10) == "60 of 60 windows, about 0 s left")
  }

  /// What a plan was made of is said with its assumptions.
  @Test func aPlanSaysWhatItsSampleStandsFor() throws {
    let run = try capacity([
      "--seeds", "1", "--no-explain", "--num-prompts", "50", "--format", "json",
    ])
    let assumptions = try #require(try object(run)["assumptions"] as? [String])
    #expect(
      assumptions.contains(
        "Requests: a sample of 50 of 200 requests of `<stdin>`, spread over all of it and drawn by seed 0; each stands "
          + "for 4."))
  }

  @Test(
    arguments: [
      (["--from-second", "5"], "a plan measures every request"),
      (["--max-concurrency", "5"], "a plan is about arrivals at a rate"),
      (["--replicas", "0"], "`--replicas` must be at least 1, found `0`"),
      (["--seeds", "0"], "`--seeds` must be from 1 to 1000, found `0`"),
      (["--tolerance", "1"], "`--tolerance` must be from 0.0001 to 0.99, found `1`"),
      (["--tolerance", "1e-300"], "`--tolerance` must be from 0.0001 to 0.99, found `1e-300`"),
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
