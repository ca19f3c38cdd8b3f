/// Architectures that are read in one way, by the names that configurations have for them.
struct Architecture {
  var names: [String]
  /// What fields mean that published files of the family leave out.
  var defaults: [String: Int] = [:]
  /// What the family calls fields that most others have under another name.
  var aliases: [String: String] = [:]
  /// - Parameters:
  ///   - text: The fields of the language model.
  ///   - root: All fields; the same ones where nothing but a language model is there.
  var read: @Sendable (_ text: ConfigFields, _ root: ConfigFields) throws -> ModelDraft

  init(
    _ names: String..., defaults: [String: Int] = [:], aliases: [String: String] = [:],
    read: @escaping @Sendable (_ text: ConfigFields, _ root: ConfigFields) throws -> ModelDraft
  ) {
    self.names = names
    self.defaults = defaults
    self.aliases = aliases
    self.read = read
  }

  /// Every architecture that is known. A new family is a file with its reader, and a line here.
  static let all = [
    dense, qwenDense, mixtral, miniMax, graniteShared, qwenMixture, glmMixture, gptOss, deepSeek,
    deepSeekSparse, deepSeekV4, gemma2, gemma3, gemma4, llama4, deciLM, qwenNext, nemotronH, cohere,
    ernie, exaone4, plainDense, starcoder, olmoe, bailing, ernieMixture, afmoe, kimiLinear,
    graniteHybrid, bamba, falconH1, hunYuan, jamba, step3, longCat, miniMaxText, miMoV2, lfm2,
    gemma, opt, neoX, falcon, chatGLM, gemma3n, step35, miniCPM, miniCPM3, zamba2, miniMaxM3,
    exaoneMixture, ernieSeeing, gpt2, gptBigCode, gptJ, bloom, mpt, dbrx, qwen1, grok,
    phi4Multimodal, olmoHybrid, bailingLinear,
  ]

  /// Architectures that no reader will be written for, and why.
  static let refused: [String: String] = {
    let stateless = "keeps one state a sequence and no tokens: it has no KV cache to plan"
    let crossing = "attends to what an encoder made of its input: such a cache is not modelled"
    let reasons = [
      stateless: [
        "MambaForCausalLM", "Mamba2ForCausalLM", "FalconMambaForCausalLM", "RwkvForCausalLM",
        "Rwkv5ForCausalLM", "Rwkv6ForCausalLM", "RWKV7ForCausalLM", "xLSTMForCausalLM",
      ],
      crossing: [
        "MllamaForConditionalGeneration", "WhisperForConditionalGeneration",
        "T5ForConditionalGeneration", "BartForConditionalGeneration",
        "T5GemmaForConditionalGeneration",
      ],
    ]
    return Dictionary(
      uniqueKeysWithValues: reasons.flatMap { reason, names in names.map { ($0, reason) } })
  }()

  /// The one that a configuration names.
  static func named(_ name: String) -> Architecture? { all.first { $0.names.contains(name) } }

  /// The one of a `model_type`: `qwen3_vl_text` is `Qwen3VLForConditionalGeneration`.
  static func ofType(_ type: String) -> Architecture? {
    let wanted = stem(type.filter { $0 != "_" })
    return all.first { $0.names.contains { stem($0) == wanted } }
  }

  /// A name without what it is for, in lower case.
  private static func stem(_ name: String) -> String {
    let uses = ["forcausallm", "forconditionalgeneration", "text", "model"]
    return uses.reduce(name.lowercased()) { name, use in
      name.hasSuffix(use) ? String(name.dropLast(use.count)) : name
    }
  }
}
