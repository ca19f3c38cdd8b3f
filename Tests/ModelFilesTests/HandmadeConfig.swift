import Foundation

/// Small configurations made for tests; their numbers are no published model's.
enum HandmadeConfig {
  static let llama = """
    {
      "architectures": ["LlamaForCausalLM"], "hidden_size": 256, "intermediate_size": 512,
      "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 2,
      "vocab_size": 1000, "max_position_embeddings": 4096, "tie_word_embeddings": false
    }
    """

  /// As published: what the family's defaults say is left out.
  static let gemma = """
    {
      "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
      "text_config": {
        "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 7, "sliding_window": 128,
        "model_type": "gemma3_text", "rope_scaling": {"factor": 8.0, "rope_type": "linear"}
      },
      "vision_config": {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "patch_size": 14
      }
    }
    """

  /// ``llama`` with further or other fields.
  static func llama(_ fields: String) -> String {
    llama.replacingOccurrences(of: "\"vocab_size\"", with: "\(fields), \"vocab_size\"")
  }
}
