import CostModel
import KVMemory
import Messages
import SimulationKernel
import Testing

@testable import Planning

/// The KV pool that a log states, in the words of vLLM's releases.
@Suite struct EngineLogTests {
  private static func cache(_ groups: [KVGroupKind]) -> KVCacheSpec {
    KVCacheSpec(
      pooling: groups.map {
        KVGroup(layers: 2, blockTokens: 16, blockBytes: 1 << 20, keeps: $0)
      }, countsNullBlock: groups.count > 1, cachesBlocks: true)
  }

  private func blocks(_ text: String) throws -> Int {
    try EngineLog(text, name: "vllm.log").blocks(of: Self.cache([.all])).blocks
  }

  @Test(arguments: [
    ("INFO 08-22 15:27:25 llm_engine.py:196] # GPU blocks: 865, # CPU blocks: 327", 865),
    ("INFO 05-21 18:17:06 [executor_base.py:112] # cuda blocks: 1394, # CPU blocks: 1820", 1394),
    ("INFO 02-13 15:01:40 kv_cache_utils.py:407] # GPU blocks: 33660\n", 33660),
    ("INFO [kv_cache_utils.py:1286] GPU KV cache size: 43,904 tokens\r\n", 2744),
    ("GPU KV cache size: 460,496 tokens, Maximum concurrency for 131,072 tokens: 3.51x", 28781),
    ("GPU KV cache size: 191,118 tokens", 11944),
    ("a\r\nGPU KV cache size: 1,600 tokens\r\nGPU KV cache size: 1,600 tokens\r\n", 100),
    (
      #"vllm:cache_config_info{block_size="16",num_gpu_blocks="7162",sliding_window="None"} 1.0"#,
      7162
    ),
    ("[2025-09-01 10:00:00] max_total_num_tokens=367404, chunked_prefill_size=8192", 22962),
    ("INFO [gpu_worker.py:298] Available KV cache memory: 2.50 GiB", 2560),
    ("start\nGPU KV cache size: 1,600 tokens\nmore\nGPU KV cache size: 1,600 tokens\n", 100),
  ])
  func theWordsOfEachRelease(_ line: String, _ wanted: Int) throws {
    #expect(try blocks(line) == wanted)
  }

  @Test func messages() {
    func message(_ text: String) -> String {
      do {
        return "\(try blocks(text)) blocks"
      } catch {
        return "\(error)"
      }
    }
    #expect(
      message("INFO starting\n# GPU blocks: many") == """
        error: vllm.log: no line says how large the KV cache is

        hint: vLLM writes `GPU KV cache size: 43,904 tokens` or `# GPU blocks: 2744` when it \
        starts; else give `--num-gpu-blocks-override`
        """)
    #expect(
      message("# GPU blocks: 10\n\nGPU KV cache size: 1,600 tokens") == """
        error: vllm.log:3: the KV cache has 1600 tokens, but 10 blocks in line 1

        hint: cut the log to one start of the engine, or give `--num-gpu-blocks-override`
        """)
    #expect(
      message("# GPU blocks: 0, # CPU blocks: 1024")
        == "error: vllm.log:1: a KV cache of 0 blocks holds no block of 16 tokens")
  }

  @Test func theSmallestRankCounts() throws {
    let text = "a\r\n# GPU blocks: 11\r\n# GPU blocks: 10\r\n"
    let pool = try EngineLog(text, name: "vllm.log").blocks(of: Self.cache([.all]))
    #expect(pool.blocks == 10)
    #expect(
      pool.warnings == [
        "vllm.log: ranks have KV caches of unlike size; the smallest counts, 10 blocks in line 3"
      ])
  }

  /// Tokens over several groups are those of whole sequences, and no blocks.
  @Test func severalGroupsAreCountedByBytes() throws {
    let groups = Self.cache([.all, .window(tokens: 64)])
    let tokens = "GPU KV cache size: 178,187 tokens"
    let both = try EngineLog("Available KV cache memory: 2.50 GiB\n" + tokens, name: "vllm.log")
      .blocks(of: groups)
    #expect(both.blocks == 2560)
    #expect(both.warnings == ["vllm.log: 2.5 GiB are rounded, so that blocks may be off by 6"])
    #expect(
      throws: UserError(
        "vllm.log:1: the tokens of a model with several KV groups are no blocks",
        hint:
          "give a log with `Available KV cache memory`, the metric `vllm:cache_config_info`, or "
          + "`--num-gpu-blocks-override`")
    ) { try EngineLog(tokens, name: "vllm.log").blocks(of: groups) }
  }
}
