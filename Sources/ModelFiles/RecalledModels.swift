import CModels
import CostModel

/// Models that people ask for by name and of which no published file is at hand.
///
/// A line of `models/recalled.tsv` holds the ids of one shape, the fields of its `config.json` that are read, and the billions of
/// parameters that its publisher states, to which the fields have to come.
///
/// - Source: the fields are recalled, and for a few read in public repositories that quote them (GLM-4.5-Air, GLM-4.7,
///   GLM-4.7-Flash, Llama-4-Maverick, Nemotron-Nano-9B-v2); Qwen3.6 is taken to have the shapes of Qwen3.5, and
///   DeepSeek-V3.2-Exp that of V3.2.
enum RecalledModels {
  /// Every one, by the names that mean it.
  static let all: [ListedModel] = lines.flatMap { line in
    line.ids.map { ModelLines.listed($0, config: line.config, beside: nil) }
  }

  /// The billions of parameters that the publisher of an id states.
  static let billions: [String: Double] = Dictionary(
    uniqueKeysWithValues: lines.flatMap { line in line.ids.map { ($0, line.billions) } })

  private static let lines = ModelLines.columns(of: kvplan_recalled_models()).map { columns in
    (
      ids: columns[0].split(separator: " ").map(String.init), config: columns[1],
      billions: Double(columns[2]) ?? .nan
    )
  }
}
