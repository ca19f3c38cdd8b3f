/// Architectures that are read in one way, by the names that configurations have for them.
struct Architecture {
  var names: [String]
  /// What fields mean that published files of the family leave out.
  var defaults: [String: Int] = [:]
  /// - Parameters:
  ///   - text: The fields of the language model.
  ///   - root: All fields; the same ones where nothing but a language model is there.
  var read: @Sendable (_ text: ConfigFields, _ root: ConfigFields) throws -> ModelDraft

  init(
    _ names: String..., defaults: [String: Int] = [:],
    read: @escaping @Sendable (_ text: ConfigFields, _ root: ConfigFields) throws -> ModelDraft
  ) {
    self.names = names
    self.defaults = defaults
    self.read = read
  }

  /// Every architecture that is known. A new family is a file with its reader, and a line here.
  static let all = [
    dense, qwenDense, mixtral, miniMax, qwenMixture, glmMixture, gptOss, deepSeek, deepSeekSparse,
    deepSeekV4, gemma2, gemma3, gemma4, llama4, deciLM, qwenNext, nemotronH, cohere, ernie, exaone4,
    plainDense, starcoder, olmoe, bailing, ernieMixture, afmoe, kimiLinear, graniteHybrid, bamba,
    falconH1, hunYuan, jamba, step3, longCat, miniMaxText, miMoV2, lfm2, gemma, opt, neoX, falcon,
    chatGLM,
  ]
}
