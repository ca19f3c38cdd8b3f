import CostModel
import Foundation
import Testing

@testable import ModelFiles

/// Configurations of families of which no published file is at hand: the fields that decide, as the models' publishers
/// have them, from memory. The catalogue has the same models.
struct KnownShape: Sendable, CustomTestStringConvertible {
  var catalogueName: String
  var config: String

  var testDescription: String { catalogueName }

  static let all = [
    KnownShape(
      catalogueName: "mistral-7b",
      config: """
        {"architectures": ["MistralForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
         "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
         "vocab_size": 32000, "max_position_embeddings": 32768, "sliding_window": 4096}
        """),
    KnownShape(
      catalogueName: "phi-3-medium-4k",
      config: """
        {"architectures": ["Phi3ForCausalLM"], "hidden_size": 5120, "intermediate_size": 17920,
         "num_hidden_layers": 40, "num_attention_heads": 40, "num_key_value_heads": 10,
         "vocab_size": 32064, "max_position_embeddings": 4096, "sliding_window": 2047}
        """),
    KnownShape(
      catalogueName: "qwen2.5-7b",
      config: """
        {"architectures": ["Qwen2ForCausalLM"], "hidden_size": 3584, "intermediate_size": 18944,
         "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
         "vocab_size": 152064, "max_position_embeddings": 32768, "sliding_window": 131072,
         "use_sliding_window": false, "max_window_layers": 28}
        """),
    KnownShape(
      catalogueName: "gemma-2-9b",
      config: """
        {"architectures": ["Gemma2ForCausalLM"], "hidden_size": 3584, "intermediate_size": 14336,
         "num_hidden_layers": 42, "num_attention_heads": 16, "num_key_value_heads": 8,
         "head_dim": 256, "vocab_size": 256000, "max_position_embeddings": 8192,
         "sliding_window": 4096}
        """),
    KnownShape(
      catalogueName: "gemma-3-27b",
      config: """
        {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config":
         {"hidden_size": 5376, "intermediate_size": 21504, "num_hidden_layers": 62, "head_dim": 128,
          "num_attention_heads": 32, "num_key_value_heads": 16, "sliding_window": 1024,
          "model_type": "gemma3_text", "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}}
        """),
    KnownShape(
      catalogueName: "deepseek-v2-lite",
      config: """
        {"architectures": ["DeepseekV2ForCausalLM"], "hidden_size": 2048,
         "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 27,
         "num_attention_heads": 16, "kv_lora_rank": 512, "q_lora_rank": null,
         "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
         "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6,
         "first_k_dense_replace": 1, "moe_layer_freq": 1, "vocab_size": 102400,
         "max_position_embeddings": 32768}
        """),
  ]

  static let qwenNext = """
    {"architectures": ["Qwen3NextForCausalLM"], "hidden_size": 2048, "intermediate_size": 5120,
     "num_hidden_layers": 48, "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256,
     "full_attention_interval": 4, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
     "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_value_head_dim": 128,
     "moe_intermediate_size": 512, "num_experts": 512, "num_experts_per_tok": 10,
     "shared_expert_intermediate_size": 512, "vocab_size": 151936,
     "max_position_embeddings": 262144}
    """

  static func read(_ config: String) throws -> ModelSpec {
    let file = FileManager.default.temporaryDirectory
      .appending(path: "kvplan-\(UUID().uuidString)-config.json")
    try Data(config.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try ModelFile.read(path: file.path)
  }
}

@Suite struct KnownShapesTests {
  @Test(arguments: KnownShape.all) func isTheCataloguesModel(_ shape: KnownShape) throws {
    let (read, known) = (
      try KnownShape.read(shape.config), try ModelCatalogue.find(shape.catalogueName)
    )
    #expect(read.parameters() == known.parameters())
    #expect(read.kvBytesPerToken() == known.kvBytesPerToken())
    #expect(read.maxPositions == known.maxPositions)
    #expect(read.layers.runs.map(\.count) == known.layers.runs.map(\.count))
  }

  /// Qwen3-Next-80B-A3B on two GPUs: vLLM's log says 74.28 GiB of weights on each.
  @Test func gatedDeltaNetsWeighWhatTheLogSays() throws {
    let model = try KnownShape.read(KnownShape.qwenNext)
    let gibibytes = Double(model.weightBytes(tensorParallel: 2)) / Double(1 << 30)
    #expect(abs(gibibytes / 74.28 - 1) < 0.015, "\(gibibytes)")
    #expect(model.kvBytesPerToken() == 12 * 2 * 2 * 256 * 2)
  }
}
