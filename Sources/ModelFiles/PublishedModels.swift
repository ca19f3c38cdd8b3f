import CModels
import CostModel

/// Models that the tool knows by their published configurations, as quantized checkpoints are published too.
///
/// A line of `models/published.tsv` holds an id, the fields of its `config.json` that are read, and those of the file
/// beside it that says how weights are stored.
///
/// - Source: each model's own published configuration, carried over by `tools/published-models`.
enum PublishedModels {
  /// Every one, by the names that mean it.
  static let all: [ListedModel] = ModelLines.columns(of: kvplan_published_models()).map { columns in
    ModelLines.listed(
      String(columns[0]), config: columns[1], beside: columns[2].isEmpty ? nil : columns[2])
  }
}
