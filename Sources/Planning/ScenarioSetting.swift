import CostModel
import Messages
import Serving

/// One setting of a scenario by the name of its flag, for whoever sets it from text: `--vary`, the axes of a
/// sweep. ``all`` has one line a setting.
package struct ScenarioSetting: Sendable {
  /// A value that was understood and can be given to any number of scenarios.
  package typealias Change = @Sendable (inout Scenario) -> Void

  /// The flag without its dashes.
  package let name: String
  /// What may be given, for messages: `a whole number`, `one of auto, swap`.
  package let allowed: String
  /// Whether the text is the path of a file.
  package private(set) var isFile = false
  /// The value as ``change(_:)`` reads it, so that a scenario can be told from another.
  package let text: @Sendable (Scenario) -> String
  /// What the text means; `nil` where it means nothing, an error where its own is better.
  private let read: @Sendable (String) throws -> Change?

  private init(
    name: String, allowed: String, text: @escaping @Sendable (Scenario) -> String,
    read: @escaping @Sendable (String) throws -> Change?
  ) {
    self.name = name
    self.allowed = allowed
    self.text = text
    self.read = read
  }

  /// What `text` asks for.
  ///
  /// - Throws: ``UserError`` that names the flag, the text and what is allowed.
  package func change(_ text: String) throws -> Change {
    if let change = try read(text) { return change }
    throw UserError("`\(name)` must be \(allowed), found `\(text)`")
  }

  /// The setting of that name.
  ///
  /// - Throws: ``UserError`` that names the nearest.
  package static func find(_ name: String) throws(UserError) -> ScenarioSetting {
    if let setting = all.first(where: { $0.name == name }) { return setting }
    let names = all.map(\.name)
    throw UserError(
      "unknown setting `\(name)`",
      hint: nearestName(to: name, among: names).map { "did you mean `\($0)`?" }
        ?? "settings are named as the flags of `kvplan simulate`: \(names.joined(separator: ", "))")
  }

  /// Every setting, in the order of the help text.
  package static let all: [ScenarioSetting] = [
    .choice("system", \.system),
    .named("model", \.model, name: \.name) { try ModelCatalogue.find($0) },
    .named("device", \.device, name: \.name) { try DeviceCatalogue.find($0) },
    .file("device-profile", \.deviceProfile, name: \.name) { try DeviceProfile.read(path: $0) },
    .count("tensor-parallel-size", \.tensorParallel),
    .count("pipeline-parallel-size", \.pipelineParallel),
    .elements(
      "quantization", \.weights,
      [
        "none": .bfloat16, "fp8": .fp8, "int8": .int8, "int4": .int4, "nvfp4": .nvfp4,
      ]),
    .elements(
      "kv-cache-dtype", \.kvCache,
      [
        "auto": .bfloat16, "fp8": .fp8, "bfloat16": .bfloat16, "bf16": .bfloat16,
        "fp8_e4m3": .fp8, "fp8_e5m2": .fp8,
      ]),
    .count("block-size", \.blockSize),
    .number("gpu-memory-utilization", \.gpuMemoryUtilization),
    .count("num-gpu-blocks-override", \.deviceBlocksOverride),
    .number("swap-space", \.swapSpaceGiB),
    .count("max-num-seqs", \.maxSequences),
    .count("max-num-batched-tokens", \.maxBatchedTokens),
    .count("max-model-len", \.maxModelLength),
    .choice("page-group-size", \.virtualMemory.pageGroup),
    .choice("preemption-mode", \.preemptionMode),
    .text("engine-release", \.engineRelease),
    .yesNo("enable-prefix-caching", \.prefixCaching),
    .yesNo("enable-chunked-prefill", \.chunkedPrefill),
    .count("long-prefill-token-threshold", \.longPrefillTokenThreshold),
    .rate("request-rate", \.requestRate),
    .count("max-concurrency", \.maxConcurrency),
    .count("num-warmups", \.warmups),
    .count("num-prompts", \.promptCount),
    .number("from-second", \.windowFrom),
    .number("to-second", \.windowTo),
    .choice("oversized", \.oversized),
    .choice("stepping", \.stepping),
    .count("seed", \.seed),
  ]
}

/// The kinds of setting, so that ``ScenarioSetting/all`` reads as a table. Where the system or the model has
/// a default, `default` asks for it.
extension ScenarioSetting {
  private typealias Path<Value> = any (WritableKeyPath<Scenario, Value> & Sendable)

