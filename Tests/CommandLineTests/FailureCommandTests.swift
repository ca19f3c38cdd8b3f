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
}
