import SimulationKernel
import Testing

@testable import Planning

/// The KV pool that a log states, in the words of vLLM's releases.
@Suite struct EngineLogTests {
  private func blocks(_ text: String, blockSize: Int = 16) throws -> Int {
    try EngineLog.blocks(in: text, name: "vllm.log", blockSize: blockSize)
  }

  @Test(arguments: [
    ("INFO 08-22 15:27:25 llm_engine.py:196] # GPU blocks: 865, # CPU blocks: 327", 865),
    ("INFO 05-21 18:17:06 [executor_base.py:112] # cuda blocks: 1394, # CPU blocks: 1820", 1394),
    ("INFO 02-13 15:01:40 kv_cache_utils.py:407] # GPU blocks: 33660\n", 33660),
    ("INFO [kv_cache_utils.py:1286] GPU KV cache size: 43,904 tokens\r\n", 2744),
    ("GPU KV cache size: 460,496 tokens, Maximum concurrency for 131,072 tokens: 3.51x", 28781),
    ("GPU KV cache size: 191,118 tokens", 11944),
    ("a\r\nGPU KV cache size: 1,600 tokens\r\nGPU KV cache size: 1,600 tokens\r\n", 100),
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
      message("a\r\n# GPU blocks: 10\r\n# GPU blocks: 11\r\n").hasPrefix(
        "error: vllm.log:3: the KV cache has 11 blocks, but 10 blocks in line 2"))
    #expect(
      message("# GPU blocks: 0, # CPU blocks: 1024")
        == "error: vllm.log:1: a KV cache of 0 blocks holds no block of 16 tokens")
  }
}
