import Foundation
import Testing

/// `kvplan trace` as its users run it.
@Suite(.serialized) struct TraceCommandTests {
  private let temporary: TemporaryFolder
  private var folder: URL { temporary.url }

  init() throws { temporary = try TemporaryFolder() }

  private func file(_ name: String, _ text: String) throws -> String {
    let url = folder.appending(path: name)
    try Data(text.utf8).write(to: url)
    return url.path
  }

  private let mooncake = """
    {"timestamp": 0, "input_length": 1030, "output_length": 500, "hash_ids": [0, 1, 2]}
    {"timestamp": 2500, "input_length": 1500, "output_length": 52, "hash_ids": [0, 1, 3]}

    """

  /// A link stays a link, and what is no file is written into.
  @Test func writesWhereTheOutputLeads() throws {
    let trace = try file("t.csv", "prompt_tokens,output_tokens\n10,5\n")
    let target = try file("target.csv", "")
    let link = folder.appending(path: "link.csv").path
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    #expect(try Tool.run(["trace", "convert", trace, "--output", link]).status == 0)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
    #expect(try String(contentsOfFile: target, encoding: .utf8).hasSuffix("10,5\n"))
    let full = try Tool.run(["trace", "convert", trace, "--output", "/dev/full"])
    #expect(full.status == 2)
    #expect(full.errors.hasPrefix("error: cannot write `/dev/full`: no space left on device"))
    let attributes = try FileManager.default.attributesOfItem(atPath: "/dev/full")
    #expect(attributes[.type] as? FileAttributeType == .typeCharacterSpecial)
  }

