import CostModel
import Foundation
import Testing

@testable import ModelFiles

/// A published number of parameters, in billions, and where it stands.
struct PublishedTotal: Sendable {
  var file: String
  var billions: Double
  var source: String

  init(_ file: String, _ billions: Double, _ source: String) {
    self.file = file
    self.billions = billions
    self.source = source
  }

  static let all = llama + qwen + latent + others

  static let llama = [
    PublishedTotal("meta-llama--Meta-Llama-3.1-8B", 8.03, "weights index, 8.03 B"),
    PublishedTotal("meta-llama--Meta-Llama-3.1-70B", 70.55, "weights index, 70.6 B"),
    PublishedTotal("meta-llama--Meta-Llama-3.1-405B", 405.9, "weights index, 405.9 B"),
    PublishedTotal("nvidia--Llama-3.1-70B-Instruct-FP8", 70.55, "weights index of the original"),
    PublishedTotal("nvidia--Llama-3_3-Nemotron-Super-49B-v1", 49.9, "weights index, 49.9 B"),
    PublishedTotal(
      "meta-llama--Llama-4-Scout-17B-16E-Instruct", 109, "model card, 109 B with the vision tower"),
    PublishedTotal("mistralai--Mixtral-8x7B-v0.1", 46.7, "announcement, 46.7 B"),
  ]

  static let qwen = [
    PublishedTotal("Qwen--Qwen3-0.6B", 0.6, "technical report, 0.6 B; 0.44 B without embedding"),
    PublishedTotal("Qwen--Qwen3-1.7B", 1.7, "technical report, 1.7 B; 1.4 B without embedding"),
    PublishedTotal("Qwen--Qwen3-8B", 8.2, "model card, 8.2 B"),
    PublishedTotal("Qwen--Qwen3-32B", 32.8, "model card, 32.8 B"),
    PublishedTotal("Qwen--Qwen3-32B-FP8", 32.8, "model card, 32.8 B"),
    PublishedTotal("Qwen--Qwen3-32B-FP8-Static-PerTensor", 32.8, "model card of the original"),
    PublishedTotal("Qwen--Qwen3-30B-A3B", 30.5, "model card, 30.5 B"),
    PublishedTotal("Qwen--Qwen3-30B-A3B-FP8", 30.5, "model card, 30.5 B"),
    PublishedTotal("Qwen--Qwen3-235B-A22B", 235.1, "weights index, 235.1 B"),
    PublishedTotal("Qwen--Qwen3-235B-A22B-FP8", 235.1, "weights index of the original"),
    PublishedTotal("nvidia--Qwen3-235B-A22B-NVFP4", 235.1, "weights index of the original"),
    PublishedTotal("Qwen--Qwen3-Coder-480B-A35B-Instruct", 480, "model card, 480 B"),
    PublishedTotal("Qwen--Qwen3-VL-4B-Instruct", 4.44, "weights index, 4.4 B"),
    PublishedTotal("Qwen--Qwen3-VL-8B-Instruct", 8.77, "weights index, 8.8 B"),
    PublishedTotal("Qwen--Qwen3-VL-30B-A3B-Instruct", 31.1, "weights index, 31.1 B"),
    PublishedTotal("Qwen--Qwen3-VL-235B-A22B-Instruct", 236, "weights index, 236 B"),
    PublishedTotal("Qwen--Qwen3.5-27B", 27, "model card, 27 B"),
    PublishedTotal("Qwen--Qwen3.5-35B-A3B", 35, "model card, 35 B"),
    PublishedTotal("Qwen--Qwen3.5-122B-A10B", 122, "model card, 122 B"),
    PublishedTotal("nvidia--Qwen3.5-122B-A10B-NVFP4", 122, "model card of the original"),
    PublishedTotal("Qwen--Qwen3.5-397B-A17B", 397, "model card, 397 B"),
    PublishedTotal("nvidia--Qwen3.5-397B-A17B-NVFP4", 397, "model card of the original"),
    PublishedTotal("XiaomiMiMo--MiMo-7B-Base", 7.62, "weights index, 7.83 B, less one MTP layer"),
  ]

  static let latent = [
    PublishedTotal("deepseek-ai--DeepSeek-V3", 671, "technical report, 671 B without MTP"),
    PublishedTotal("deepseek-ai--DeepSeek-R1", 671, "model card, 671 B"),
    PublishedTotal("nvidia--DeepSeek-V3.1-NVFP4", 671, "model card of the original, 671 B"),
    PublishedTotal("deepseek-ai--DeepSeek-V3.2", 671, "of V3.1, from which it was trained on"),
    PublishedTotal("nvidia--DeepSeek-V3.2-NVFP4", 671, "of V3.1, from which it was trained on"),
    PublishedTotal("moonshotai--Kimi-K2-Instruct", 1040, "technical report, 1.04 T"),
    PublishedTotal("moonshotai--Kimi-K2.5", 1040, "technical report of K2, 1.04 T"),
    PublishedTotal("nvidia--Kimi-K2.5-NVFP4", 1040, "technical report of K2, 1.04 T"),
    PublishedTotal("nvidia--Kimi-K2.6-NVFP4", 1040, "technical report of K2, 1.04 T"),
    PublishedTotal("zai-org--GLM-5", 744, "model card, 744 B"),
    PublishedTotal("zai-org--GLM-5-FP8", 744, "model card, 744 B"),
    PublishedTotal("nvidia--GLM-5-NVFP4", 744, "model card of the original, 744 B"),
  ]

