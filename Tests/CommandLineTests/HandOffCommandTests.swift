import Foundation
import Testing

/// `kvplan simulate` with prefill and decode apart.
@Suite struct HandOffCommandTests {
  @Test func requestsAreHandedOff() throws {
    let folder = URL(filePath: NSTemporaryDirectory()).appending(
      path: "kvplan-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let trace = folder.appending(path: "trace.csv")
    let rows = (0..<40).map { "\(100 + 20 * $0),\(20 + 3 * $0)\n" }.joined()
    try Data(("prompt_tokens,output_tokens\n" + rows).utf8).write(to: trace)
    let output = folder.appending(path: "apart")
    let run = try Tool.run([
      "simulate", trace.path, "--model", "llama-3.1-8b", "--device", "h100-sxm",
      "--request-rate", "5", "--replica", "role=prefill,count=2", "--replica",
      "role=decode,tensor-parallel-size=2", "--kv-transfer-bandwidth", "50",
      "--kv-transfer-latency", "0.4", "--output", output.path, "--files", "summary,requests",
      "--format", "json",
    ])
    #expect(run.status == 0)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let handOffs = try #require(object["hand_offs"] as? [String: Any])
    #expect(handOffs["requests"] as? Int == object["completed"] as? Int)
    #expect(try #require(handOffs["mean_transfer_ms"] as? Double) > 0.4)
    let replicas = try #require(object["replicas"] as? [[String: Any]])
    #expect(replicas.map { $0["output_throughput"] as? Double == 0 } == [true, true, false])
    let csv = try String(contentsOf: output.appending(path: "handoffs.csv"), encoding: .utf8)
    let lines = csv.split(separator: "\n")
    #expect(
      lines[0]
        == "run,request,prefill_replica,decode_replica,kv_bytes,prefilled_s,transfer_start_s,"
        + "transfer_end_s,decode_scheduled_s")
    #expect(lines.count == 1 + (handOffs["requests"] as? Int ?? 0))
    #expect(lines.dropFirst().allSatisfy { $0.split(separator: ",")[3] == "2" })
  }

  @Test func whatPlansCannotBeAskedIsSaid() throws {
    func mistake(_ plan: String, _ arguments: String...) throws -> String {
      let run = try Tool.run(
        ["plan", plan, "trace.csv", "--model", "llama-3.1-8b", "--slo", "ttft.p99<=1s"] + arguments)
      #expect(run.status == 2 && run.output.isEmpty)
      return String(run.errors.prefix { $0 != "\n" })
    }
    #expect(
      try mistake("fleet", "--request-rate", "1", "--disaggregate", "1:1")
        == "error: `--disaggregate` has replicas that read keys and values of others: "
        + "`--kv-transfer-bandwidth` is missing")
    #expect(
      try mistake(
        "fleet", "--request-rate", "1", "--disaggregate", "1:0", "--kv-transfer-bandwidth", "50")
        == "error: `--disaggregate` must be `all`, or ratios of replicas that prefill to those that decode, "
        + "found `1:0`")
    #expect(
      try mistake("fleet", "--request-rate", "1", "--decode-tensor-parallel-sizes", "2")
        == "error: `--decode-tensor-parallel-sizes` is of fleets with prefill and decode apart, and none is "
        + "asked for")
    #expect(
      try mistake(
        "fleet", "--request-rate", "1", "--disaggregate", "1:1", "--kv-transfer-bandwidth", "50",
        "--decode-tensor-parallel-sizes", "2,x")
        == "error: `--decode-tensor-parallel-sizes` must be positive integers, found `x`")
    #expect(
      try mistake("capacity", "--device", "h100-sxm", "--what-if", "lose=1 replica")
        == "error: `--what-if lose=1 replica` is of `kvplan plan fleet`: one deployment that loses a replica "
        + "is another")
  }
}
