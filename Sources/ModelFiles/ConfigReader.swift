import CostModel
import KVMemory
import Messages

/// What a family's reader makes of a configuration: the layers, and what only that family has.
struct ModelDraft {
  var layers: [ModelLayer]
  /// What the checkpoint calls the parts of its layers.
  var modules = ModuleNames()
  var hasPlainMLP = false
  var normsAcrossHeads = false
  /// Parameters outside the layers beside embedding and LM head.
  var besideLayers = 0
  /// Whether the LM head is the embedding where no field says so.
  var tiesEmbeddings = false
}

/// One configuration on its way to a model.
struct ConfigReader {
  let root: ConfigFields
  /// `hf_quant_config.json`, where there is one.
  let quantization: ConfigFields?

  /// - Throws: ``UserError`` for an architecture that is not known, and a field that cannot be.
  func model() throws -> ModelSpec {
    // Of one that listens and speaks, the part that thinks.
    let whole = try root.optionalObject("thinker_config") ?? root
    // The language model of one that sees, too.
    let inner = try Self.inner.lazy.compactMap { try whole.optionalObject($0) }.first
    let architecture = try architecture(inner)
    var text = inner ?? whole
    text.defaults = architecture.defaults
    text.aliases = architecture.aliases
    if try inner?.optionalText("model_type") == "llama" {
      text.defaults.merge(Self.llamaDefaults) { own, _ in own }
    }
    let draft = try architecture.read(text, whole)
    guard draft.layers.contains(where: { $0.heads != nil }) else {
      throw root.contradiction("no layer of the model attends to other tokens")
    }
    let positions = try ModelPositions(text)
    let storage = try Quantization(root: root, text: text, beside: quantization)
    var model = ModelSpec(
      name: "", aliases: [],
      layers: LayerList(
        storage.stored(draft).map { .init($0.within(positions.longest()), count: 1) }),
      hidden: try text.count("hidden_size", limit: .width),
      vocab: try text.count(
        text.has("padded_vocab_size") ? "padded_vocab_size" : "vocab_size", limit: .vocabulary),
      maxPositions: positions.stated)
    model.positions = positions
    model.tiedEmbeddings =
      try text.optionalFlag("tie_word_embeddings") ?? root.optionalFlag("tie_word_embeddings")
      ?? draft.tiesEmbeddings
    model.hasPlainMLP = draft.hasPlainMLP
    model.normsAcrossHeads = draft.normsAcrossHeads
    model.besideLayers =
      try draft.besideLayers + VisionTower.parameters(whole, text: text)
      + AudioTower.parameters(whole, text: text)
    model.stored = storage.matrices
    return try checked(model)
  }

  /// Where models that see have the fields of their language model.
  private static let inner = ["text_config", "llm_config", "language_config"]

  /// What files leave out of a LLaMA inside another model.
  ///
  /// - Source: `LlamaConfig` of transformers, which writes only what differs from it into the file of the whole.
  private static let llamaDefaults = [
    "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32,
    "num_attention_heads": 32, "vocab_size": 32_000, "max_position_embeddings": 2048,
  ]

  /// How the layers are read: as the language model inside says it is, by its architecture or its type, and else as the whole
  /// model's architecture is.
  private func architecture(_ inner: ConfigFields?) throws -> Architecture {
    let names = try root.texts("architectures") ?? []
    if let found = try inner?.texts("architectures")?.lazy.compactMap(Architecture.named).first {
      return found
    }
    if let type = try inner?.optionalText("model_type"), let found = Architecture.ofType(type) {
      return found
    }
    guard let name = names.first else {
      throw UserError(
        "\(root.file): `architectures` is missing: not the configuration of a language model",
        hint: "give the `config.json` that lies beside the model's weights")
    }
    if let found = names.lazy.compactMap(Architecture.named).first { return found }
    // One of the listed names, which is whole and safe to print.
    if let name = names.first(where: { Architecture.refused[$0] != nil }),
      let reason = Architecture.refused[name]
    {
      throw UserError(
        "\(root.file): `\(name)` \(reason)",
        hint: "docs/MODELS.md has the architectures that are read")
    }
    let listed = Architecture.all.flatMap(\.names)
    let near = nearestName(to: name, among: listed).map { "the nearest is `\($0)`; " } ?? ""
    throw UserError(
      "\(root.file): the architecture `\(printable(name))` is not known",
      hint: "\(near)docs/MODELS.md has the \(listed.count) that are")
  }

  /// The numbers of each field are bounded; here are those that several of them make.
  private func checked(_ model: ModelSpec) throws -> ModelSpec {
    let parametersMax = 100_000_000_000_000
    let parameters = model.parameters()
    guard parameters > 0, parameters <= parametersMax, model.activeParameters > 0 else {
      throw root.contradiction(
        "the fields come to \(parameters) parameters: no model has so many")
    }
    guard model.kvBytesPerToken() > 0 else {
      throw root.contradiction("the fields come to a KV cache without bytes")
    }
    return model
  }
}

extension ModelLayer {
  /// The layer of a model of so many positions: a window that no sequence is longer than is none.
  fileprivate func within(_ positions: Int) -> ModelLayer {
    guard case .heads(let heads, let keeps) = attention, let most = keeps.attendedMax,
      most >= positions
    else { return self }
    var layer = self
    layer.attention = .heads(heads, .all)
    return layer
  }
}
