import CostModel
import Foundation
import Messages
import Testing

@testable import Planning
@testable import Validation

/// Start-up logs of engines, read and answered.
@Suite struct KVLogTests {
  static let header =
    "row,engine,engine_version,model,gpu,gpu_memory_gib,tp,quantization,kv_cache_dtype,"
    + "gpu_memory_utilization,max_model_len,max_num_batched_tokens,max_num_seqs,block_size,"
    + "available_kv_gib,gpu_blocks\n"

  private func read(_ rows: String) throws -> [KVBudgetLog] {
    let files = try SmallFiles(["logs.csv": Self.header + rows])
    do {
      return try KVBudgetLog.read(path: files.path + "/logs.csv")
    } catch var error as UserError {
      error.message = error.message.replacingOccurrences(of: files.path, with: "DIR")
      throw error
    }
  }

  private let llama = "86,vllm,0.11.0,Llama-3.1-8B,H100 80GB,79.18,1,none,auto,0.9,16000,,,16.0,"

  /// Blocks are as good as bytes: 2 MiB of Llama-3.1-8B each.
  @Test func bytesAndBlocksAreTheSame() throws {
    let (predictions, unanswered) = KVLogPrediction.predict(
      try read(llama + "51.38,\n" + llama + ",26306\n"))
    #expect(unanswered.isEmpty)
    #expect(predictions.map(\.loggedGiB) == [51.38, Double(26306) / 512])
    #expect(predictions[0].predictedGiB == predictions[1].predictedGiB)
    #expect(predictions.map(\.isScored) == [true, true])
    // 79.18 GiB × 0.9 less 15 GiB of weights, and what else there is.
    #expect((50..<56.3).contains(predictions[0].predictedGiB), "\(predictions[0].predictedGiB)")
  }

  /// The engine's own defaults on that GPU and in that release.
  @Test(arguments: [
    ("0.11.0", "H100 80GB", "79.18", 8192, 1024), ("0.11.0", "A100 80GB", "79.15", 2048, 256),
    ("0.6.4", "H100 80GB", "79.18", 8192, 256), ("0.28.0", "B200", "178", 16_384, 1024),
    ("0.27.0", "B200", "178", 8192, 1024), ("0.11.0", "L40S 48GB", "44.99", 2048, 256),
  ])
  func batchesAreThoseOfTheServer(
    _ version: String, _ gpu: String, _ gibibytes: String, _ tokens: Int, _ sequences: Int
  ) throws {
    let log = try read(
      "1,vllm,\(version),Llama-3.1-8B,\(gpu),\(gibibytes),1,none,auto,0.9,8192,,,16,40,\n")[0]
    let scenario = try log.scenario(of: try ModelCatalogue.find("llama-3.1-8b"))
    let limits = try scenario.iterationLimits()
    #expect((limits.tokens, limits.sequences) == (tokens, sequences))
  }

