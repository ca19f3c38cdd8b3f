import CostModel
import Testing

@testable import ModelFiles

/// What checkpoints keep in 16 bits of which only the name is known.
@Suite struct WeightRecipeTests {
  private func gigabytes(_ id: String) throws -> Double {
    let model = try ModelFile.find(id)
    return Double(model.weightBytes(tensorParallel: 1, elements: model.stored.elements)) / 1e9
  }

  private func formats(_ id: String) throws -> [ModelLayer.Formats] {
    try ModelFile.find(id).layers.kinds.map(\.layer.formats)
  }

  /// Published sizes, in bytes, of checkpoints that are known by their names; MTP layers are not counted here.
  @Test func sizesOfCheckpoints() throws {
    // `total_size` of cyankiwi's index: 24,488,298,779.
    #expect(abs(try gigabytes("cyankiwi/Qwen3.5-35B-A3B-AWQ-4bit") / 24.488 - 1) < 0.01)
  }

  @Test func routersStayWide() throws {
    for formats in try formats("Qwen/Qwen3-30B-A3B-FP8") { #expect(formats.router == .bfloat16) }
    for formats in try formats("Qwen/Qwen3-30B-A3B") { #expect(formats == .init()) }
  }

  /// States in NVFP4 stay wide whoever publishes them, and the attention beside them where NVIDIA does.
  @Test func statesAndAttentionOfNVFP4() throws {
    let red = try ModelFile.find("RedHatAI/Qwen3.5-35B-A3B-NVFP4").layers.kinds.map(\.layer)
    let green = try ModelFile.find("nvidia/Qwen3.5-35B-A3B-NVFP4").layers.kinds.map(\.layer)
    for layer in red {
      #expect(layer.formats.attentionInput == (layer.isRecurrent ? .bfloat16 : nil))
      #expect(layer.formats.attentionOutput == (layer.isRecurrent ? .bfloat16 : nil))
      #expect(layer.formats.sharedExperts == nil)
    }
    for layer in green {
      #expect(layer.formats.attentionInput == .bfloat16 && layer.formats.mlp == nil)
      #expect(layer.formats.attentionOutput == .bfloat16)
      #expect(layer.formats.sharedExperts == .bfloat16)
    }
  }

  /// By their names alone NVIDIA's checkpoints come to what their published configurations say.
  @Test(arguments: [
    ("zai-org/GLM-5.1", "nvidia/GLM-5.1-NVFP4"), ("moonshotai/Kimi-K2.5", "nvidia/Kimi-K2.6-NVFP4"),
    ("deepseek-ai/DeepSeek-V3", "nvidia/DeepSeek-V3.1-NVFP4"),
    ("MiniMaxAI/MiniMax-M2.5", "nvidia/MiniMax-M2.5-NVFP4"),
    ("Qwen/Qwen3.5-122B-A10B", "nvidia/Qwen3.5-122B-A10B-NVFP4"),
    ("Qwen/Qwen3.5-397B-A17B", "nvidia/Qwen3.5-397B-A17B-NVFP4"),
  ])
  func namesComeToWhatIsPublished(_ shape: String, _ id: String) throws {
    func bytes(_ model: ModelSpec) -> Double {
      Double(model.weightBytes(tensorParallel: 8, elements: .nvfp4))
    }
    var bare = try ModelFile.find(shape).inSixteenBits
    bare = WeightRecipe.stored(bare, as: id, weights: .nvfp4)
    let ratio = bytes(bare) / bytes(try ModelFile.find(id))
    #expect(abs(ratio - 1) < 0.001, "\(ratio)")
  }

  /// DeepSeek-R1-FP4 leaves all of the attention wide, the second version its input alone.
  @Test func attentionOfDeepSeekR1() throws {
    for formats in try formats("nvidia/DeepSeek-R1-FP4") {
      #expect(formats.attentionInput == .bfloat16 && formats.attentionOutput == .bfloat16)
    }
    for formats in try formats("nvidia/DeepSeek-R1-0528-FP4-v2") {
      #expect(formats.attentionInput == .bfloat16 && formats.attentionOutput == nil)
    }
  }

  /// Scales and zero points of groups: 2.5 bytes for 32 or 128 elements, 2 for 128.
  @Test(arguments: [
    ("cyankiwi/Qwen3-32B-AWQ-4bit", 0.578125), ("Qwen/Qwen3-32B-AWQ", 0.51953125),
    ("Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4", 0.51953125),
    ("RedHatAI/Qwen3-32B-quantized.w4a16", 0.515625),
    ("RedHatAI/Qwen3-32B-FP8-dynamic", 1), ("unsloth/Qwen3-32B-bnb-4bit", 0.53125),
  ])
  func bytesOfAnElement(_ id: String, _ bytes: Double) throws {
    #expect(try ModelFile.find(id).stored.bytes == bytes)
  }
}