  @Test func absurdCountsAreRefused() throws {
    let many = try file("many.csv", "prompt_tokens,output_tokens,n\n10,5,1000000000\n")
    let run = try Tool.run(paper: ["simulate", many, "--request-rate", "1"])
    #expect(run.status == 2)
    #expect(run.errors.contains("request 1 alone 1000000000"))
    let generated = try Tool.run([
      "trace", "generate", "--prompts", "fixed:5", "--outputs", "fixed:5", "--num-prompts",
      "99999999999999",
    ])
    #expect(generated.status == 2)
    #expect(
      generated.errors.hasPrefix("error: `--num-prompts` 99999999999999 takes about 10000000 GB"))
  }

  @Test func describesAsJSONUnderTheNamesOfTheIssue() throws {
    let run = try Tool.run([
      "trace", "describe", try file("m.jsonl", mooncake), "--format", "json", "--model", "opt-13b",
    ])
    #expect(run.status == 0)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(object["rows"] as? Int == 2)
    #expect(object["span_s"] as? Double == 2.5)
    #expect(object["rate_rps"] as? Double == 0.8)
    #expect(object["format"] as? String == "mooncake")
    #expect(object["prefix_sharing"] as? Double == 1024.0 / 2530)
    let prompts = try #require(object["prompt_tokens"] as? [String: Double])
    #expect(Set(prompts.keys) == ["mean", "p50", "p95", "p99", "max"])
    for key in ["interarrival_cv", "output_tokens", "rank_correlation", "dispersion_60s"] {
      #expect(object[key] != nil, "no \(key)")
    }
    let kv = try #require(object["kv"] as? [String: Any])
    // 40 layers, 5120 wide, keys and values of two bytes each.
    #expect(kv["bytes_per_token"] as? Int == 819_200)
  }

  /// Two traces in two classes, and the latencies of each.
  @Test func mixesClassesAndSaysTheirLatencies() throws {
    let chat = try file("chat.csv", "arrival_s,prompt_tokens,output_tokens\n0,10,5\n2,10,5\n")
    let code = try file("code.csv", "arrival_s,prompt_tokens,output_tokens\n1,900,3\n")
    let mixed = try Tool.run(["trace", "mix", "chat=\(chat)", "code=\(code)"])
    #expect(
      mixed.output == """
        arrival_s,prompt_tokens,output_tokens,class
        0,10,5,chat
        1,900,3,code
        2,10,5,chat

        """)
    let run = try Tool.run(paper: ["simulate", "-", "--format", "json"], input: mixed.output)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let classes = try #require(object["classes"] as? [[String: Any]])
    #expect(classes.map { $0["class"] as? String } == ["chat", "code"])
    #expect(classes.map { $0["completed"] as? Int } == [2, 1])
    #expect(classes.allSatisfy { $0["p99_ttft_ms"] is Double && $0["mean_e2el_ms"] is Double })
    #expect(object["attained"] == nil && object["fairness"] is Double)
    let table = try Tool.run(paper: ["simulate", "-"], input: mixed.output)
    #expect(table.output.contains("\nclass    "))
  }

  /// With targets results say who is in time: both chats, and no code, which has a microsecond.
  @Test func saysWhoIsInTime() throws {
    let trace = """
      arrival_s,prompt_tokens,output_tokens,class
      0,10,5,chat
      1,900,3,code
      2,10,5,chat

      """
    let words = [
      "simulate", "-", "--model", "llama-3.1-8b", "--device", "h100-sxm", "--class",
      "chat:ttft=1s,tpot=1s; code:ttft=0.001ms",
    ]
    let json = try Tool.run(words + ["--format", "json"], input: trace)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(object["attained"] as? Double == 2.0 / 3)
    let classes = try #require(object["classes"] as? [[String: Any]])
    #expect(classes.map { $0["attained"] as? Double } == [1, 0])
    let table = try Tool.run(words, input: trace).output
    #expect(table.contains("in time, %                   66.67\n"))
    #expect(table.contains("100.00\n") && table.contains("  0.00\n"))
  }

  /// The first clients' windows of a ServeGen folder become a trace at the rate asked for.
  @Test func generatesFromServeGen() throws {
    _ = try file("chunk-3-trace.csv", "0,2,1,Gamma,1,0.5\n600,0,0,,0,0\n")
    _ = try file(
      "chunk-3-dataset.json",
      #"{"0": {"input_tokens": "{50: 1.0}", "output_tokens": "{7: 1.0}"}}"#)
    let arguments = ["trace", "generate", "--servegen", folder.path, "--request-rate", "10"]
    let run = try Tool.run(arguments + ["--to-second", "100", "--class", "m"])
    #expect(run.status == 0)
    let rows = run.output.split(separator: "\n").dropFirst()
    #expect((900...1100).contains(rows.count))
    #expect(rows.allSatisfy { $0.hasSuffix(",50,7,m") })
    let endless = try Tool.run(arguments)
    #expect(endless.status == 64)
    #expect(endless.errors.contains("`--servegen` needs `--to-second`"))
  }

  @Test func tableAndCSVSayTheSame() throws {
    let trace = try file("m.jsonl", mooncake)
    let table = try Tool.run(["trace", "describe", trace])
    #expect(table.status == 0)
    #expect(
      table.output.split(separator: "\n").contains { line in
        line.hasPrefix("format ") && line.hasSuffix(" mooncake")
      })
    #expect(table.output.contains("prefix cache, blocks of 512 tokens"))
    #expect(table.output.contains("without bound"))
    let csv = try Tool.run(["trace", "describe", trace, "--format", "csv"])
    let lines = csv.output.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(lines.count == 2)
    #expect(lines[0].count == lines[1].count)
    #expect(lines[0].first == "rows" && lines[1].first == "2")
  }

  @Test func convertsThereAndBack() throws {
    let trace = try file("m.jsonl", mooncake)
    let csv = folder.appending(path: "m.csv").path
    #expect(try Tool.run(["trace", "convert", trace, "--output", csv]).status == 0)
    let back = try Tool.run(["trace", "convert", csv, "--to", "mooncake"])
    #expect(back.status == 0)
    #expect(back.output == mooncake)
  }

  @Test func cutsScalesMixesAndThins() throws {
    let trace = try file(
      "t.csv", "arrival_s,prompt_tokens,output_tokens\n0,1,2\n5,3,4\n10,5,6\n")
    let head = "arrival_s,prompt_tokens,output_tokens\n"
    func output(_ arguments: String...) throws -> String {
      let run = try Tool.run(["trace"] + arguments)
      #expect(run.status == 0, "\(arguments)")
      return run.output
    }
    #expect(try output("slice", trace, "--from-second", "4") == head + "1,3,4\n6,5,6\n")
    #expect(try output("slice", trace, "--to-row", "1") == head + "0,1,2\n")
    #expect(
      try output("scale", trace, "--rate", "2", "--prompts", "10")
        == head + "0,10,2\n2.5,30,4\n5,50,6\n")
    #expect(
      try output("mix", trace, trace)
        == head + "0,1,2\n0,1,2\n5,3,4\n5,3,4\n10,5,6\n10,5,6\n")
    #expect(try output("thin", trace, "--share", "1") == head + "0,1,2\n5,3,4\n10,5,6\n")
    #expect(try Tool.run(["trace", "slice", trace]).status == 64)
  }

  @Test func generatesTheSameBytesTwice() throws {
    let arguments = [
      "trace", "generate", "--prompts", "lognormal:80,0.5", "--outputs", "zipf:1,50",
      "--num-prompts", "50", "--request-rate", "2", "--arrivals", "gamma:2", "--turns", "3",
      "--system-prompts", "2", "--seed", "4",
    ]
    let run = try Tool.run(arguments)
    #expect(run.status == 0)
    #expect(run.output.split(separator: "\n").count == 51)
    let head = "arrival_s,prompt_tokens,output_tokens,session_id,prompt_pieces\n"
    #expect(run.output.hasPrefix(head))
    #expect(try Tool.run(arguments).output == run.output)
    #expect(try Tool.run(["trace", "generate"]).status == 64)
  }

  @Test func badRowsEndItOrAreSkipped() throws {
    let trace = try file("b.csv", "prompt_tokens,output_tokens\n1,2\nx,2\n")
    let refused = try Tool.run(["trace", "describe", trace])
    #expect(refused.status == 2)
    #expect(refused.errors.contains("b.csv:3:1: `prompt_tokens` must be a positive integer"))
    let skipped = try Tool.run(["trace", "describe", trace, "--skip-bad-rows"])
    #expect(skipped.status == 0)
    #expect(skipped.errors.contains("1 row is left out"))
  }
}