  static let others = [
    PublishedTotal("deepseek-ai--DeepSeek-V4-Flash", 284, "model card, 284 B"),
    PublishedTotal("sgl-project--DeepSeek-V4-Flash-FP8", 284, "model card of the original, 284 B"),
    PublishedTotal("openai--gpt-oss-120b", 116.83, "model card, table 1: 116.83 B"),
    PublishedTotal("openai--gpt-oss-20b", 20.91, "model card, table 1: 20.91 B"),
    PublishedTotal("MiniMaxAI--MiniMax-M2.5", 229, "weights index, 229 B"),
    PublishedTotal("MiniMaxAI--MiniMax-M2.7", 229, "weights index of M2.5, of the same shape"),
    PublishedTotal("nvidia--MiniMax-M2.5-NVFP4", 229, "weights index of the original"),
    PublishedTotal("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 31.6, "model card, 31.6 B"),
    PublishedTotal("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4", 31.6, "model card, 31.6 B"),
    PublishedTotal(
      "google--gemma-4-26B-A4B", 25.2 + 0.55, "model card, 25.2 B and 0.55 B of its tower"),
  ]
}

/// Whether configurations are at hand.
let hasConfigs = !configPaths.isEmpty

@Suite(.enabled(if: hasConfigs)) struct PublishedTotalsTests {
  static func model(_ file: String) throws -> ModelSpec {
    try ModelFile.read(path: configFolder.appending(path: "\(file)_config.json").path)
  }

  @Test(arguments: PublishedTotal.all)
  func parameters(_ published: PublishedTotal) throws {
    let billions = Double(try Self.model(published.file).parameters()) / 1e9
    let error = billions / published.billions - 1
    #expect(abs(error) < 0.015, "\(published.file): \(billions) B, \(100 * error) %")
  }

  /// Bytes of weights as published, or as an engine says that it loaded them.
  @Test(arguments: [
    // Model card, table 1: 60.8 GiB and 12.8 GiB.
    ("openai--gpt-oss-120b", 60.8 * 1.073741824), ("openai--gpt-oss-20b", 12.8 * 1.073741824),
    // Model card of Kimi-K2-Thinking, of the same language model: 594 GB.
    ("moonshotai--Kimi-K2.5", 594),
    // Weights index: 470.19 GB.
    ("Qwen--Qwen3-235B-A22B", 470.19),
    // vLLM's logs: 14.99 GiB and 61.03 GiB.
    ("meta-llama--Meta-Llama-3.1-8B", 14.99 * 1.073741824),
    ("Qwen--Qwen3-32B", 61.03 * 1.073741824),
  ])
  func weightBytes(file: String, gigabytes: Double) throws {
    let model = try Self.model(file)
    let bytes = model.weightBytes(tensorParallel: 1, elements: model.stored.elements)
    let error = Double(bytes) / 1e9 / gigabytes - 1
    #expect(abs(error) < 0.015, "\(file): \(Double(bytes) / 1e9) GB, \(100 * error) %")
  }

  @Test(arguments: [
    ("meta-llama--Meta-Llama-3.1-8B", "llama-3.1-8b"),
    ("meta-llama--Meta-Llama-3.1-70B", "llama-3.1-70b"),
    ("meta-llama--Meta-Llama-3.1-405B", "llama-3.1-405b"),
    ("mistralai--Mixtral-8x7B-v0.1", "mixtral-8x7b"), ("Qwen--Qwen3-8B", "qwen3-8b"),
    ("Qwen--Qwen3-32B", "qwen3-32b"), ("Qwen--Qwen3-30B-A3B", "qwen3-30b-a3b"),
    ("Qwen--Qwen3-235B-A22B", "qwen3-235b-a22b"), ("deepseek-ai--DeepSeek-V3", "deepseek-v3"),
  ])
  func agreesWithTheCatalogue(file: String, name: String) throws {
    let (read, known) = (try Self.model(file), try ModelCatalogue.find(name))
    #expect(read.parameters() == known.parameters())
    #expect(read.activeParameters == known.activeParameters)
    #expect(read.maxPositions == known.maxPositions)
    for tensorParallel in [1, 2, 4, 8] {
      #expect(
        read.kvBytesPerToken(tensorParallel: tensorParallel)
          == known.kvBytesPerToken(tensorParallel: tensorParallel))
      #expect(
        read.parameters(tensorParallel: tensorParallel)
          == known.parameters(tensorParallel: tensorParallel))
    }
  }

  /// The table of `docs/MODELS.md` holds what is measured here.
  @Test(arguments: PublishedTotal.all) func pageAgrees(_ total: PublishedTotal) throws {
    let page = try String(contentsOfFile: Self.page, encoding: .utf8)
    let billions = Double(try Self.model(total.file).parameters()) / 1e9
    let cells = [
      total.file, String(format: "%.2f", billions), String(format: "%g", total.billions),
      String(format: "%+.2f", 100 * (billions / total.billions - 1)), total.source,
    ]
    let row = "| \(cells.joined(separator: " | ")) |"
    #expect(page.contains(row), "\(row)")
  }

  private static let page: String = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return root.appending(path: "docs/MODELS.md").path
  }()
}
