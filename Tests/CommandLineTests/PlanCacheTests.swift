import Foundation
import Testing

@testable import kvplan

/// `kvplan plan cache`: a trace by hand, tiers, and what is refused.
@Suite struct PlanCacheTests {
  /// Blocks of 16 tokens: a b c, a b, d, a b c. A cache of one block finds the second a only if it is the last used: the
  /// distance of a is 0 and of b 1 at the second request; 1, 2 and 3 (c) at the last, behind d.
  private let blocks = """
    arrival_s,prompt_tokens,output_tokens,block_hashes
    0,48,4,1 2 3
    1,32,4,1 2
    2,16,4,4
    10,48,4,1 2 3

    """

  private func cache(_ arguments: [String], input: String? = nil) throws -> Tool.Run {
    try Tool.run(["plan", "cache", "-"] + arguments, input: input ?? blocks)
  }

  @Test func curveByHand() throws {
    let run = try cache(["--capacity", "1,2,3,4", "--format", "csv"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.output == """
        blocks,tokens,lru_block_hit_ratio,lru_token_hit_ratio,lru_block_hit_ratio_half_interval,arc_block_hit_ratio,\
        optimal_block_hit_ratio
        1,16,0.1111111111111111,0.1111111111111111,,0.1111111111111111,0.2222222222222222
        2,32,0.3333333333333333,0.3333333333333333,,0.3333333333333333,0.4444444444444444
        3,48,0.4444444444444444,0.4444444444444444,,0.4444444444444444,0.5555555555555556
        4,64,0.5555555555555556,0.5555555555555556,,0.5555555555555556,0.5555555555555556

        """)
  }

  /// Opt-13b keeps 819,200 bytes a token, 13,107,200 a block; 0.5 GiB hold 40 blocks.
  @Test func tiersAndBreakEven() throws {
    let run = try cache([
      "--model", "opt-13b", "--device", "a100-40gb", "--kv-cache-memory-bytes", "26214400",
      "--max-model-len", "32", "--tier", "host:0.5:25:0.4", "--price", "a100-40gb=1.5", "--format",
      "json",
    ])
    #expect(run.status == 0, "\(run.errors)")
    let plan = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let tiers = try #require(plan["tiers"] as? [[String: Any]])
    #expect(tiers.map { $0["blocks"] as? Int } == [2, 40])
    // The pool of two blocks finds a b, then a; the tier finds b c of the last request.
    #expect(tiers.map { $0["tokens_found"] as? Int } == [48, 32])
    #expect(tiers[1]["cost_dollars_per_month"] as? Double == 0.2)
    #expect(plan["span_s"] as? Double == 10)
    let breakEven = try #require((plan["break_even"] as? [[String: Any]])?.first)
    #expect(breakEven["prompt_tokens"] as? Int == 48)
    #expect(breakEven["kv_bytes"] as? Double == 39_321_600.0)
    let seconds = try #require(breakEven["compute_s"] as? Double)
    let bandwidth = try #require(breakEven["bytes_per_second"] as? Double)
    #expect(abs(bandwidth * seconds - 48 * 819_200) < 1)
  }

  @Test(arguments: [
    (
      ["--tier", "host:512"],
      """
      error: `--tier` must be a name, GiB, GB/s and, if you like, $ per GiB and month, by colons, found `host:512`

      hint: write `--tier host:512:50:0.4`

      """
    ),
    (
      ["--tier", "host:1e300:50"],
      """
      error: tier `host` of `1e300` GiB is larger than an exbibyte

      hint: give GiB up to 1073741824

      """
    ),
    (
      ["--tier", "host:512:0"],
      """
      error: tier `host` has no bandwidth: `0` GB/s

      hint: give GB/s above 0: what lies there could never be restored

      """
    ),
    (
      ["--tier", "host:0.001:50", "--model", "opt-13b", "--device", "a100-40gb"],
      """
      error: tier `host` of 0.001 GiB holds no block: one of 16 tokens has 13107200 bytes

      hint: give it more GiB, or lower `--cache-block-size`

      """
    ),
    (
      ["--sample", "0.5", "--policy", "lru,arc"],
      """
      error: `--sample` estimates the curve of `lru`; `--policy arc` needs every block

      hint: leave out one of them

      """
    ),
    (
      ["--sample", "2"],
      """
      error: `--sample` must lie between 0 and 1, found `2.0`

      hint: leave it out to look at every block

      """
    ),
    (
      ["--capacity", "1,x"],
      "error: `--capacity` must be whole numbers of blocks by commas, found `1,x`\n"
    ),
  ])
  func mistakes(arguments: [String], message: String) throws {
    let run = try cache(arguments)
    #expect(run.status == 2)
    #expect(run.errors == message)
    #expect(run.output.isEmpty)
  }

  @Test func aTraceWithoutContentsIsRefused() throws {
    let run = try cache([], input: "arrival_s,prompt_tokens,output_tokens\n0,8,2\n")
    #expect(run.status == 2)
    #expect(
      run.errors == """
        error: `<stdin>` does not say what its prompts consist of: no cache finds anything in it

        hint: give a trace with `block_hashes`, `prefix_tokens` or `prompt_pieces`, or generate one with `kvplan trace generate` and `--turns`

        """)
  }

  @Test func aTierNeedsAModel() throws {
    let run = try cache(["--tier", "host:512:50"])
    #expect(run.status == 2)
    #expect(
      run.errors.hasPrefix("error: `--model` and `--device` are missing, and have no default\n"))
  }

  @Test func theAnswerIsWritten() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "kvplan-cache-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try cache(["--output", folder.path])
    #expect(run.status == 0, "\(run.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names == ["figure-1.svg", "plan.html", "plan.json", "simulations.csv"])
    #expect(
      run.output.hasPrefix(
        "<stdin>: 55.6 % of the prompt tokens were seen before, in 4 blocks of 16 tokens\n"))
  }
}
