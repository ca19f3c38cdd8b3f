import CostModel
import Foundation
import Messages

/// `--hf-overrides`: fields in place of those that a model's configuration has, as vLLM takes them; those of positions only.
///
///     {"max_position_embeddings": 65536}
///     {"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}
package struct PositionOverrides: Equatable, Sendable {
  /// As it was given.
  package let text: String
  private let length: Length?
  /// Set or, where it is `nil` inside, taken away.
  private let stretch: ModelPositions.Stretch??

  private struct Length: Equatable, Sendable {
    var field: String
    var tokens: Int
  }

  /// - Throws: ``UserError`` for what is no JSON object, and for fields that are not about positions.
  package init(_ text: String) throws {
    self.text = text
    let flag = "`--hf-overrides`"
    guard let value = try? JSONDecoder().decode(ConfigValue.self, from: Data(text.utf8)),
      case .object(let values) = value
    else {
      throw UserError(
        "\(flag) must be a JSON object, found `\(printable(text))`",
        hint: "give the fields of a `config.json`: `{\"max_position_embeddings\": 65536}`")
    }
    let root = ConfigFields(file: flag, values: values)
    let fields = try root.optionalObject("text_config") ?? root
    let known =
      ModelPositions.fields + [
        "rope_scaling", "rope_parameters", "original_max_position_embeddings", "text_config",
      ]
    for name in root.names + fields.names where !known.contains(name) {
      throw UserError(
        "\(flag) sets `\(printable(name))`: only a model's positions can be overridden",
        hint: "for another field, give the path of a `config.json` that has it so as `--model`")
    }
    length = try ModelPositions.stated(fields).map { Length(field: $0.field, tokens: $0.length) }
    let setsStretch = fields.names.contains { $0 == "rope_scaling" || $0 == "rope_parameters" }
    stretch =
      try setsStretch ? .some(ModelPositions.Stretch(fields, stated: length?.tokens ?? 0)) : nil
  }

  /// The positions of a model with these fields.
  ///
  /// - Throws: ``UserError`` where a factor makes more of them than any model has.
  package func applied(to positions: ModelPositions) throws -> ModelPositions {
    var changed = positions
    if let length {
      let replaces = length.field == positions.field || length.field == ModelPositions.lastWord
      if replaces || length.tokens < positions.stated {
        (changed.field, changed.stated) = (length.field, length.tokens)
      }
    }
    if let stretch { changed.stretch = stretch }
    // YaRN without an original length stretches the stated one.
    if case .yarn(let factor, 0) = changed.stretch {
      changed.stretch = .yarn(factor: factor, original: changed.stated)
    }
    try changed.requireLength(ConfigFields(file: "`--hf-overrides`", values: [:]))
    return changed
  }
}
