import Foundation
import Messages
import Testing

@testable import Validation

/// Measured points whose workers prefill and decode apart.
@Suite struct SplitPointsTests {
  private static let header =
    "row_id,model,system,backend,backend_version,gemm_quant_mode,prefill_num_workers,prefill_tp_size,"
    + "prefill_pp_size,prefill_attention_dp_size,prefill_moe_ep_size,decode_num_workers,decode_tp_size,"
    + "decode_pp_size,decode_attention_dp_size,decode_moe_ep_size,decode_batch_size,isl,osl,concurrency,"
    + "ttft_ms,tpot_ms,source_group\n"

  private func row(
    _ id: String, prefill: String = "2,1,1,1,1", decode: String = "1,2,1,1,1", batch: Int = 4,
    clients: String = "8"
  ) -> String {
    "\(id),meta-llama/Llama-3.1-8B,h100_sxm,sglang,,,\(prefill),\(decode),\(batch),512,16,\(clients),"
      + "50,8,db_dump\n"
  }

  private func read(_ rows: String) throws -> [ServingPoint] {
    let files = try SmallFiles(["points.csv": Self.header + rows])
    return try ServingPoint.read(path: files.path + "/points.csv").points
  }

  /// Four prefill ranks of two workers and six decode ranks of three share what two of them stand for.
  @Test func anEqualShareIsSimulated() throws {
    let points = try read(row("a", prefill: "2,1,1,2,1", decode: "3,1,1,2,2", clients: "9"))
    let split = try #require(points.first?.split)
    #expect(split.prefill.ranks == 4 && split.decode.ranks == 6 && split.shares == 2)
    #expect(points[0].dataParallel == 2 && points[0].expertParallel == 2)
  }

  /// A row without a number of clients is left out; those behind it stay fitted or held out as they were.
  @Test func unknownClientsAreLeftOut() throws {
    let rows =
      row("a") + row("b", prefill: "1,1,1,1,1", clients: "") + row("c", decode: "3,1,1,2,1")
    let files = try SmallFiles(["points.csv": Self.header + rows])
    let (points, warnings) = try ServingPoint.read(path: files.path + "/points.csv")
    #expect(points.map(\.id) == ["a", "c"] && points.map(\.isHeldOut) == [false, false])
    #expect(
      warnings.map { $0.replacingOccurrences(of: files.path, with: "DIR") } == [
        "DIR/points.csv: `b` is left out: how many clients there were is not recorded"
      ])
  }

  /// Powers of two and three halves of them, at most as many as there are clients.
  @Test(arguments: [
    (1, 1), (2, 2), (3, 3), (5, 4), (7, 6), (11, 8), (13, 12), (75, 64), (100, 96), (375, 256),
  ])
  func batchesAreRound(clients: Int, expected: Int) {
    #expect(ServingPoint.Split.batch(upTo: clients) == expected)
  }

  /// A server is started once for all rows of a curve: two ranks of 21 clients decode 16 each at once, with 10 clients too.
  @Test func theMostClientsOfACurveSetItsBatch() throws {
    let points = try read(
      row("few", decode: "2,1,1,1,1", clients: "10")
        + row("many", decode: "2,1,1,1,1", clients: "42"))
    #expect(points.map { $0.split?.decodeSequences } == [16, 16])
  }

  private func deepSeek(
    _ device: String, _ backend: String, _ weights: String, prefill: String, decode: String,
    lengths: String = "1024,1024", clients: Int
  ) throws -> ServingPoint {
    let points = try read(
      "r,deepseek-ai/DeepSeek-R1,\(device),\(backend),0.5.8,\(weights),\(prefill),\(decode),1,\(lengths),"
        + "\(clients),50,8,db_dump\n")
    return try #require(points.first)
  }

  /// TensorRT-LLM's servers on H100 were started for a number of clients each, by the names of their recipes.
  @Test(arguments: [(6, 1), (9, 2), (30, 8), (60, 16)])
  func serversAreStartedForTheirClients(clients: Int, sequences: Int) throws {
    func recipe(_ lengths: String) throws -> ServingPoint.Recipe {
      let point = try deepSeek(
        "h100_sxm", "trtllm", "fp8_block", prefill: "1,1,1,16,16", decode: "3,16,1,1,16",
        lengths: lengths, clients: clients)
      return try #require(point.recipe)
    }
    let (short, long) = (try recipe("1024,1024"), try recipe("8192,1024"))
    #expect(short.decodeSequences == sequences && long.decodeSequences == sequences)
    #expect(short.prefillTokens == 2048 && short.prefillSequences == 2)
    #expect(long.prefillTokens == 8224 && long.prefillSequences == 1)
  }

  /// Budgets and pools are a rank's: four ranks share 65,536 tokens an iteration, eight share eight sequences.
  @Test func recipesAreOfARank() throws {
    let wide = try deepSeek(
      "gb200", "sglang", "nvfp4", prefill: "4,1,1,4,4", decode: "1,1,1,32,32", clients: 512)
    #expect(wide.recipe?.prefillTokens == 16_384 && wide.recipe?.prefillPool == 131_072)
    #expect(wide.recipe?.decodeSequences == 2112 && wide.recipe?.decodePool == 3_122_380)
    let eight = try deepSeek(
      "b200_sxm", "sglang", "fp8_block", prefill: "1,1,1,8,1", decode: "4,8,1,1,1",
      lengths: "8192,1024", clients: 128)
    #expect(eight.recipe?.prefillSequences == 1 && eight.recipe?.decodeSequences == 32)
    let other = try deepSeek(
      "b200_sxm", "trtllm", "fp8_block", prefill: "1,1,1,8,8", decode: "4,8,1,1,1", clients: 128)
    #expect(other.recipe == nil)
  }

  /// What a recipe names is what is simulated: with one sequence a worker, three of nine clients decode, and the others wait.
  @Test func clientsBeyondARecipeWait() throws {
    func ttft(_ clients: Int) throws -> Double {
      let point = try deepSeek(
        "h100_sxm", "trtllm", "fp8_block", prefill: "1,1,1,16,16", decode: "3,16,1,1,16",
        clients: clients)
      let (predictions, failures) = PointPrediction.predict([point], models: { .model($0) })
      #expect(failures == [])
      return try #require(predictions.first).ttft
    }
    // Six clients have three places: half of them wait for an answer of 922 to 1,024 tokens; three have one each.
    #expect(try ttft(6) > 10 * ttft(3))
  }

  /// Rows that differ in their clients only are one curve; every second one is held out.
  @Test func everySecondCurveIsHeldOut() throws {
    let points = try read(
      row("a") + row("b", prefill: "1,1,1,1,1") + row("c", clients: "64")
        + row("d", prefill: "1,2,1,1,1"))
    #expect(points.map(\.isHeldOut) == [false, true, false, false])
  }

  /// Prompts are waited for: with more clients the first token comes later, and the decode batch is larger.
  @Test func moreClientsAreSlower() throws {
    let points = try read(row("few", clients: "2") + row("many", clients: "32"))
    let (predictions, failures) = PointPrediction.predict(points, models: { .model($0) })
    #expect(failures == [])
    #expect(predictions[0].ttft < predictions[1].ttft)
    #expect(predictions[0].tpot < predictions[1].tpot)
    // Half of 16 GB of weights at 3.35 TB/s take 2.4 ms.
    #expect(predictions[0].tpot > 2.4)
  }
}
