import CModels
import CostModel
import Foundation

/// Configurations that the tool carries, a model a line of three columns with tabs between.
enum ModelLines {
  /// The columns of each line.
  static func columns(of bytes: kvplan_model_bytes) -> [[Substring]] {
    let text = String(
      decoding: UnsafeBufferPointer(start: bytes.start, count: bytes.count), as: UTF8.self)
    // As bytes: to look for the ends of characters takes six times as long, before every command.
    return text.utf8.split(separator: UInt8(ascii: "\n")).map { line in
      let columns = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
      precondition(columns.count == 3, "models: \(columns.count) columns in `\(Substring(line))`")
      return columns.map { Substring($0) }
    }
  }

  /// A model that ``ConfigReader`` makes as of any file when it is asked for, called as its id without the owner.
  ///
  /// - Parameters:
  ///   - config: The fields of its `config.json`.
  ///   - beside: Those of the file that says how weights are stored, where there is one.
  static func listed(_ id: String, config: Substring, beside: Substring?) -> ListedModel {
    ListedModel(id: id) {
      do {
        let reader = ConfigReader(
          root: try fields(config, of: id), quantization: try beside.map { try fields($0, of: id) })
        var model = try reader.model()
        model.name = id.split(separator: "/").last.map { $0.lowercased() } ?? id
        model.aliases = [id]
        return model
      } catch {
        preconditionFailure("models: \(id): \(error)")
      }
    }
  }

  private static func fields(_ json: Substring, of id: String) throws -> ConfigFields {
    ConfigFields(
      file: id, values: try JSONDecoder().decode([String: ConfigValue].self, from: Data(json.utf8)))
  }
}
