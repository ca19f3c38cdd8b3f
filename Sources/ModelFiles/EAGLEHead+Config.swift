import CostModel
import Messages

extension EAGLEHead {
  /// Reads the `config.json` of a head.
  ///
  /// - Throws: ``UserError`` that names the file, and the field that is missing or wrong.
  package init(path: String) throws {
    let (root, _) = try ModelFile.fields(path, of: "the `config.json` of an EAGLE-3 head")
    let names = try root.texts("architectures") ?? []
    guard names.contains(where: { $0.contains("Eagle3") }) else {
      throw UserError(
        "\(root.file): the architecture `\(printable(names.first ?? ""))` is not that of an EAGLE-3 head",
        hint:
          "such heads have `LlamaForCausalLMEagle3`; leave `model` out for one of the usual size")
    }
    let hidden = try root.count("hidden_size", limit: .width)
    let query = try root.count("num_attention_heads", limit: .heads)
    let vocab = try root.count("vocab_size", limit: .vocabulary)
    let dim = try root.optionalCount("head_dim", .width) ?? hidden / query
    let kv = try root.optionalCount("num_key_value_heads", .heads) ?? query
    guard dim > 0, query % kv == 0 else {
      throw root.contradiction(
        "\(query) heads of \(dim) elements over \(kv) heads of keys and values")
    }
    self.init(
      hidden: hidden, ffn: try root.count("intermediate_size", limit: .innerWidth),
      heads: .init(query: query, kv: kv, dim: dim), vocab: vocab,
      draftVocab: try root.optionalCount("draft_vocab_size", .vocabulary) ?? vocab)
    layers = try root.count("num_hidden_layers", limit: .layers)
  }
}
