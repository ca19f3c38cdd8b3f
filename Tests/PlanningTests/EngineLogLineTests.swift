import CostModel
import KVMemory
import Messages
import Serving
import SimulationKernel
import Testing

@testable import Planning

/// The table of lines, each in the words of a log or of the code that writes it.
@Suite struct EngineLogLineTests {
  private typealias Quantity = EngineLogLine.Quantity
  private static let gib = Double(1 << 30)

  /// Of vLLM 0.33 (public log of Llama-3.1-8B on a card of 79.25 GiB).
  static let newest = """
    (EngineCore pid=326) INFO 10-06 17:00:11 [model_runner.py:407] Model loading took 15.0 GiB memory and 5.420225 seconds
    (EngineCore pid=326) INFO 10-06 17:00:33 [gpu_worker.py:692] Available KV cache memory: 56.21 GiB
    (EngineCore pid=326) INFO 10-06 17:00:33 [kv_cache_utils.py:2464] GPU KV cache size: 460,496 tokens, Maximum concurrency for 131,072 tokens per request: 3.51x
    (EngineCore pid=326) INFO 10-06 17:00:41 [gpu_worker.py:955] Free memory on device (78.84/79.25 GiB) on startup. Desired GPU memory utilization is (0.92, 72.91 GiB). Actual usage is 15.26 GiB for consumed memory (weights + non-torch), 1.44 GiB for peak activation, and 0.23 GiB for CUDAGraph memory. Current kv cache memory in use is 56.21 GiB.
    """

  private func stated(_ text: String) throws -> [String: Double] {
    let log = try EngineLog(text, name: "vllm.log")
    let known = Quantity.allCases.compactMap { quantity in
      log[quantity].map { ("\(quantity)", $0.least) }
    }
    return Dictionary(uniqueKeysWithValues: known)
  }

