import Messages

extension ModelCatalogue {
  /// Models that were trained further, or anew in the same shape.
  ///
  /// - Source: the models' cards and configurations; those of the year 2024 and 2025 from memory.
  private static let twins = [
    ModelTwin(name: "llama-3.3-70b", of: "llama-3.1-70b"),
    ModelTwin(name: "deepseek-r1-distill-llama-70b", of: "llama-3.1-70b"),
    ModelTwin(name: "deepseek-r1-distill-llama-8b", of: "llama-3.1-8b"),
    ModelTwin(name: "llama-3.1-nemotron-70b", of: "llama-3.1-70b"),
    ModelTwin(name: "codellama-7b", of: "llama-2-7b", maxPositions: 16_384),
    ModelTwin(name: "vicuna-7b", of: "llama-2-7b"),
    ModelTwin(name: "vicuna-13b", of: "llama-2-13b"),
    ModelTwin(name: "qwen2-7b", of: "qwen2.5-7b"),
    ModelTwin(name: "qwen2.5-coder-7b", of: "qwen2.5-7b"),
    ModelTwin(name: "qwen2-72b", of: "qwen2.5-72b"),
    ModelTwin(name: "qwen3-30b-a3b-instruct-2507", of: "qwen3-30b-a3b", maxPositions: 262_144),
    ModelTwin(name: "qwen3-30b-a3b-thinking-2507", of: "qwen3-30b-a3b", maxPositions: 262_144),
    ModelTwin(name: "qwen3-coder-30b-a3b", of: "qwen3-30b-a3b", maxPositions: 262_144),
    ModelTwin(name: "qwen3-235b-a22b-instruct-2507", of: "qwen3-235b-a22b", maxPositions: 262_144),
    ModelTwin(name: "qwen3-235b-a22b-thinking-2507", of: "qwen3-235b-a22b", maxPositions: 262_144),
    ModelTwin(name: "deepseek-v3.1", of: "deepseek-v3"),
  ]

  /// The model that a name means: of the catalogue, by an alias, as a twin, or with what publishers append.
  ///
  /// - Parameter listed: Further models, for names that the catalogue does not have as they are.
  /// - Throws: ``UserError`` that names a model of the same family and size, if there is one.
  package static func named(
    _ typed: String, among listed: [ListedModel] = []
  ) throws -> NamedModel {
    for candidate in ModelName(typed).candidates {
      if let model = known(candidate.text) {
        return NamedModel(model: model, weights: candidate.weights)
      }
      if let model = listed.first(where: { $0.names.contains(candidate.text) }) {
        return NamedModel(model: model.make(), weights: candidate.weights)
      }
    }
    if typed.lowercased().hasSuffix("gguf") {
      throw UserError(
        "`\(typed)` names a GGUF file, whose formats are not modelled",
        hint: "give the name of the original model, with `--quantization int4` or `int8` for what "
          + "is near")
    }
    throw UserError("unknown model `\(typed)`", hint: hint(for: typed, among: listed))
  }

  /// The model called `name`, for where a name cannot say how weights are stored.
  ///
  /// - Throws: ``UserError`` as ``named(_:)``, and where the name does say so.
  package static func find(_ name: String) throws -> ModelSpec {
    let named = try named(name)
    guard let weights = named.weights, weights != .bfloat16 else { return named.model }
    throw UserError(
      "`\(name)` is `\(named.model.name)` with \(weights.rawValue) weights",
      hint: "give `--model \(named.model.name) --quantization \(weights.rawValue)`")
  }

  private static func known(_ name: String) -> ModelSpec? {
    let found = all.first { model in
      model.name == name
        || model.aliases.contains { alias in
          let alias = alias.lowercased()
          return alias == name || alias.hasSuffix("/" + name)
        }
    }
    if let found { return found }
    guard let twin = twins.first(where: { $0.name == name }),
      var model = all.first(where: { $0.name == twin.of })
    else { return nil }
    model.name = twin.name
    model.aliases = []
    if let positions = twin.maxPositions { model.maxPositions = positions }
    return model
  }

  /// One way out: a name that was mistyped, or the nearest model of the same family and size.
  private static func hint(for typed: String, among listed: [ListedModel]) -> String {
    let listing = "`kvplan catalog models` lists all"
    let unlisted = listing + "; any other model is read from the path of its `config.json`"
    let names = all.map(\.name) + twins.map(\.name) + listed.map { $0.names[1] }
    guard let (family, billions) = ModelName.familyAndSize(typed) else {
      let near = nearestName(to: typed, among: names + all.flatMap(\.aliases) + listed.map(\.id))
      return near.map { "did you mean `\($0)`? \(listing)" } ?? unlisted
    }
    let relatives = names.filter { name in
      guard let other = ModelName.familyAndSize(name), other.family == family else { return false }
      return (0.8...1.25).contains(other.billions / billions)
    }
    guard let near = nearestName(to: typed, among: relatives) ?? relatives.first else {
      return unlisted
    }
    return "did you mean `\(near)`? \(listing)"
  }
}
