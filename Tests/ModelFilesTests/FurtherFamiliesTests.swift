import CostModel
import Foundation
import KVMemory
import Messages
import Testing

@testable import ModelFiles

/// Families that newer and older models have; their parameters are held to published totals by ``PublishedModelsTests``.
@Suite struct FurtherFamiliesTests {
  /// Layers that cache anything, two or one vector each, heads, their width, and two bytes.
  private static let factors: [(id: String, factors: [Int])] = [
    // Twenty of 35 layers, and of 30, have keys and values of their own.
    ("google/gemma-3n-E4B", [20, 2, 2, 256, 2]), ("google/gemma-3n-E2B", [20, 2, 2, 256, 2]),
    // 40 heads of 64 + 32, as vLLM caches them.
    ("openbmb/MiniCPM3-4B", [62, 2, 40, 96, 2]),
    ("stepfun-ai/Step-3.5-Flash", [45, 2, 8, 128, 2]),
    ("Qwen/Qwen3-Omni-30B-A3B-Instruct", [48, 2, 4, 128, 2]),
    ("Qwen/Qwen2.5-Omni-7B", [28, 2, 4, 128, 2]),
    ("mistralai/Mistral-Large-3-675B-Instruct-2512", [61, 512 + 64, 2]),
    ("mistralai/Mistral-Small-4-119B-2603", [36, 256 + 64, 2]),
    ("mistralai/Ministral-3-14B-Instruct-2512", [40, 2, 8, 128, 2]),
    ("deepseek-ai/DeepSeek-OCR", [12, 2, 10, 128, 2]),
    ("deepseek-ai/deepseek-vl2", [30, 512 + 64, 2]),
    ("Zyphra/Zamba2-7B", [13, 2, 32, 224, 2]),
    ("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B", [8, 2, 2, 128, 2]),
    ("LGAI-EXAONE/K-EXAONE-236B-A23B", [48, 2, 8, 128, 2]),
    ("baidu/ERNIE-4.5-VL-28B-A3B", [28, 2, 4, 128, 2]),
    ("bigcode/starcoder", [40, 2, 1, 128, 2]), ("openai-community/gpt2", [12, 2, 12, 64, 2]),
    ("bigscience/bloom", [70, 2, 112, 128, 2]), ("mosaicml/mpt-30b", [48, 2, 64, 112, 2]),
    ("databricks/dbrx", [40, 2, 8, 128, 2]), ("xai-org/grok-2", [64, 2, 8, 128, 2]),
    ("llava-hf/llava-1.5-7b-hf", [32, 2, 32, 128, 2]),
    ("microsoft/Phi-4-multimodal", [32, 2, 8, 128, 2]),
    ("google/paligemma2-10b-pt-448", [42, 2, 8, 256, 2]),
  ]

  /// Keys and values of a token in 16 bits, of every layer that caches any, by hand.
  @Test(arguments: factors) func aTokenTakes(id: String, factors: [Int]) throws {
    #expect(try ModelFile.find(id).kvBytesPerToken() == factors.reduce(1, *))
  }

  /// Layers by what they keep, in their order.
  @Test func windowsStandWhereTheFileSays() throws {
    func kept(_ id: String) throws -> [String] {
      try ModelFile.find(id).layers.runs.flatMap { run in
        let text =
          switch run.layer.attention {
          case .heads(let heads, let kind):
            "\(heads.query) of \(kind.attendedMax.map { "\($0)" } ?? "all")"
          case .recurrent(let state): "state of \(state.stateBytes)"
          default: "nothing"
          }
        return Array(repeating: text, count: run.count)
      }
    }
    let (near, far) = ("96 of 512", "64 of all")
    #expect(try kept("stepfun-ai/Step-3.5-Flash").prefix(5) == [far, near, near, near, far])
    let gemma = try kept("google/gemma-3n-E4B")
    let (local, all) = ("8 of 512", "8 of all")
    #expect(gemma[14...20] == [all, local, local, local, local, all, "nothing"])
    // 112 heads of 64 × 64 in two bytes, 917,504, and three inputs of 7,168 + 2 × 2 × 64 columns, 44,544.
    let state = "state of 962048"
    #expect(try kept("Zyphra/Zamba2-7B")[5...8] == [state, "32 of all", state, state])
  }

  /// Experts between two projections: a token passes 12.7 of 120.6 billion parameters (model card, recalled), and each format is counted once.
  @Test func expertsOfANarrowerStream() throws {
    var model = try ModelFile.find("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B")
    let active = Double(model.activeParameters) / 1e9
    #expect(abs(active / 12.7 - 1) < 0.015, "\(active)")
    let wide = model.weightBytes(tensorParallel: 1, elements: .bfloat16)
    model.stored = WeightFormat(.nvfp4)
    let narrow = model.weightBytes(tensorParallel: 1, elements: .nvfp4)
    #expect(narrow > wide / 4 && narrow < wide / 3)
  }

