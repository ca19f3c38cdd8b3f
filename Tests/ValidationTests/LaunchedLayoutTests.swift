import CostModel
import Foundation
import ModelFiles
import Testing

@testable import Validation

/// How servers were started, by their published scripts, where results say something else or nothing.
@Suite struct LaunchedLayoutTests {
  /// One row of the campaign, as tensor, data and expert parallelism after reading.
  private func launched(
    _ model: String, _ device: String, _ backend: String, _ version: String, _ quantization: String,
    tp: Int,
    ep: Int = 1, dp: Int = 1, lengths: String = "1024,1024", clients: Int = 16
  ) throws -> ServingPoint {
    let header = ServingPointsTests.header.dropLast() + ",moe_ep_size,attention_dp_size\n"
    let row =
      "r,\(model),\(device),\(backend),\(version),\(quantization),\(tp),1,\(lengths),\(clients),\(clients),50,8,"
      + "dated_dump,\(ep),\(dp)\n"
    let files = try SmallFiles(["points.csv": header + row])
    return try #require(ServingPoint.read(path: files.path + "/points.csv").points.first)
  }

  private func layout(_ point: ServingPoint) -> [Int] {
    [point.tensorParallel, point.expertParallel, point.dataParallel]
  }

  @Test func scriptsOfVLLMHaveOneSwitch() throws {
    let kimi = ("nvidia/Kimi-K2.5-NVFP4", "b200_sxm", "vllm", "0.17.0", "nvfp4")
    #expect(
      layout(try launched(kimi.0, kimi.1, kimi.2, kimi.3, kimi.4, tp: 4, ep: 4)) == [4, 1, 1])
    #expect(
      layout(try launched(kimi.0, kimi.1, kimi.2, kimi.3, kimi.4, tp: 1, ep: 4, dp: 4)) == [
        4, 1, 1,
      ])
    let miniMax = "MiniMaxAI/MiniMax-M2.5"
    #expect(
      layout(try launched(miniMax, "b200_sxm", "vllm", "0.17.0", "fp8_block", tp: 2)) == [2, 2, 1])
    #expect(
      layout(try launched(miniMax, "b200_sxm", "vllm", "0.19.0", "fp8_block", tp: 2)) == [2, 1, 1])
    // 1,536 columns over eight GPUs are 192, not a multiple of 128; over four they are 384.
    #expect(
      layout(try launched(miniMax, "h200_sxm", "vllm", "0.18.0", "fp8_block", tp: 8)) == [8, 8, 1])
    #expect(
      layout(try launched(miniMax, "h200_sxm", "vllm", "0.16.0", "fp8_block", tp: 4)) == [4, 1, 1])
    #expect(
      layout(try launched(miniMax, "h100_sxm", "vllm", "0.18.0", "fp8_block", tp: 1, ep: 4, dp: 4))
        == [4, 4, 1])
  }

  @Test func scriptsOfSGLangPassOnExpertsOrDoNot() throws {
    let qwen = "Qwen/Qwen3.5-397B-A17B"
    #expect(
      layout(try launched(qwen, "h200_sxm", "sglang", "0.5.9", "fp8_block", tp: 8, ep: 8)) == [
        8, 1, 1,
      ])
    #expect(
      layout(try launched(qwen, "b200_sxm", "sglang", "0.5.9", "fp8_block", tp: 4, ep: 4)) == [
        4, 4, 1,
      ])
    let deepSeek = "deepseek-ai/DeepSeek-R1"
    #expect(layout(try launched(deepSeek, "b200_sxm", "sglang", "", "nvfp4", tp: 8)) == [8, 8, 1])
    #expect(
      layout(try launched(deepSeek, "b200_sxm", "sglang", "0.5.9", "fp8_block", tp: 8)) == [
        8, 1, 1,
      ])
  }

  /// The settings of October 2025, by lengths, GPUs and clients.
  @Test(arguments: [
    ("b200_sxm", "nvfp4", 4, "1024,1024", 32, [4, 1, 1]),
    ("b200_sxm", "nvfp4", 4, "1024,1024", 64, [4, 4, 1]),
    ("b200_sxm", "nvfp4", 4, "1024,1024", 256, [1, 4, 4]),
    ("b200_sxm", "nvfp4", 4, "8192,1024", 32, [4, 4, 1]),
    ("b200_sxm", "nvfp4", 4, "8192,1024", 64, [1, 4, 4]),
    ("b200_sxm", "nvfp4", 8, "1024,1024", 8, [8, 1, 1]),
    ("b200_sxm", "nvfp4", 8, "1024,1024", 16, [8, 8, 1]),
    ("b200_sxm", "nvfp4", 8, "1024,8192", 16, [8, 1, 1]),
    ("b200_sxm", "nvfp4", 8, "8192,1024", 32, [8, 1, 1]),
    ("b200_sxm", "nvfp4", 8, "8192,1024", 64, [1, 8, 8]),
    ("b200_sxm", "fp8_block", 8, "1024,1024", 64, [1, 8, 8]),
    ("b200_sxm", "fp8_block", 8, "8192,1024", 64, [8, 8, 1]),
    ("h200_sxm", "fp8_block", 8, "1024,1024", 64, [8, 8, 1]),
    ("h200_sxm", "fp8_block", 8, "8192,1024", 64, [1, 8, 8]),
  ])
  func settingsOfAutumn(
    _ device: String, _ quantization: String, _ tp: Int, _ lengths: String, _ clients: Int,
    _ expected: [Int]
  ) throws {
    let point = try launched(
      "deepseek-ai/DeepSeek-R1", device, "trtllm", "", quantization, tp: tp, lengths: lengths,
      clients: clients)
    #expect(layout(point) == expected)
    // Clients, prompt and 64 tokens, in multiples of 64.
    let prompt = Int(lengths.prefix(4))!
    #expect(point.launchedTokens == (prompt + clients + 127) / 64 * 64)
  }

  @Test func tokensOfAnIterationAreTheScripts() throws {
    func tokens(
      _ model: String, _ device: String, _ backend: String, _ version: String,
      _ quantization: String, tp: Int = 8
    ) throws -> Int? {
      try launched(model, device, backend, version, quantization, tp: tp).launchedTokens
    }
    let deepSeek = "deepseek-ai/DeepSeek-R1"
    #expect(try tokens(deepSeek, "b200_sxm", "trtllm", "1.2.0rc6.post2", "nvfp4") == 8192)
    #expect(try tokens(deepSeek, "b200_sxm", "sglang", "0.5.9", "nvfp4") == 16_384)
    #expect(try tokens(deepSeek, "b200_sxm", "sglang", "0.5.9", "fp8_block") == 32_768)
    #expect(try tokens(deepSeek, "b200_sxm", "sglang", "0.5.9", "fp8_block", tp: 4) == 8192)
    #expect(
      try tokens("openai/gpt-oss-120b", "h200_sxm", "trtllm", "gpt-oss-dev", "nvfp4", tp: 2)
        == 20_000)
    #expect(try tokens("openai/gpt-oss-120b", "h200_sxm", "vllm", "0.18.0", "nvfp4", tp: 2) == nil)
  }

  /// What was not measured by this campaign stays as its file says.
  @Test func otherCampaignsAreLeftAlone() throws {
    let point = try launched(
      "nvidia/Kimi-K2.5-NVFP4", "b200_sxm", "vllm", "0.17.0", "nvfp4", tp: 4, ep: 4,
      lengths: "4000,1000")
    // A dump's lengths make no difference for a row that says whose it is.
    #expect(layout(point) == [4, 1, 1])
    let header = ServingPointsTests.header.dropLast() + ",moe_ep_size\n"
    let row =
      "r,nvidia/Kimi-K2.5-NVFP4,b200,vllm,0.17.0,nvfp4,4,1,4000,1000,16,16,50,8,per_model_sweep,4\n"
    let files = try SmallFiles(["points.csv": header + row])
    let other = try #require(ServingPoint.read(path: files.path + "/points.csv").points.first)
    #expect(layout(other) == [4, 4, 1] && other.launchedTokens == nil)
  }

  /// A layer of latent attention under TensorRT-LLM by release, and what a nightly build of vLLM is.
  @Test func releasesOfMixtures() throws {
    func model(_ backend: String, _ version: String) throws -> BackendModel {
      BackendModel.model(
        try launched("deepseek-ai/DeepSeek-R1", "b200_sxm", backend, version, "fp8_block", tp: 8))
    }
    #expect(try model("trtllm", "").overheads.latentLayerSeconds == 80e-6)
    #expect(try model("trtllm", "1.2.0rc6.post2").overheads.latentLayerSeconds == 40e-6)
    #expect(try model("vllm", "nightly-5b8c30d62b75").overheads.hidesHost)
    #expect(try !model("vllm", "0.12.0").overheads.hidesHost)
  }

  /// Until 0.19 MiniMax on B200 ran Triton's kernel of experts, which stands in SGLang's table alone; FlashInfer's since.
  ///
  /// - Source: aiconfigurator's `moe` tables, microseconds of a layer under real loads: vLLM's 60.8 at 4 tokens and 228.7 at
  ///   64, SGLang's `sglang_fused_moe_triton` 83.7 and 336.9.
  @Test(arguments: [
    ("0.19.0", 4, 60.8), ("0.17.0", 4, 83.7), ("0.19.0", 64, 228.7), ("0.17.0", 64, 336.9),
  ])
  func aFlagChoosesAKernel(_ version: String, _ tokens: Int, _ microseconds: Double) throws {
    let point = try launched(
      "MiniMaxAI/MiniMax-M2.5", "b200_sxm", "vllm", version, "fp8_block", tp: 2)
    var deployment = PricedDeployment(model: point.model, device: point.device, blockBytes: 1)
    deployment.tensorParallel = 2
    deployment.weights = .fp8
    deployment.overheads.expertKernel = BackendModel.model(point).overheads.expertKernel
    var work = IterationWork()
    work.decodeSequences = tokens
    work.decodeContextTokens = tokens
    let parts = try KernelCostModel(deployment).breakdown(of: work)
    let experts = try #require(parts.first { $0.name == "experts" }).seconds / 62
    #expect(abs(experts * 1e6 / microseconds - 1) < 0.03, "\(experts * 1e6)")
  }

  /// Rows that count the GPUs of all workers get these by the settings of their lengths, GPUs and clients.
  @Test func workersAreThoseOfThePublishedSettings() throws {
    let model = ("deepseek-ai/DeepSeek-R1", "gb200")
    let tensor = try launched(
      model.0, model.1, "trtllm", "", "nvfp4", tp: 36, lengths: "1024,1024", clients: 564)
    let workers = try #require(tensor.split)
    #expect(layout(tensor) == [8, 8, 1])
    #expect(workers.prefill.workers == 1 && workers.prefill.gpus == 4 && workers.prefill.ranks == 1)
    #expect(workers.decode.workers == 4 && tensor.recipe?.decodeSequences == 128)
    #expect(tensor.recipe?.prefillTokens == 4608 && tensor.recipe?.prefillSequences == 4)
    let ranks = try launched(
      model.0, model.1, "trtllm", "", "nvfp4", tp: 40, lengths: "8192,1024", clients: 1075)
    #expect(layout(ranks) == [1, 16, 16])
    #expect(ranks.split?.prefill.workers == 6 && ranks.split?.prefill.ranks == 24)
    #expect(ranks.recipe?.prefillTokens == 8448 && ranks.recipe?.decodeSequences == 64)
    let wide = try launched(
      model.0, model.1, "sglang", "", "fp8", tp: 72, lengths: "8192,1024", clients: 576)
    #expect(layout(wide) == [1, 32, 32])
    #expect(wide.split?.prefill.ranks == 40 && wide.recipe?.decodeSequences == nil)
  }

  /// A setting with drafts is not guessed at, nor one that is not published.
  @Test func draftsAndUnknownWorkersAreLeftOut() throws {
    func warning(tp: Int, clients: Int) throws -> String? {
      let row =
        "r,deepseek-ai/DeepSeek-R1,gb200,trtllm,,nvfp4,\(tp),1,1024,1024,4,\(clients),50,8,dated_dump\n"
      let kept = ServingPointsTests.row("kept")
      let files = try SmallFiles(["points.csv": ServingPointsTests.header + kept + row])
      let read = try ServingPoint.read(path: files.path + "/points.csv")
      #expect(read.points.map(\.id) == ["kept"])
      return read.warnings.first?.replacingOccurrences(of: files.path, with: "DIR")
    }
    #expect(
      try warning(tp: 36, clients: 512)
        == "DIR/points.csv: line 3 is left out: tokens were drafted, and how many were accepted is not recorded"
    )
    #expect(
      try warning(tp: 44, clients: 512)
        == "DIR/points.csv: line 3 is left out: 44 GPUs are those of workers apart, whose layout is not recorded"
    )
  }
}
