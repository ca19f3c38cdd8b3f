import CModels
import CostModel
import Foundation

/// Models that the tool knows by their published configurations, as quantized checkpoints are published too.
///
/// A line of `models/published.tsv` holds an id, the fields of its `config.json` that are read, and those of the file
/// beside it that says how weights are stored; ``ConfigReader`` makes the model of it as of any file.
///
/// - Source: each model's own published configuration, carried over by `tools/published-models`.
enum PublishedModels {
  /// Every one, by the names that mean it.
  static let all: [ListedModel] = lines.map { line in
    ListedModel(id: line.id, make: { line.model })
  }

  private struct Line {
    let id: String
    let config: Substring
    let beside: Substring?

    /// The model, called as its id without the owner.
    var model: ModelSpec {
      do {
        let reader = ConfigReader(
          root: try fields(config), quantization: try beside.map(fields))
        var model = try reader.model()
        model.name = id.split(separator: "/").last.map { $0.lowercased() } ?? id
        model.aliases = [id]
        return model
      } catch {
        preconditionFailure("published.tsv: \(id): \(error)")
      }
    }

    private func fields(_ json: Substring) throws -> ConfigFields {
      ConfigFields(
        file: id,
        values: try JSONDecoder().decode([String: ConfigValue].self, from: Data(json.utf8)))
    }
  }

  private static let lines: [Line] = {
    let bytes = kvplan_published_models()
    let text = String(
      decoding: UnsafeBufferPointer(start: bytes.start, count: bytes.count), as: UTF8.self)
    return text.split(separator: "\n").map { line in
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
      precondition(columns.count == 3, "published.tsv: \(columns.count) columns in `\(line)`")
      return Line(
        id: String(columns[0]), config: columns[1], beside: columns[2].isEmpty ? nil : columns[2])
    }
  }()
}
