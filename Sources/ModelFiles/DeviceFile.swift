import CostModel
import Messages

/// A device that the catalogue lacks, from a JSON file.
///
/// | field | unit | |
/// |---|---|---|
/// | `name` | | letters, digits, `.`, `_`, `-`; no name of the catalogue |
/// | `memory_gib` | GiB | the total that an engine prints |
/// | `memory_bandwidth_gb_per_s` | GB/s | |
/// | `tensor_tflops` | TFLOP/s | dense, 16 bits, accumulated in 32 |
/// | `tensor_tflops_8bit`, `tensor_tflops_4bit` | TFLOP/s | optional |
/// | `multiprocessors` | | |
/// | `cache_mb` | MB | last level |
/// | `link_gb_per_s` | GB/s and direction | optional; without it GPUs talk over PCIe |
/// | `pcie_gb_per_s` | GB/s and direction | |
/// | `tdp_watts` | W | |
/// | `idle_watts` | W | optional; with a model loaded and nothing to compute, at most `tdp_watts` |
/// | `architecture` | | volta, turing, ampere, ada, hopper, blackwell, blackwell-graphics, cdna3, cdna4, cpu or other |
/// | `dollars_per_hour` | $ | optional |
package enum DeviceFile {
  /// The device that `text` names: one of the catalogue, or a file where it begins with `.` or `/` or ends in `.json`.
  ///
  /// - Parameter forMemory: As ``DeviceCatalogue/find(_:forMemory:)`` has it.
  /// - Throws: ``UserError`` as the catalogue throws it, or with the file and the field that is missing or wrong.
  package static func find(_ text: String, forMemory: Bool = false) throws -> DeviceSpec {
    let isFile = text.hasPrefix(".") || text.hasPrefix("/") || text.lowercased().hasSuffix(".json")
    return try isFile ? read(path: text) : DeviceCatalogue.find(text, forMemory: forMemory)
  }

  /// - Throws: ``UserError`` with the file and the field that is missing or wrong.
  package static func read(path: String) throws -> DeviceSpec {
    let (fields, digest) = try ModelFile.fields(path, of: "a device's description")
    let reader = DeviceReader(fields: fields)
    try reader.requireKnownFields()
    var device = DeviceSpec(
      name: try reader.name(),
      memoryBytes: Int(try reader.number("memory_gib", upTo: 65_536) * Double(1 << 30)),
      architecture: try reader.architecture(),
      memoryBandwidth: try reader.rate("memory_bandwidth_gb_per_s") * 1e9,
      tensorRate: try reader.rate("tensor_tflops") * 1e12,
      multiprocessors: try fields.count("multiprocessors", limit: .heads),
      cacheBytes: try reader.number("cache_mb", upTo: 1e6) * 1e6,
      pcieBandwidth: try reader.rate("pcie_gb_per_s") * 1e9,
      tdpWatts: try reader.number("tdp_watts", upTo: 1e6))
    device.tensorRate8 = try reader.optionalRate("tensor_tflops_8bit").map { $0 * 1e12 }
    device.tensorRate4 = try reader.optionalRate("tensor_tflops_4bit").map { $0 * 1e12 }
    device.linkBandwidth = try reader.optionalRate("link_gb_per_s").map { $0 * 1e9 }
    device.idlePower = try reader.optional("idle_watts", upTo: device.tdpWatts).map {
      .init(watts: $0, source: path)
    }
    device.price = try reader.optional("dollars_per_hour", upTo: 1e6).map {
      .init(dollarsPerHour: $0, source: path)
    }
    device.origin = .init(path: path, digest: digest)
    return device
  }
}

/// The fields of one file, checked.
private struct DeviceReader {
  let fields: ConfigFields

  static let names = [
    "name", "memory_gib", "memory_bandwidth_gb_per_s", "tensor_tflops", "tensor_tflops_8bit",
    "tensor_tflops_4bit", "multiprocessors", "cache_mb", "link_gb_per_s", "pcie_gb_per_s",
    "tdp_watts", "idle_watts", "architecture", "dollars_per_hour",
  ]

  /// A field that is mistyped is not left out.
  func requireKnownFields() throws {
    guard let unknown = fields.names.first(where: { !Self.names.contains($0) }) else { return }
    throw UserError(
      "\(fields.file): unknown field `\(printable(unknown))`",
      hint: nearestName(to: unknown, among: Self.names).map { "did you mean `\($0)`?" }
        ?? "fields are \(Self.names.joined(separator: ", "))")
  }

  /// A number above 0.
  func optional(_ name: String, upTo most: Double) throws -> Double? {
    guard let value = try fields.optionalReal(name) else { return nil }
    guard value > 0, value <= most else {
      throw UserError(
        "\(fields.file): `\(name)` must be above 0 and at most \(Int(most)), found `\(value)`")
    }
    return value
  }

  func number(_ name: String, upTo most: Double) throws -> Double {
    if let value = try optional(name, upTo: most) { return value }
    throw missing(name)
  }

  /// GB/s or TFLOP/s. With less than a hundredth of one an iteration takes longer than simulated time can count.
  func optionalRate(_ name: String) throws -> Double? {
    guard let value = try fields.optionalReal(name) else { return nil }
    guard value >= 0.01, value <= 1e6 else {
      throw UserError(
        "\(fields.file): `\(name)` must be from 0.01 to 1000000, found `\(value)`")
    }
    return value
  }

  func rate(_ name: String) throws -> Double {
    if let value = try optionalRate(name) { return value }
    throw missing(name)
  }

  func name() throws -> String {
    guard let name = try fields.optionalText("name") else { throw missing("name") }
    let isPlain = name.allSatisfy { letter in
      letter.isASCII && (letter.isLetter || letter.isNumber || "._-".contains(letter))
    }
    guard isPlain, (1...100).contains(name.count) else {
      throw UserError(
        "\(fields.file): `name` must be of up to 100 letters, digits, `.`, `_` and `-`, found `\(printable(name))`"
      )
    }
    guard (try? DeviceCatalogue.find(name)) == nil else {
      throw UserError(
        "\(fields.file): `name` is `\(name)`, which the catalogue has", hint: "give it another name"
      )
    }
    return name
  }

  func architecture() throws -> DeviceSpec.Architecture {
    guard let text = try fields.optionalText("architecture") else { throw missing("architecture") }
    guard let found = DeviceSpec.Architecture(rawValue: text) else {
      let all = DeviceSpec.Architecture.allCases.map(\.rawValue)
      throw UserError(
        "\(fields.file): unknown `architecture` `\(printable(text))`",
        hint: "choose of \(all.joined(separator: ", "))")
    }
    return found
  }

  private func missing(_ name: String) -> UserError {
    UserError(
      "\(fields.file): `\(name)` is missing",
      hint: "docs/KV_BUDGET.md has every field of a device's description")
  }
}
