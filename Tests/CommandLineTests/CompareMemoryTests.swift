import Foundation
import Testing

@testable import kvplan

/// `kvplan compare --memory`: from the command line to the numbers, and what is refused.
@Suite struct CompareMemoryTests {
  private let requests = """
    prompt_tokens,output_tokens
    1000,2
    3000,3

    """

  private func compare(_ arguments: [String]) throws -> Tool.Run {
    try Tool.run(
      ["compare", "-", "--model", "gemma-3-4b", "--device", "h100-sxm"] + arguments,
      input: requests)
  }

  /// Two prompts in a pool of a gigabyte, both whole in the first iteration; then two iterations for the longer answer.
  @Test func oneTraceThroughTwoManagers() throws {
    let run = try compare([
      "--memory", "paged,jenga", "--kv-cache-memory-bytes", "1000000000", "--max-model-len", "8192",
      "--format", "json",
    ])
    #expect(run.status == 0, "\(run.errors)")
    let answer = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(answer["pool_bytes"] as? Int == 1_000_000_000)
    let managers = try #require(answer["managers"] as? [[String: Any]])
    #expect(managers.map { $0["name"] as? String } == ["paged", "jenga"])
    #expect(managers.map { $0["served"] as? Int } == [2, 2])
    #expect(managers.map { $0["iterations"] as? Int } == [3, 3])
    #expect(managers.map { $0["output_tokens"] as? Int } == [5, 5])
    #expect(managers[0]["note"] as? String == "windows are kept whole")
    // 4,000 tokens of 139,264 bytes by the pool.
    let share = try #require(managers[0]["kv_token_state"] as? Double)
    #expect(abs(share - 4000 * 139_264 / 1e9) < 1e-12)
  }

  @Test func whatIsRefused() throws {
    let engine = try compare(["--memory", "all", "--swap-space", "4"])
    #expect(engine.status == 2)
    #expect(
      engine.errors == """
        error: `--swap-space` belongs to an engine: `--memory` serves every manager with one scheduler

        hint: leave it out, or compare `--systems`

        """)
    let systems = try compare(["--memory", "all", "--systems", "vllm-v1"])
    #expect(
      systems.errors == """
        error: `--systems` has no place beside `--memory`, which compares managers on one replica

        hint: leave out one of them

        """)
    let cap = try compare(["--kv-cap", "100"])
    #expect(
      cap.errors == """
        error: `--kv-cap` belongs to managers of KV memory

        hint: add `--memory all`, or leave it out

        """)
  }
}