  /// What transformers counts of the towers of these models, projectors included.
  @Test(
    arguments: [
      ("Qwen/Qwen2-VL-7B", 675_759_104), ("zai-org/GLM-4.6V", 858_681_856),
      ("mistralai/Pixtral-12B-2409", 434_772_992),
      ("mistralai/Mistral-Small-3.1-24B-Instruct-2503", 438_958_080),
      ("llava-hf/llava-1.5-7b-hf", 324_487_168), ("OpenGVLab/InternVL3_5-38B", 5_628_282_240),
      ("Qwen/Qwen2-Audio-7B", 642_215_936), ("Qwen/Qwen3-VL-32B-Instruct", 595_266_800),
    ])
  func towersWeighWhatTheirCodeSays(id: String, parameters: Int) throws {
    let found = try ModelFile.find(id).besideLayers
    #expect(abs(Double(found) / Double(parameters) - 1) < 0.01, "\(found)")
  }

  // MARK: Files

  private func message(_ fields: String) -> String? {
    let mistake = #expect(throws: UserError.self) { try KnownShape.read(fields) }
    return mistake.map {
      String(
        $0.message[($0.message.firstRange(of: ".json: ")?.upperBound ?? $0.message.startIndex)...])
    }
  }

  /// The language model inside says what it is, whatever it is in.
  @Test func aModelInsideIsReadByItsType() throws {
    let llama = HandmadeConfig.llama.replacingOccurrences(
      of: #""architectures": ["LlamaForCausalLM"]"#, with: #""model_type": "llama""#)
    let whole = try KnownShape.read(
      #"{"architectures": ["NewFangledForConditionalGeneration"], "text_config": \#(llama)}"#)
    let alone = try KnownShape.read(HandmadeConfig.llama)
    #expect(whole.layers == alone.layers && whole.parameters() == alone.parameters())
    // What is left out is what LLaMA has.
    let usual = try KnownShape.read(
      #"{"architectures": ["LlavaForConditionalGeneration"], "text_config": {"model_type": "llama"}}"#
    )
    #expect(usual.parameters() == (try ModelFile.find("huggyllama/llama-7b")).parameters())
    // A Mistral of latent attention is no LLaMA.
    let small = try ModelFile.find("mistralai/Mistral-Small-4-119B-2603")
    #expect(small.hasLatentAttention)
  }

  @Test func whatHasNoCacheIsRefused() {
    #expect(
      message(#"{"architectures": ["Rwkv6ForCausalLM"], "hidden_size": 4096}"#)
        == "`Rwkv6ForCausalLM` keeps one state a sequence and no tokens: it has no KV cache to plan"
    )
    #expect(
      message(
        #"{"architectures": ["MllamaForConditionalGeneration"], "text_config": {"model_type": "mllama_text_model"}}"#
      )
        == "`MllamaForConditionalGeneration` attends to what an encoder made of its input: such a cache is not modelled"
    )
  }

  /// A message has the name that the file has for a field.
  @Test func mistakesNameTheFamilysOwnField() {
    #expect(
      message(
        #"{"architectures": ["GPT2LMHeadModel"], "n_embd": 0, "n_layer": 2, "n_head": 4, "n_positions": 64, "vocab_size": 100}"#
      )
        == "`n_embd` must be a whole number from 1 to 262144, found `0`")
    #expect(
      message(
        #"{"architectures": ["GPT2LMHeadModel"], "n_embd": 64, "n_head": 4, "n_positions": 64, "vocab_size": 100}"#
      )
        == "`n_layer` is missing")
  }

  @Test(arguments: [
    ("fp8_e4m3", "null", ElementType.fp8, 1), ("fp8_e4m3", "32", .fp8, 1.03125),
    ("fp4", "32", .int4, 0.53125),
  ])
  func quarksFormatsAreKnown(type: String, group: String, elements: ElementType, bytes: Double)
    throws
  {
    let model = try KnownShape.read(
      HandmadeConfig.llama(
        #""quantization_config": {"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "\#(type)", "group_size": \#(group)}}, "exclude": ["lm_head"]}"#
      ))
    #expect(model.stored.elements == elements && model.stored.bytes == bytes)
  }

  @Test func aGGUFFileIsNotRead() {
    let mistake = #expect(throws: UserError.self) {
      try ModelFile.find("unsloth/Llama-3.3-70B-Instruct-GGUF")
    }
    #expect(
      mistake?.description == """
        error: `unsloth/Llama-3.3-70B-Instruct-GGUF` names a GGUF file, whose formats are not modelled

        hint: give the name of the original model, with `--quantization int4` or `int8` for what is near
        """)
  }
}