  /// A row that rests on a guess is answered and not scored; one that lacks a fact is named.
  @Test func whatIsMissingIsNamed() throws {
    let (predictions, unanswered) = KVLogPrediction.predict(
      try read(
        """
        a,vllm,0.11.0,Llama-3.1-8B,H200 (inferred),139.8,1,none,auto,0.9,,,,16,100,
        b,sglang,0.4.9,Llama-3.1-8B,H200,139.8,1,none,auto,0.9,,,,1,100,
        c,vllm,2026-08,Llama-3.1-8B,H200,139.8,1,none,auto,0.9,,,,16,100,
        d,vllm,0.11.0,Llama-3.1-8B,H200,139.8,1,none,auto,"not stated, perhaps .9",,,,16,100,
        e,vllm,0.11.0,No-Such-8B,H200,139.8,1,none,auto,0.9,,,,16,100,
        f,vllm,0.11.0,Llama-3.1-8B,some card,139.8,1,none,auto,0.9,,,,16,100,
        g,vllm,0.11.0,Llama-3.1-8B,H200,139.8,1,exl3,auto,0.9,,,,16,100,
        h,vllm,0.11.0,Llama-3.1-8B,H200,139.8,1,none,auto,0.9,,,,16,,
        i,vllm,0.11.0,Llama-3.1-8B,H200,139.8,1,none,auto,default .9,,,,16,100,

        """))
    #expect(predictions.map(\.log.id) == ["a", "i"])
    #expect(predictions.map(\.isScored) == [false, false])
    #expect(
      unanswered.map(\.reason) == [
        "`sglang` is not simulated", "no release of the engine in `2026-08`",
        "the utilization is not known", "unknown model `No-Such-8B`", "unknown device `some card`",
        "weights stored as `exl3` are not known",
        "the row has neither GiB for the KV cache nor blocks",
      ])
  }

  /// A name with a remark; a utilization that its own lines contradict; tokens where there is nothing else.
  @Test func remarksAreRead() throws {
    let columns =
      Self.header.dropLast()
      + ",weights_gib,activation_peak_gib,non_torch_gib,kv_tokens,note,source\n"
    let files = try SmallFiles([
      "logs.csv": columns + """
        a,vllm,0.11.0,Llama-3.1-8B (fine-tune),H100 80GB,79.18,1,none,auto,0.9,16000,,,16,51.38,,14.99,4.76,0.13,,,o/a:x@1
        b,vllm,0.11.0,Llama-3.1-8B,H100 80GB,79.18,1,none,auto,0.8,16000,,,16,51.38,,14.99,4.76,0.13,,,o/a:y@1
        c,vllm,0.11.0,Llama-3.1-8B,H100 80GB,79.18,1,none,auto,not stated,16000,,,16,,,,,,421000,,o/b:x@1
        d,vllm,0.11.0,Llama-3.1-8B,H100 80GB,79.18,1,none,auto,0.9,16000,,,16,,,,,,421000,decode context parallel 8,o/b

        """
    ])
    let logs = try KVBudgetLog.read(path: files.path + "/logs.csv")
    #expect(logs.map(\.source) == ["o/a", "o/a", "o/b", "o/b"])
    let (predictions, unanswered) = KVLogPrediction.predict(logs)
    #expect(predictions.map(\.log.id) == ["a", "c"])
    #expect(predictions.map(\.isScored) == [true, false])
    #expect(predictions[1].loggedGiB == Double(421_000 * 131_072) / Double(1 << 30))
    #expect(
      unanswered.map(\.reason) == [
        "its lines 14.99 + 4.76 + 0.13 + 51.38 GiB are 0.9 of 79.18 GiB, not 0.8",
        "the row has neither GiB for the KV cache nor blocks",
      ])
    // Without its source no log says what is not PyTorch's, of which there are 0.13 GiB.
    let fitted = VLLMMemory.Constants(fittedOn: logs)
    #expect(fitted.contextSince09 == Int((0.13 * Double(1 << 30)).rounded()))
    #expect(
      VLLMMemory.Constants(fittedOn: []).contextSince09
        == VLLMMemory.Constants.fromLogs.contextSince09)
  }

  @Test func mistakesAreNamedByFileAndLine() {
    let share = #expect(throws: UserError.self) {
      try read("1,vllm,0.11.0,Llama-3.1-8B,H200,139.8,1,none,auto,1.9,,,,16,100,\n")
    }
    #expect(
      share?.message
        == "DIR/logs.csv:2: `gpu_memory_utilization` must lie in (0, 1], found `1.9`")
    #expect(throws: UserError.self) {
      try read("1,vllm,0.11.0,Llama-3.1-8B,H200,139.8,0,none,auto,0.9,,,,16,100,\n")
    }
  }

  @Test(arguments: [
    ("0.6.4 (by date)", 0, 6), ("0.10.2/0.11", 0, 10), ("0.7.x/0.8 V0", 0, 7), ("0.11.x", 0, 11),
    ("1.2", 1, 2), ("0.8 V0 (Unsloth)", 0, 7),
  ])
  func releasesAreRead(_ version: String, _ major: Int, _ minor: Int) throws {
    let log = try read("1,vllm,\(version),m,g,,1,none,auto,0.9,,,,16,100,\n")[0]
    #expect(log.release?.major == major && log.release?.minor == minor)
  }
}