  /// What stands for a value that is left to the system or the model.
  private static let unset = "default"

  private static func required<Value: Sendable>(
    _ name: String, _ path: Path<Value>, _ allowed: String,
    text: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) throws -> Value?
  ) -> ScenarioSetting {
    ScenarioSetting(
      name: name, allowed: allowed, text: { text($0[keyPath: path]) },
      read: { given in
        guard let value = try read(given) else { return nil }
        return { $0[keyPath: path] = value }
      })
  }

  private static func optional<Value: Sendable>(
    _ name: String, _ path: Path<Value?>, _ allowed: String,
    text: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) throws -> Value?
  ) -> ScenarioSetting {
    ScenarioSetting(
      name: name, allowed: "\(allowed), or `\(unset)`",
      text: { $0[keyPath: path].map(text) ?? unset },
      read: { given in
        if given == unset { return { $0[keyPath: path] = nil } }
        guard let value = try read(given) else { return nil }
        return { $0[keyPath: path] = value }
      })
  }

  private static let wholeNumber = "a whole number"

  private static func count<Value: FixedWidthInteger & Sendable>(
    _ name: String, _ path: Path<Value>
  ) -> ScenarioSetting {
    required(name, path, wholeNumber, text: { "\($0)" }, read: { Value($0) })
  }

  private static func count(_ name: String, _ path: Path<Int?>) -> ScenarioSetting {
    optional(name, path, wholeNumber, text: { "\($0)" }, read: { Int($0) })
  }

  private static func number(_ name: String, _ path: Path<Double>) -> ScenarioSetting {
    required(name, path, "a number", text: { "\($0)" }, read: finite)
  }

  private static func number(_ name: String, _ path: Path<Double?>) -> ScenarioSetting {
    optional(name, path, "a number", text: { "\($0)" }, read: finite)
  }

  /// Requests per second; `inf` for all at once.
  private static func rate(_ name: String, _ path: Path<Double?>) -> ScenarioSetting {
    optional(
      name, path, "a number or `inf`", text: { "\($0)" },
      read: { $0 == "inf" ? .infinity : finite($0) })
  }

  @Sendable private static func finite(_ text: String) -> Double? {
    Double(text).flatMap { $0.isFinite ? $0 : nil }
  }

  /// How something is stored, in the words of its flag; of several for one type the first names it.
  private static func elements(
    _ name: String, _ path: Path<ElementType>, _ words: KeyValuePairs<String, ElementType>
  ) -> ScenarioSetting {
    let words = words.map { (text: $0.key, type: $0.value) }
    return required(
      name, path, "one of \(words.map(\.text).joined(separator: ", "))",
      text: { type in words.first { $0.type == type }?.text ?? type.rawValue },
      read: { text in words.first { $0.text == text }?.type })
  }

  private static func yesNo(_ name: String, _ path: Path<Bool?>) -> ScenarioSetting {
    optional(name, path, "true or false", text: { "\($0)" }, read: { Bool($0) })
  }

  private static func text(_ name: String, _ path: Path<String?>) -> ScenarioSetting {
    optional(name, path, "a name", text: { $0 }, read: { $0 })
  }

  private static func choice<Value: CaseIterable & RawRepresentable & Sendable>(
    _ name: String, _ path: Path<Value>
  ) -> ScenarioSetting where Value.RawValue: Sendable {
    let names = Value.allCases.map { "\($0.rawValue)" }
    return required(
      name, path, "one of \(names.joined(separator: ", "))", text: { "\($0.rawValue)" },
      read: { given in
        if let value = Value.allCases.first(where: { "\($0.rawValue)" == given }) { return value }
        guard let near = nearestName(to: given, among: names) else { return nil }
        throw UserError("unknown `\(name)` `\(given)`", hint: "did you mean `\(near)`?")
      })
  }

  private static func named<Value: Sendable>(
    _ name: String, _ path: Path<Value>, name text: @escaping @Sendable (Value) -> String,
    find: @escaping @Sendable (String) throws -> Value
  ) -> ScenarioSetting {
    required(name, path, "a name", text: text, read: find)
  }

  private static func file<Value: Sendable>(
    _ name: String, _ path: Path<Value?>, name text: @escaping @Sendable (Value) -> String,
    read: @escaping @Sendable (String) throws -> Value
  ) -> ScenarioSetting {
    var setting = optional(name, path, "a file", text: text, read: read)
    setting.isFile = true
    return setting
  }
}
