import CostModel
import Foundation
import Messages

/// A model's published `config.json`.
package enum ModelFile {
  /// The model that `text` names: one of the catalogue, a `config.json`, or a folder that holds one.
  ///
  /// A name of the catalogue means the catalogue's model, whatever lies in the current folder; what begins with `.` or
  /// `/` is a path.
  ///
  /// - Throws: ``UserError`` with the nearest name, or with what is wrong in the file.
  package static func find(_ text: String) throws -> ModelSpec {
    if text.lowercased().hasSuffix(".json") { return try read(path: text) }
    if text.hasPrefix(".") || text.hasPrefix("/") { return try read(folder: text) }
    do { return try catalogued(text) } catch let unknown as UserError {
      guard FileManager.default.fileExists(atPath: text) else { throw unknown }
      return try read(folder: text)
    }
  }

  /// The model that a name means, of the catalogue or of those that are known by their published configuration.
  ///
  /// - Throws: ``UserError`` with the nearest name.
  package static func named(_ text: String) throws -> NamedModel {
    try ModelCatalogue.named(text, among: listed)
  }

  /// Those that are known by a configuration.
  private static let listed = PublishedModels.all + RecalledModels.all

  /// Every model that has a name: those of the catalogue, and the listed ones that it does not have as they are.
  package static var all: [ModelSpec] {
    let names = Set(ModelCatalogue.all.flatMap { [$0.name] + $0.aliases }.map { $0.lowercased() })
    return ModelCatalogue.all
      + listed.filter { names.isDisjoint(with: $0.names.prefix(2)) }.map { $0.make() }
  }

  /// The models that are known by their published configuration, quantized copies among them.
  package static let published: [ModelSpec] = PublishedModels.all.map { $0.make() }

  /// Whether the configuration of an id is recalled.
  package static func isRecalled(_ id: String) -> Bool { RecalledModels.billions[id] != nil }

  /// Whether an id is that of a checkpoint that is known as it was published.
  package static func isPublished(_ id: String) -> Bool {
    PublishedModels.all.contains { $0.id == id }
  }

  private static func read(folder: String) throws -> ModelSpec {
    let config = "\(folder.hasSuffix("/") ? String(folder.dropLast()) : folder)/config.json"
    guard FileManager.default.fileExists(atPath: config) else {
      throw UserError(
        "`\(folder)` is neither a model of the catalogue nor a folder with a `config.json`",
        hint: "give a model's `config.json`, or a name that `kvplan catalog models` lists")
    }
    return try read(path: config)
  }

  /// A model of the catalogue, with its weights stored as the name says.
  private static func catalogued(_ text: String) throws -> ModelSpec {
    let named = try named(text)
    guard let weights = named.weights else { return named.model }
    return WeightRecipe.stored(named.model, as: text, weights: weights)
  }

  /// The model of one configuration; how its weights are stored may stand in a file beside it.
  ///
  /// - Throws: ``UserError`` that names the file, and the field that is missing or wrong.
  package static func read(path: String) throws -> ModelSpec {
    let (root, digest) = try fields(path, of: "a model's `config.json`")
    var model = try ConfigReader(root: root, quantization: try quantizationFile(path)).model()
    model.name = name(path, root)
    model.origin = .init(path: path, digest: digest)
    return model
  }

  /// The fields of a file, and a digest of its bytes.
  ///
  /// - Parameter kind: What the file should be, for messages.
  static func fields(_ path: String, of kind: String) throws -> (ConfigFields, digest: String) {
    let sizeMax = 64 << 20
    guard let data = FileManager.default.contents(atPath: path) else {
      let isThere = FileManager.default.fileExists(atPath: path)
      throw UserError(
        "cannot read `\(path)`: \(isThere ? "it is no file that may be read" : "no such file")",
        hint: "give the path of \(kind)")
    }
    guard data.count <= sizeMax else {
      throw UserError("\(path): \(data.count) bytes are too many for \(kind)")
    }
    let decoder = JSONDecoder()
    // Published files hold numbers that JSON does not have, such as `Infinity`.
    decoder.allowsJSON5 = true
    // Foundation ends the program over a fault of JSON5 beside bytes that are no UTF-8.
    guard String(validating: data, as: UTF8.self) != nil,
      let value = try? decoder.decode(ConfigValue.self, from: data)
    else {
      throw UserError("\(path): not a JSON file", hint: "give \(kind)")
    }
    guard case .object(let values) = value else {
      throw UserError("\(path): must hold an object, found `\(value.shown)`")
    }
    // FNV-1a, 64 bits: told apart are two files of one name, not forgeries.
    let digest = data.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return (ConfigFields(file: path, values: values), String(digest, radix: 16))
  }

  /// `hf_quant_config.json` beside a configuration, under the name that goes with its own.
  private static func quantizationFile(_ path: String) throws -> ConfigFields? {
    let url = URL(filePath: path)
    let name = url.lastPathComponent
    guard name.hasSuffix("config.json") else { return nil }
    let beside = url.deletingLastPathComponent()
      .appending(path: name.dropLast("config.json".count) + "hf_quant_config.json")
    guard FileManager.default.fileExists(atPath: beside.path) else { return nil }
    return try fields(beside.path, of: "a checkpoint's `hf_quant_config.json`").0
  }

  /// The file's name without `config`; of a bare `config.json` what its author called the model, or
  /// else its folder.
  private static func name(_ path: String, _ root: ConfigFields) -> String {
    let url = URL(filePath: path)
    var stem = url.deletingPathExtension().lastPathComponent.lowercased()
    if stem.hasSuffix("config") { stem = String(stem.dropLast("config".count)) }
    if let own = tidied(stem) { return own }
    let given = (try? root.optionalText("_name_or_path")) ?? nil
    let last = given?.split(separator: "/").last.map(String.init) ?? ""
    let folder = url.absoluteURL.deletingLastPathComponent().lastPathComponent
    return tidied(last) ?? tidied(folder) ?? "model"
  }

  /// Letters, digits, `.` and `-`, so that results can hold it; `nil` where none is left.
  private static func tidied(_ text: String) -> String? {
    let letters = text.lowercased().map { letter -> Character in
      letter.isASCII && (letter.isLetter || letter.isNumber || "._".contains(letter)) ? letter : "-"
    }
    let name = String(letters.prefix(100)).trimmingCharacters(in: ["-", "_", "."])
    return name.isEmpty ? nil : name
  }
}
