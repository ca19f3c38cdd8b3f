import CostModel
import KVMemory
import Messages

/// What a family's reader makes of a configuration: the layers, and what only that family has.
struct ModelDraft {
  var layers: [ModelLayer]
  /// What the checkpoint calls the parts of its layers.
  var modules = ModuleNames()
  var hasPlainMLP = false
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
    // The language model of one that sees, too.
    let inner = try Self.inner.lazy.compactMap { try root.optionalObject($0) }.first
    let architecture = try architecture(inner)
    var text = inner ?? root
    text.defaults = architecture.defaults
    let draft = try architecture.read(text, root)
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
    model.besideLayers = try draft.besideLayers + VisionTower.parameters(root)
    model.stored = storage.matrices
    return try checked(model)
  }

  /// Where models that see have the fields of their language model.
  private static let inner = ["text_config", "llm_config", "language_config"]

  /// - Parameter inner: The fields of the language model inside, whose architecture is read where the whole one's is not known.
  private func architecture(_ inner: ConfigFields?) throws -> Architecture {
    let names = try (root.texts("architectures") ?? []) + (inner?.texts("architectures") ?? [])
    let known = Architecture.all
    guard let name = names.first else {
      throw UserError(
        "\(root.file): `architectures` is missing: not the configuration of a language model",
        hint: "give the `config.json` that lies beside the model's weights")
    }
    if let found = names.lazy.compactMap({ name in known.first { $0.names.contains(name) } }).first
    {
      return found
    }
    let listed = known.flatMap(\.names)
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
