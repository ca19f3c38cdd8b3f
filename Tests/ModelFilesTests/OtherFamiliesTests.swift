import CostModel
import Foundation
import KVMemory
import Testing

@testable import ModelFiles

/// Families of which no published file is at hand: their configurations are written down from memory, and come to the
/// parameters that their publishers state.
@Suite struct OtherFamiliesTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    var name: String
    var fields: String
    /// Published, in billions, as model cards and weights indexes round it; recalled, and not fetched.
    var billions: Double

    init(_ name: String, _ architecture: String, _ fields: String, _ billions: Double) {
      self.name = name
      self.fields =
        #"{"architectures": ["\#(architecture)"], "max_position_embeddings": 32768, \#(fields)}"#
      self.billions = billions
    }

    var testDescription: String { name }
  }

  /// Four of forty layers attend.
  private static let graniteTypes = (0..<40).map { $0 % 10 == 5 ? "attention" : "mamba" }

  /// The same number for each of 32 layers.
  private static func each(_ number: Int) -> [Int] { Array(repeating: number, count: 32) }

  /// Nine of 48 layers attend to all.
  private static let miMoWindows = (0..<48).map { $0 == 0 || $0 % 6 == 5 ? 0 : 1 }

  static let samples = [
    Sample(
      "command-r-v01", "CohereForCausalLM",
      #""hidden_size": 8192, "intermediate_size": 22528, "num_attention_heads": 64, "num_key_value_heads": 64, "num_hidden_layers": 40, "vocab_size": 256000"#,
      34.98),
    Sample(
      "command-a-03-2025", "Cohere2ForCausalLM",
      #""hidden_size": 12288, "intermediate_size": 36864, "num_attention_heads": 96, "num_key_value_heads": 8, "num_hidden_layers": 64, "vocab_size": 256000, "sliding_window": 4096, "sliding_window_pattern": 4"#,
      111),
    Sample(
      "EXAONE-4.0-32B", "Exaone4ForCausalLM",
      #""hidden_size": 5120, "intermediate_size": 27392, "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128, "num_hidden_layers": 64, "vocab_size": 102400, "sliding_window": 4096, "sliding_window_pattern": "LLLG""#,
      32.0),
    Sample(
      "internlm3-8b", "InternLM3ForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 10240, "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 128, "num_hidden_layers": 48, "vocab_size": 128512"#,
      8.8),
    Sample(
      "Apertus-8B", "ApertusForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 21504, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 131072"#,
      8),
    Sample(
      "AFM-4.5B", "ArceeForCausalLM",
      #""hidden_size": 2560, "intermediate_size": 18432, "num_attention_heads": 20, "num_key_value_heads": 4, "head_dim": 128, "num_hidden_layers": 36, "vocab_size": 128004"#,
      4.62),
    Sample(
      "Minitron-4B", "NemotronForCausalLM",
      #""hidden_size": 3072, "intermediate_size": 9216, "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128, "num_hidden_layers": 32, "vocab_size": 256000"#,
      4.19),
    Sample(
      "starcoder2-7b", "Starcoder2ForCausalLM",
      #""hidden_size": 4608, "intermediate_size": 18432, "num_attention_heads": 36, "num_key_value_heads": 4, "num_hidden_layers": 32, "vocab_size": 49152, "sliding_window": 4096"#,
      7.17),
    Sample(
      "OLMoE-1B-7B", "OlmoeForCausalLM",
      #""hidden_size": 2048, "intermediate_size": 1024, "num_attention_heads": 16, "num_key_value_heads": 16, "num_hidden_layers": 16, "vocab_size": 50304, "num_experts": 64, "num_experts_per_tok": 8"#,
      6.92),
    Sample(
      "Phi-3.5-MoE", "PhiMoEForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 6400, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 32064, "num_local_experts": 16, "num_experts_per_tok": 2"#,
      41.9),
    Sample(
      "deepseek-moe-16b", "DeepseekForCausalLM",
      #""hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_attention_heads": 16, "num_key_value_heads": 16, "num_hidden_layers": 28, "vocab_size": 102400, "n_routed_experts": 64, "num_experts_per_tok": 6, "n_shared_experts": 2, "first_k_dense_replace": 1"#,
      16.4),
    Sample(
      "Ling-mini-2.0", "BailingMoeV2ForCausalLM",
      #""hidden_size": 2048, "intermediate_size": 5120, "moe_intermediate_size": 512, "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 128, "num_hidden_layers": 20, "vocab_size": 157184, "num_experts": 256, "num_experts_per_tok": 8, "num_shared_experts": 1, "first_k_dense_replace": 1"#,
      16.26),
    Sample(
      "ERNIE-4.5-21B-A3B", "Ernie4_5_MoeForCausalLM",
      #""hidden_size": 2560, "intermediate_size": 12288, "moe_intermediate_size": 1536, "num_attention_heads": 20, "num_key_value_heads": 4, "num_hidden_layers": 28, "vocab_size": 103424, "moe_num_experts": 64, "moe_k": 6, "moe_num_shared_experts": 2, "moe_layer_start_index": 1, "moe_layer_interval": 1"#,
      21.8),
    Sample(
      "Trinity-Mini", "AfmoeForCausalLM",
      #""hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 1024, "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "num_hidden_layers": 32, "vocab_size": 200192, "num_experts": 128, "num_experts_per_tok": 8, "num_shared_experts": 1, "num_dense_layers": 2, "sliding_window": 2048"#,
      26.1),
    Sample(
      "Kimi-Linear-48B-A3B", "KimiLinearForCausalLM",
      #""hidden_size": 2304, "intermediate_size": 9216, "moe_intermediate_size": 1024, "num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 72, "num_hidden_layers": 27, "vocab_size": 163840, "kv_lora_rank": 512, "q_lora_rank": null, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "num_experts": 256, "num_experts_per_token": 8, "num_shared_experts": 1, "first_k_dense_replace": 1, "moe_layer_freq": 1, "linear_attn_config": {"full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "kda_layers": [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 21, 22, 23, 25, 26], "head_dim": 128, "num_heads": 32, "short_conv_kernel_size": 4}"#,
      49.1),
    Sample(
      "granite-4.0-h-small", "GraniteMoeHybridForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 768, "shared_intermediate_size": 1536, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 40, "vocab_size": 100352, "num_local_experts": 72, "num_experts_per_tok": 10, "mamba_d_conv": 4, "mamba_d_head": 64, "mamba_d_state": 128, "mamba_expand": 2, "mamba_n_groups": 1, "mamba_n_heads": 128, "tie_word_embeddings": true, "layer_types": \#(graniteTypes)"#,
      32.2),
    Sample(
      "Bamba-9B", "BambaForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 128256, "attn_layer_indices": [9, 18, 27], "mamba_d_conv": 4, "mamba_d_state": 128, "mamba_expand": 2, "mamba_n_groups": 1, "mamba_n_heads": 128"#,
      9.78),
    Sample(
      "Falcon-H1-34B", "FalconH1ForCausalLM",
      #""hidden_size": 5120, "intermediate_size": 21504, "num_attention_heads": 20, "num_key_value_heads": 4, "head_dim": 128, "num_hidden_layers": 72, "vocab_size": 261120, "mamba_d_ssm": 4096, "mamba_d_conv": 4, "mamba_d_state": 256, "mamba_n_groups": 2, "mamba_n_heads": 32"#,
      33.6),
    Sample(
      "Hunyuan-A13B", "HunYuanMoEV1ForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 3072, "num_attention_heads": 32, "num_key_value_heads": 8, "attention_head_dim": 128, "num_hidden_layers": 32, "vocab_size": 128167, "num_experts": 64, "moe_topk": \#(each(8)), "moe_intermediate_size": \#(each(3072)), "num_shared_expert": \#(each(1)), "use_cla": false, "tie_word_embeddings": true"#,
      80.4),
    Sample(
      "AI21-Jamba-1.5-Mini", "JambaForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 65536, "mamba_dt_rank": 256, "mamba_expand": 2"#,
      51.6),
    Sample(
      "step3", "Step3TextForCausalLM",
      #""hidden_size": 7168, "intermediate_size": 18432, "num_attention_heads": 64, "num_attention_groups": 1, "head_dim": 256, "share_q_dim": 2048, "num_hidden_layers": 61, "vocab_size": 128815, "moe_num_experts": 48, "moe_top_k": 3, "moe_intermediate_size": 5120, "share_expert_dim": 5120, "moe_layers_enum": "\#((4..<60).map { "\($0)" }.joined(separator: ","))""#,
      316),
    Sample(
      "LongCat-Flash", "LongcatFlashForCausalLM",
      #""hidden_size": 6144, "ffn_hidden_size": 12288, "expert_ffn_hidden_size": 2048, "num_attention_heads": 64, "num_layers": 28, "vocab_size": 131072, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128, "n_routed_experts": 512, "zero_expert_num": 256, "moe_topk": 12"#,
      560),
    Sample(
      "MiniMax-Text-01", "MiniMaxText01ForCausalLM",
      #""hidden_size": 6144, "intermediate_size": 9216, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "num_hidden_layers": 80, "vocab_size": 200064, "num_local_experts": 32, "num_experts_per_tok": 2, "shared_intermediate_size": 0, "attn_type_list": \#((1...80).map { $0 % 8 == 0 ? 1 : 0 })"#,
      456),
    Sample(
      "MiMo-V2-Flash", "MiMoV2FlashForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 16384, "moe_intermediate_size": 2048, "num_attention_heads": 64, "num_key_value_heads": 4, "head_dim": 192, "v_head_dim": 128, "swa_num_attention_heads": 64, "swa_num_key_value_heads": 8, "swa_head_dim": 192, "swa_v_head_dim": 128, "sliding_window_size": 128, "num_hidden_layers": 48, "vocab_size": 152576, "n_routed_experts": 256, "num_experts_per_tok": 8, "hybrid_layer_pattern": \#(miMoWindows), "moe_layer_freq": \#((0..<48).map { $0 == 0 ? 0 : 1 })"#,
      309),
    Sample(
      "LFM2-1.2B", "Lfm2ForCausalLM",
      #""hidden_size": 2048, "block_ff_dim": 12288, "block_multiple_of": 256, "block_ffn_dim_multiplier": 1.0, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 16, "vocab_size": 65536, "conv_L_cache": 3, "full_attn_idxs": [2, 5, 8, 10, 12, 14]"#,
      1.17),
    Sample(
      "LFM2-8B-A1B", "Lfm2MoeForCausalLM",
      #""hidden_size": 2048, "intermediate_size": 7168, "moe_intermediate_size": 1792, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 24, "vocab_size": 65536, "conv_L_cache": 3, "num_experts": 32, "num_experts_per_tok": 4, "num_dense_layers": 2, "layer_types": \#((0..<24).map { [2, 6, 10, 14, 18, 21].contains($0) ? "full_attention" : "conv" })"#,
      8.34),
    Sample(
      "gemma-7b", "GemmaForCausalLM",
      #""hidden_size": 3072, "intermediate_size": 24576, "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256, "num_hidden_layers": 28, "vocab_size": 256000"#,
      8.54),
    Sample(
      "opt-13b", "OPTForCausalLM",
      #""hidden_size": 5120, "ffn_dim": 20480, "num_attention_heads": 40, "num_hidden_layers": 40, "vocab_size": 50272"#,
      12.85),
    Sample(
      "gpt-neox-20b", "GPTNeoXForCausalLM",
      #""hidden_size": 6144, "intermediate_size": 24576, "num_attention_heads": 64, "num_hidden_layers": 44, "vocab_size": 50432"#,
      20.6),
    Sample(
      "falcon-40b", "FalconForCausalLM",
      #""hidden_size": 8192, "num_attention_heads": 128, "num_kv_heads": 8, "new_decoder_architecture": true, "num_hidden_layers": 60, "vocab_size": 65024"#,
      41.8),
    Sample(
      "glm-4-9b-chat", "ChatGLMModel",
      #""hidden_size": 4096, "ffn_hidden_size": 13696, "num_attention_heads": 32, "kv_channels": 128, "multi_query_attention": true, "multi_query_group_num": 2, "num_layers": 40, "padded_vocab_size": 151552"#,
      9.4),
    Sample(
      "EXAONE-3.5-7.8B", "ExaoneForCausalLM",
      #""hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "num_layers": 32, "vocab_size": 102400, "tie_word_embeddings": false"#,
      7.82),
    Sample(
      "InternVL3-8B", "InternVLChatModel",
      #""llm_config": {"architectures": ["Qwen2ForCausalLM"], "hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28, "num_key_value_heads": 4, "num_hidden_layers": 28, "vocab_size": 151674, "max_position_embeddings": 32768}, "vision_config": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14}"#,
      7.94),
  ]

  @Test(arguments: samples) func parametersAreThePublishedOnes(_ sample: Sample) throws {
    let billions = Double(try KnownShape.read(sample.fields).parameters()) / 1e9
    // As near as published configurations have to come.
    #expect(abs(billions / sample.billions - 1) < 0.015, "\(billions)")
  }

  /// What layers keep of a sequence, by hand.
  @Test func layersKeepWhatTheySay() throws {
    func kept(_ name: String) throws -> [String] {
      let sample = try #require(Self.samples.first { $0.name == name })
      return try KnownShape.read(sample.fields).layers.runs.flatMap { run in
        let text =
          switch run.layer.attention {
          case .heads(_, let kind): kind.attendedMax.map { "\($0)" } ?? "all"
          case .latent: "latent"
          case .recurrent(let state): "\(state.stateBytes)"
          default: "nothing"
          }
        return Array(repeating: text, count: run.count)
      }
    }
    let window = "4096"
    for name in ["command-a-03-2025", "EXAONE-4.0-32B"] {
      #expect(try kept(name).prefix(5) == [window, window, window, "all", window])
    }
    #expect(try kept("command-r-v01").allSatisfy { $0 == "all" })
    // 32 heads of 128 × 128 in four bytes, and three inputs of 3 × 4,096 columns in two.
    let delta = "2170880"
    #expect(try kept("Kimi-Linear-48B-A3B").prefix(5) == [delta, delta, delta, "latent", delta])
    // 128 heads of 64 × 128, and three inputs of 8,192 + 2 × 128 columns, all in two bytes.
    let mamba = "2147840"
    #expect(try kept("granite-4.0-h-small")[4...6] == [mamba, "all", mamba])
    #expect(try kept("Bamba-9B")[8...10] == [mamba, "all", mamba])
    #expect(try kept("Falcon-H1-34B").count == 144)
    // 8,192 channels of 16 numbers and three inputs.
    #expect(try kept("AI21-Jamba-1.5-Mini")[3...5] == ["311296", "all", "311296"])
    // 64 heads of 128 × 128 in two bytes.
    #expect(try kept("MiniMax-Text-01")[6...8] == ["2097152", "all", "2097152"])
    #expect(try kept("MiMo-V2-Flash").prefix(6) == ["all", "128", "128", "128", "128", "all"])
    #expect(try kept("LFM2-1.2B")[1...3] == ["8192", "all", "8192"])
    #expect(try kept("LongCat-Flash").count == 56)
  }
}
