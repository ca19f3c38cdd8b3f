import Foundation
import Testing

/// `kvplan simulate` with replicas that fail.
@Suite struct FailureCommandTests {
  @Test func replicasFailAndReturn() throws {
    let folder = URL(filePath: NSTemporaryDirectory()).appending(
      path: "kvplan-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let trace = folder.appending(path: "trace.csv")
    let rows = (0..<40).map { "\(100 + 20 * $0),\(20 + 3 * $0)\n" }.joined()
    try Data(("prompt_tokens,output_tokens\n" + rows).utf8).write(to: trace)
    let output = folder.appending(path: "failing")
    let line = [
      "simulate", trace.path, "--model", "llama-3.1-8b", "--device", "h100-sxm",
      "--request-rate", "20", "--replicas", "2",
    ]
    let run = try Tool.run(
      line + [
        "--fail", "replica=1,at=1,for=0.5", "--output", output.path, "--files",
        "summary,requests", "--format", "json",
      ])
    #expect(run.status == 0)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(object["completed"] as? Int == 40)
    let failures = try #require(object["failures"] as? [[String: Any]])
    #expect(failures.map { $0["failures"] as? Int } == [0, 1])
    #expect(failures.map { $0["down_s"] as? Double } == [0, 0.5])
    #expect(try #require(failures[1]["retried_requests"] as? Int) > 0)
    let csv = try String(contentsOf: output.appending(path: "failures.csv"), encoding: .utf8)
    #expect(csv.hasPrefix("run,replica,failures,down_s,retried_requests,lost_tokens\n1,0,0,0"))
    let mistakes = [
      (["--mtbf", "60"], "`--mttr` is missing: failures are drawn by the means of both times"),
      (
        ["--fail", "replica=1,form=2"],
        "`--fail` must be a replica and seconds, found `form=2` in `replica=1,form=2`"
      ),
    ]
    for (flags, message) in mistakes {
      let refused = try Tool.run(line + flags)
      #expect(refused.status == 2 && refused.errors.contains("error: \(message)"))
    }
  }

  /// Where prefill and decode are apart, replicas are numbered in the order of the flags.
  @Test func replicasOfRolesFail() throws {
    let rows = (0..<40).map { "\(100 + 20 * $0),\(20 + 3 * $0)\n" }.joined()
    let run = try Tool.run(
      [
        "simulate", "-", "--model", "llama-3.1-8b", "--device", "h100-sxm", "--request-rate",
        "20", "--replica", "role=prefill,count=2", "--replica", "role=decode",
        "--kv-transfer-bandwidth", "50", "--fail", "replica=2,at=1,for=0.5", "--format", "json",
      ], input: "prompt_tokens,output_tokens\n" + rows)
    #expect(run.status == 0, "\(run.errors)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(object["completed"] as? Int == 40)
    let failures = try #require(object["failures"] as? [[String: Any]])
    #expect(failures.map { $0["failures"] as? Int } == [0, 0, 1])
    #expect(try #require(failures[2]["retried_requests"] as? Int) > 0)
    let handOffs = try #require(object["hand_offs"] as? [String: Any])
    #expect(handOffs["requests"] as? Int == 40)
  }

  @Test func replicasOfAnAutoscalerFail() throws {
    let line = [
      "plan", "scale", "-", "--model", "opt-13b", "--device", "a100-80gb", "--system", "vllm-v1",
      "--slo", "ttft.p90<=2s", "--window", "50", "--interval", "10", "--startup-time", "5",
      "--min-replicas", "2",
    ]
    let trace =
      "arrival_s,prompt_tokens,output_tokens\n" + (0..<200).map { "\($0),200,50\n" }.joined()
    let run = try Tool.run(line + ["--mtbf", "60", "--mttr", "5"], input: trace)
    #expect(run.status == 0, "\(run.errors)")
    let sentence = run.output.replacing("\n", with: " ")
    #expect(
      sentence.contains(
        "A replica runs 60 s in the mean until it fails, and is down for 5 s: under"))
    #expect(sentence.contains("What each window needs is without failures."))
    let refused = try Tool.run(line + ["--fail", "replica=1,at=60"], input: trace)
    #expect(refused.status == 2)
    #expect(
      refused.errors == """
        error: `--fail` names a replica, and `plan scale` is about how many there are

        hint: give `--mtbf` and `--mttr`: each replica then fails by chance

        """)
  }
}
