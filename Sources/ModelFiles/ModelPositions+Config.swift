import CostModel
import Messages

extension ModelPositions {
  /// The fields that state a length, in vLLM's order; the smallest counts, and before all the last one.
  static let fields = [
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_target_positions",
    "max_sequence_length", "max_seq_length", "seq_len", ModelPositions.lastWord,
  ]

  /// The positions of a language model's configuration.
  ///
  /// - Throws: ``UserError`` for one without, and for numbers that make no sense.
  init(_ text: ConfigFields) throws {
    guard let (field, stated) = try Self.stated(text) else {
      _ = try text.count(Self.fields[0], limit: .tokens)
      preconditionFailure("ModelPositions: `\(Self.fields[0])` is there, and was not found")
    }
    self.init(field: field, stated: stated)
    stretch = try Stretch(text, stated: stated)
    isStretched = try text.optionalText("model_type")?.contains("gemma3") ?? false
    try requireLength(text)
  }

  /// The field that counts, with its length; `nil` where there is none.
  static func stated(_ text: ConfigFields) throws -> (field: String, length: Int)? {
    let found = try fields.compactMap { field in
      try text.optionalCount(field, .tokens).map { (field: field, length: $0) }
    }
    return found.last { $0.field == lastWord } ?? found.min { $0.length < $1.length }
  }

  /// - Throws: ``UserError`` where the factor makes more of the positions than any model has.
  func requireLength(_ text: ConfigFields) throws {
    let limit = ConfigFields.Limit.tokens.rawValue
    for release in [nil, VLLMRelease.v1Engine] where longest(in: release) > limit {
      throw text.contradiction(
        "\(origin(in: release)) comes to \(longest(in: release)) positions, beyond a billion")
    }
  }
}

extension ModelPositions.Stretch {
  /// What a configuration says of the stretching; `nil` where it says nothing.
  ///
  /// Newer files have an object for each kind of layer, whose factors agree.
  init?(_ text: ConfigFields, stated: Int) throws {
    guard
      let rope = try text.optionalObject("rope_scaling") ?? text.optionalObject("rope_parameters")
    else { return nil }
    let isFlat = rope.has("rope_type") || rope.has("type")
    let kinds = isFlat ? [rope] : rope.objects
    guard let found = try kinds.compactMap({ try Self(of: $0, text, stated: stated) }).last else {
      return nil
    }
    self = found
  }

  private init?(of rope: ConfigFields, _ text: ConfigFields, stated: Int) throws {
    let kind = try rope.optionalText("rope_type") ?? rope.optionalText("type") ?? "default"
    let factor = try rope.optionalReal("factor") ?? 1
    let original = "original_max_position_embeddings"
    switch kind {
    case "default", "mrope": return nil
    case "llama3": self = .counted
    case "su", "longrope":
      self = .longRoPE(original: try text.optionalCount(original, .tokens))
    case "yarn":
      self = .yarn(
        factor: max(factor, 1), original: try rope.optionalCount(original, .tokens) ?? stated)
    default:
      guard factor > 1 else { return nil }
      self = .factor(factor)
    }
  }
}
