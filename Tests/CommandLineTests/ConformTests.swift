import Foundation
import Testing

/// `kvplan conform` as its users run it, on the goldens of the repository.
@Suite struct ConformTests {
  private static let goldens = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Goldens").path

  private let temporary: TemporaryFolder
  private var folder: URL { temporary.url }

  init() throws { temporary = try TemporaryFolder() }

  /// The golden of the SOSP'23 artifact, changed.
  private func golden(_ change: (inout [String]) -> Void) throws -> String {
    let text = try String(
      contentsOfFile: Self.goldens + "/sosp23-youngest.jsonl", encoding: .utf8)
    var lines = text.split(separator: "\n").map(String.init)
    change(&lines)
    return try file("golden.jsonl", Data(lines.joined(separator: "\n").utf8))
  }

  private func file(_ name: String, _ data: Data) throws -> String {
    let url = folder.appending(path: name)
    try data.write(to: url)
    return url.path
  }

  private func expectRefusal(
    _ path: String, _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try Tool.run(["conform", path])
    #expect(run.status == 2, sourceLocation: sourceLocation)
    #expect(run.errors == "error: " + message + "\n", sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
  }

  @Test func replaysAFolder() throws {
    let run = try Tool.run(["conform", Self.goldens])
    #expect(run.status == 0)
    #expect(
      run.output == """
        PASS a24-swa-async 56 steps
        PASS b01-ngram-tiny 9 steps
        PASS b10-spec-pad 16 steps
        PASS b11-spec-budget-split 18 steps
        PASS b14-mamba-spec 32 steps
        PASS b15-eagle-drop-swa 15 steps
        PASS c01-async-tiny 7 steps
        PASS c02-async-preempt-stale 81 steps
        PASS c04-async-spec 11 steps
        PASS e01-lora 18 steps
        PASS e03-priority-ties 62 steps
        PASS d03-offload-arc 42 steps
        PASS d11-offload-swa 31 steps
        PASS p05-load-reservation 43 steps
        PASS p06-load-failure 10 steps
        PASS a03-swa-junction-pin 14 steps
        PASS a06-gemma-5to1 16 steps
        PASS a10-chunked-local 52 steps
        PASS a17-mamba-align 42 steps
        PASS a18-mamba-align-ckpt 40 steps
        PASS a26-block-sizes-32-16 74 steps
        PASS full_mamba_align64 400 steps
        PASS sg-01-tiny-prefix-share 12 steps
        PASS sg-02-radix-split-evict-locks 29 steps
        PASS sg-03-page16 56 steps
        PASS sg-05-lpm-inbatch 20 steps
        PASS sg-07-dfs-weight 30 steps
        PASS sg-08-chunked 17 steps
        PASS sg-09-mixed-page16 14 steps
        PASS sg-11-max-prefill-no-chunk 10 steps
        PASS sg-13-ratio-retract 45 steps
        PASS sg-15-ignore-eos 182 steps
        PASS sg-17-priority 39 steps
        PASS sg-20-nocache-chunk 42 steps
        PASS sg-21-overlap-tiny 64 steps
        PASS sg-22-lof 31 steps
        PASS sg-29-waves-page64 732 steps
        PASS sg-38-priority-kv-preempt 83 steps
        PASS sg-39-random-2-23851 57 steps
        PASS sg-49-random-1-103 129 steps
        PASS tiny_astra_beam 11 steps
        PASS tiny_astra_n2_swap 12 steps
        PASS tiny_astra_recompute 12 steps
        PASS tiny_orca_power2 32 steps
        PASS 0.2.0/01-tiny-recompute 13 steps
        PASS 0.2.0/02-tiny-cow-n2 5 steps
        PASS 0.2.7/03-tiny-swap-n2 15 steps
        PASS 0.2.7/04-watermark 43 steps
        PASS 0.2.7/11-quirk-refcount-leak 26 steps
        PASS 01-tiny-preempt 10 steps
        PASS 02-tiny-prefix-share 8 steps
        PASS 03-tiny-full-hit-last-token 9 steps
        PASS 04-chunked-prefill 37 steps
        PASS 12-preempt-resume-own-cache 26 steps
        PASS 18-no-chunked-prefill 20 steps
        PASS split 7 steps
        PASS sizing-four 4 configurations
        PASS youngest 5 steps
        PASS 0.2.7/tiny 2 steps
        PASS pair 4 steps
        60 of 60 pass

        """)
  }

  @Test func takesPatterns() throws {
    let run = try Tool.run(["conform", Self.goldens + "/recorded/sglang/sg-0[12]*"])
    #expect(run.status == 0)
    #expect(
      run.output == """
        PASS sg-01-tiny-prefix-share 12 steps
        PASS sg-02-radix-split-evict-locks 29 steps
        2 of 2 pass

        """)
    let none = try Tool.run(["conform", "no-such-golden-*"])
    #expect(none.status == 2 && none.errors.contains("no-such-golden-*"))
  }

  @Test func saysWhereAGoldenDiverges() throws {
    let path = try golden { $0[4] = $0[4].replacing(#""free":2"#, with: #""free":3"#) }
    let run = try Tool.run(["conform", path])
    #expect(run.status == 1)
    #expect(
      run.output == """
        DIVERGES youngest step 1: free expected 3, got 2
        0 of 1 pass

        """)
  }

  @Test func printsJSON() throws {
    let path = try golden { $0[4] = $0[4].replacing(#""free":2"#, with: #""free":3"#) }
    let run = try Tool.run([
      "conform", Self.goldens + "/sosp23-youngest.jsonl", path, "--format", "json",
    ])
    #expect(run.status == 1)
    #expect(
      run.output == """
        {
          "run": {
            "schema": 1,
            "version": "0.1.0",
            "command": "conform",
            "paths": [
              "\(Self.goldens)/sosp23-youngest.jsonl",
              "\(path)"
            ]
          },
          "cases": [
            {
              "case": "youngest",
              "passes": true,
              "steps": 5
            },
            {
              "case": "youngest",
              "passes": false,
              "steps": 1,
              "step": 1,
              "field": "free",
              "expected": "3",
              "got": "2"
            }
          ],
          "passed": 1,
          "total": 2
        }

        """)
  }

  @Test func refusesWhatItCannotRead() throws {
    try expectRefusal("none.jsonl", "cannot read golden `none.jsonl`: no such file")
    var path = try file("words.jsonl", Data("so long\n".utf8))
    try expectRefusal(path, "\(path):1: not a JSON object (is the file cut off?)")
    path = try file("empty.jsonl", Data())
    try expectRefusal(path, "\(path): the file is empty")
    path = try golden { $0[4] = $0[4].replacing(#""tok""#, with: #""mood":1,"tok""#) }
    try expectRefusal(path, "\(path):5: unknown field `mood` in a `step` record")
    path = try golden { $0.swapAt(4, 5) }
    try expectRefusal(path, "\(path):5: step 2 out of order, expected 1")
    path = try golden { $0.removeLast() }
    try expectRefusal(path, "\(path):8: the golden ends without an `end` record")
    path = try golden { $0[0] = #"{"type":"header","case":"x"}"# }
    try expectRefusal(path, "\(path):1: not a golden of a known engine")
  }

  /// Two thirds of a gzip file of one line.
  @Test func refusesTruncatedGzip() throws {
    let bytes = try #require(
      Data(
        base64Encoded:
          "H4sIAAAAAAACA6tWKqksSFWyUspITUxJLVLSUUrLL8pNLAGKlOXk5Oqm5+ekpObpGwIlShKL"
          + "0lPBEgZAXnI="))
    let path = try file("cut.jsonl.gz", bytes)
    try expectRefusal(path, "\(path):1: the gzip data ends early")
  }
}