  @Test func vLLM33() throws {
    #expect(
      try stated(Self.newest) == [
        "deviceMemory": 79.25 * Self.gib, "usable": 72.91 * Self.gib, "weights": 15 * Self.gib,
        "weightsAndOther": 15.26 * Self.gib, "peak": 1.44 * Self.gib, "cache": 56.21 * Self.gib,
        "tokens": 460_496, "modelLength": 131_072, "concurrency": 3.51,
      ])
  }

  @Test func vLLM08OfTheEngineBefore() throws {
    let text = """
      INFO 06-26 17:45:59 [model_runner.py:1202] Model loading took 0.6951 GiB and 0.204926 seconds
      INFO 06-26 17:46:00 [worker.py:291] the current vLLM instance can use total_gpu_memory (23.65GiB) x gpu_memory_utilization (0.40) = 9.46GiB
      INFO 06-26 17:46:00 [worker.py:291] model weights take 0.70GiB; non_torch_memory takes 0.07GiB; PyTorch activation peak memory takes 1.12GiB; the rest of the memory reserved for KV Cache is 7.57GiB.
      INFO 06-26 17:46:00 [executor_base.py:112] # cuda blocks: 41366, # CPU blocks: 21845
      INFO 06-26 17:46:00 [executor_base.py:117] Maximum concurrency for 32768 tokens per request: 20.20x
      """
    #expect(
      try stated(text) == [
        "deviceMemory": 23.65 * Self.gib, "usable": 9.46 * Self.gib, "weights": 0.6951 * Self.gib,
        "other": 0.07 * Self.gib, "peak": 1.12 * Self.gib, "cache": 7.57 * Self.gib,
        "blocks": 41366, "modelLength": 32768, "concurrency": 20.2,
      ])
  }

  @Test func vLLM06() throws {
    let text = """
      INFO 12-06 14:55:15 model_runner.py:1077] Loading model weights took 0.2389 GB
      INFO 12-06 14:55:15 worker.py:232] Memory profiling results: total_gpu_memory=7.92GiB initial_memory_usage=0.37GiB peak_torch_memory=0.71GiB memory_usage_post_profile=0.39GiB non_torch_memory=0.15GiB kv_cache_size=6.27GiB gpu_memory_utilization=0.90
      INFO 12-06 14:55:15 gpu_executor.py:113] # GPU blocks: 11422, # CPU blocks: 7281
      INFO 12-06 14:55:19 model_runner.py:1400] Graph capturing finished in 2 secs, took 0.11 GiB
      """
    #expect(
      try stated(text) == [
        "deviceMemory": 7.92 * Self.gib, "weights": 0.2389 * Self.gib,
        "weightsAndPeak": 0.71 * Self.gib, "other": 0.15 * Self.gib, "cache": 6.27 * Self.gib,
        "blocks": 11422, "graphs": 0.11 * Self.gib,
      ])
  }

  @Test func vLLM10And23() throws {
    let text = """
      (Worker_TP2 pid=4) INFO 08-20 17:28:00 [gpu_model_runner.py:6806] Estimated CUDA graph memory: 4.99 GiB total
      (Worker_TP2 pid=4) INFO 08-20 17:28:08 [gpu_worker.py:857] Free memory on device (181.84/184.31 GiB) on startup. Desired GPU memory utilization is (0.92, 169.56 GiB). Actual usage is 106.69 GiB for weight, 6.31 GiB for peak activation, 0.95 GiB for non-torch memory, and 4.13 GiB for CUDAGraph memory.
      """
    #expect(
      try stated(text) == [
        "deviceMemory": 184.31 * Self.gib, "usable": 169.56 * Self.gib,
        "weights": 106.69 * Self.gib, "peak": 6.31 * Self.gib, "other": 0.95 * Self.gib,
        "graphsEstimated": 4.99 * Self.gib,
      ])
  }

  @Test func sglang() throws {
    let text = """
      [2025-12-29 18:33:03 TP0] Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, avail mem=16.00 GB, mem usage=7.08 GB.
      [2025-12-29 18:33:03 TP0] KV Cache is allocated. #tokens: 298447, K size: 5.69 GB, V size: 5.69 GB
      [2025-12-29 18:33:05 TP0] max_total_num_tokens=298447, chunked_prefill_size=2048, max_prefill_tokens=16384, max_running_requests=3730, context_len=40960, available_gpu_mem=2.82 GB
      """
    #expect(
      try stated(text) == [
        "weights": 7.08 * Self.gib, "cache": 11.38 * Self.gib, "tokens": 298_447,
        "modelLength": 40960,
      ])
    #expect(try EngineLog(text, name: "x").engine == "SGLang")
  }

  @Test func numbersAreReadAsTheyStand() {
    func number(_ text: String) -> EngineLogLine.Number? {
      EngineLogLine(.cache, .vLLM, "", "at ", ahead: " GiB").number(in: Substring(text).utf8)
    }
    #expect(number("at 1,234.50 GiB") == .init(value: 1234.5, rounding: 0.005))
    #expect(number("at -0.12 GiB") == .init(value: -0.12, rounding: 0.005))
    #expect(number("at 7 GiB") == .init(value: 7, rounding: 0))
    for wrong in [
      "at 7 GB", "at GiB", "at  GiB", "at 1.2.3 GiB", "at 1234567890123456789 GiB", "7 GiB",
    ] {
      #expect(number(wrong) == nil, "\(wrong)")
    }
  }

  private func message(_ text: String) -> String {
    do {
      let log = try EngineLog(text, name: "engine.log")
      return "\(log[.tokens].map { "\($0.least)" } ?? "none")"
    } catch { return "\(error)" }
  }

  @Test func otherEnginesAreNamed() {
    let hint =
      "\n\nhint: logs of vLLM and SGLang are read; `kvplan simulate` takes the tokens of any pool, divided by "
      + "`--block-size`, as `--num-gpu-blocks-override`"
    #expect(
      message(
        "start\n[TensorRT-LLM][INFO] [MemUsageChange] Allocated 26.91 GiB for max tokens in paged KV cache (220480)."
      ) == "error: engine.log:2: a log of TensorRT-LLM, whose memory is not known here" + hint)
    #expect(
      message("llama_kv_cache:      CUDA0 KV buffer size =  4096.00 MiB")
        == "error: engine.log:1: a log of llama.cpp, whose memory is not known here" + hint)
  }

  @Test func startsOfUnlikeLengthContradict() {
    let line = "Maximum concurrency for 8,192 tokens per request: 5.00x\n"
    #expect(
      message(line + line + "Maximum concurrency for 32,768 tokens per request: 1.25x\n") == """
        error: engine.log:1: the longest sequence has 8192 tokens, but 32768 in line 3

        hint: cut the log to one start of the engine
        """)
  }

  @Test func aPoolThatFailedHoldsNothing() throws {
    let log = try EngineLog("Available KV cache memory: -0.12 GiB", name: "engine.log")
    let cache = KVCacheSpec(
      pooling: [KVGroup(layers: 2, blockTokens: 16, blockBytes: 1 << 20, keeps: .all)],
      countsNullBlock: false, cachesBlocks: true)
    #expect(
      throws: UserError(
        "engine.log:1: a KV cache of -0.12 GiB holds no block of 16 tokens")
    ) { try log.blocks(of: cache) }
  }

  /// Whatever is in a log, it is read or refused; what is read of it is finite.
  @Test func garbledLogsDoNoHarm() {
    let cache = KVCacheSpec(
      pooling: [KVGroup(layers: 2, blockTokens: 16, blockBytes: 1 << 20, keeps: .all)],
      countsNullBlock: false, cachesBlocks: true)
    let lines = (Self.newest + "\n# GPU blocks: 865, # CPU blocks: 327").split(separator: "\n")
    var random = RandomStream(seed: 1, label: "garbled logs")
    var readable = 0
    for _ in 0..<3000 {
      var bytes: [UInt8] = []
      for _ in 0..<(1 + random.below(4)) {
        bytes += Array(lines[random.below(lines.count)].utf8) + [10]
      }
      for _ in 0..<random.below(12) {
        let at = random.below(bytes.count)
        switch random.below(3) {
        case 0: bytes[at] = UInt8(random.below(256))
        case 1: bytes.insert(UInt8(ascii: "9"), at: at)
        default: if bytes.count > 1 { bytes.remove(at: at) }
        }
      }
      guard let log = try? EngineLog(String(decoding: bytes, as: UTF8.self), name: "x") else {
        continue
      }
      readable += 1
      for quantity in Quantity.allCases {
        guard let stated = log[quantity] else { continue }
        #expect(stated.least.isFinite && stated.most.isFinite && stated.least <= stated.most)
        #expect(stated.leastLine >= 1 && stated.rounding >= 0)
      }
      if let pool = try? log.blocks(of: cache) { #expect(pool.blocks > 0) }
    }
    #expect(readable > 1000)
  }
}
