import CostModel
import Messages
import ModelFiles
import Serving
import SimulationKernel
import Workload

/// The kinds of setting, so that ``ScenarioSetting/all`` reads as a table. Where the system or the model has
/// a default, `default` asks for it.
extension ScenarioSetting {
  typealias Path<Value> = any (WritableKeyPath<Scenario, Value> & Sendable)

  /// What stands for a value that is left to the system or the model.
  private static let unset = "default"

  /// A scenario of which nothing is set.
  private static let plain = Scenario(
    system: ServingSystem.all[0], model: ModelCatalogue.all[0], device: DeviceCatalogue.all[0])

  private static func required<Value: Sendable>(
    _ name: String, _ path: Path<Value>, _ allowed: String,
    text: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) throws -> Value?
  ) -> ScenarioSetting {
    let value = plain[keyPath: path]
    let unset = text(value)
    return ScenarioSetting(
      name: name, allowed: allowed, text: { text($0[keyPath: path]) },
      isSet: { text($0[keyPath: path]) != unset }, clear: { $0[keyPath: path] = value },
      read: { given in
        guard let value = try read(given) else { return nil }
        return { $0[keyPath: path] = value }
      })
  }

  private static func optional<Value: Sendable>(
    _ name: String, _ path: Path<Value?>, _ allowed: String, isFile: Bool = false,
    text: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) throws -> Value?
  ) -> ScenarioSetting {
    ScenarioSetting(
      name: name, allowed: "\(allowed), or `\(unset)`", isFile: isFile,
      text: { $0[keyPath: path].map(text) ?? unset },
      isSet: { $0[keyPath: path] != nil }, clear: { $0[keyPath: path] = nil },
      read: { given in
        if given == unset { return { $0[keyPath: path] = nil } }
        guard let value = try read(given) else { return nil }
        return { $0[keyPath: path] = value }
      })
  }

  private static let wholeNumber = "a whole number"

  static func count<Value: FixedWidthInteger & Sendable>(
    _ name: String, _ path: Path<Value>
  ) -> ScenarioSetting {
    required(name, path, wholeNumber, text: { "\($0)" }, read: { Value($0) })
  }

  static func count(_ name: String, _ path: Path<Int?>) -> ScenarioSetting {
    optional(name, path, wholeNumber, text: { "\($0)" }, read: { Int($0) })
  }

  /// A count that vLLM takes with a suffix too.
  static func readable(_ name: String, _ path: Path<Int?>) -> ScenarioSetting {
    optional(name, path, wholeNumber, text: { "\($0)" }, read: { ReadableCount($0)?.value })
  }

  static func number(_ name: String, _ path: Path<Double>) -> ScenarioSetting {
    required(name, path, "a number", text: { "\($0)" }, read: finite)
  }

  static func number(_ name: String, _ path: Path<Double?>) -> ScenarioSetting {
    optional(name, path, "a number", text: { "\($0)" }, read: finite)
  }

  /// Requests per second; `inf` for all at once.
  static func rate(_ name: String, _ path: Path<Double?>) -> ScenarioSetting {
    optional(
      name, path, "a number or `inf`", text: { "\($0)" },
      read: { text in
        if text == "inf" { return .infinity }
        guard let rate = finite(text) else { return nil }
        try RequestRate.requireAtMostHighest(rate, as: name, hint: RequestRate.allAtOnce)
        return rate
      })
  }

  @Sendable private static func finite(_ text: String) -> Double? {
    Double(text).flatMap { $0.isFinite ? $0 : nil }
  }

  /// How something is stored, in the words of its flag; of several for one type the first names it.
  static func elements(
    _ name: String, _ path: Path<ElementType>, _ words: KeyValuePairs<String, ElementType>
  ) -> ScenarioSetting {
    let words = words.map { (text: $0.key, type: $0.value) }
    return required(
      name, path, "one of \(words.map(\.text).joined(separator: ", "))",
      text: { type in words.first { $0.type == type }?.text ?? type.rawValue },
      read: { text in words.first { $0.text == text }?.type })
  }

  static func yesNo(_ name: String, _ path: Path<Bool?>) -> ScenarioSetting {
    optional(name, path, "true or false", text: { "\($0)" }, read: { Bool($0) })
  }

  static func text(_ name: String, _ path: Path<String?>) -> ScenarioSetting {
    optional(name, path, "a name", text: { $0 }, read: { $0 })
  }

  /// Fields of a model's configuration, as JSON.
  static func overrides(_ name: String, _ path: Path<PositionOverrides?>) -> ScenarioSetting {
    optional(
      name, path, "a JSON object", text: \.text, read: { try PositionOverrides($0) })
  }

  /// How tokens are drafted, as JSON.
  static func speculation(_ name: String, _ path: Path<SpeculativeConfig?>) -> ScenarioSetting {
    optional(name, path, "a JSON object", text: \.text, read: { try SpeculativeConfig($0) })
  }

  /// Shares of accepted drafts, or what they follow from.
  static func acceptance(_ name: String, _ path: Path<Acceptance?>) -> ScenarioSetting {
    optional(
      name, path, "shares by position, `geometric:` or `length:`", text: \.text,
      read: { try Acceptance($0) })
  }

  /// GB/s that are read, and written.
  static func diskBandwidth(_ name: String, _ path: Path<DiskBandwidth?>) -> ScenarioSetting {
    optional(
      name, path, "GB/s, or `READ/WRITE`", text: \.text, read: { try DiskBandwidth($0) })
  }

  /// What classes of requests are to be served within.
  static func targets(_ name: String, _ path: Path<ServiceTargets?>) -> ScenarioSetting {
    optional(
      name, path, "targets such as `chat:ttft=2s,tpot=50ms; batch:e2e=10min`", text: \.text,
      read: { try ServiceTargets($0) })
  }

  /// What passes between the turns of a session.
  static func thinkTime(_ name: String, _ path: Path<ThinkTime?>) -> ScenarioSetting {
    optional(
      name, path, "seconds, `exponential:MEAN`, `trace` or `gaps`", text: \.text,
      read: { try ThinkTime($0) })
  }

  /// One of a few values by their names, or by what else `find` knows.
  static func choice<Value: Sendable>(
    _ name: String, _ path: Path<Value>, of values: [Value],
    text: @escaping @Sendable (Value) -> String,
    find: @escaping @Sendable (String) -> Value? = { _ in nil }
  ) -> ScenarioSetting {
    let names = values.map(text)
    return required(
      name, path, "one of \(names.joined(separator: ", "))", text: text,
      read: { try find($0) ?? value($0, of: values, names, name) })
  }

  /// The same, of which one is the engine's own where none is set.
  static func choice<Value: Sendable>(
    _ name: String, _ path: Path<Value?>, of values: [Value],
    text: @escaping @Sendable (Value) -> String
  ) -> ScenarioSetting {
    let names = values.map(text)
    return optional(
      name, path, "one of \(names.joined(separator: ", "))", text: text,
      read: { try value($0, of: values, names, name) })
  }

  private static func value<Value>(
    _ given: String, of values: [Value], _ names: [String], _ setting: String
  ) throws -> Value? {
    if let index = names.firstIndex(of: given) { return values[index] }
    guard let near = nearestName(to: given, among: names) else { return nil }
    throw UserError("unknown `\(setting)` `\(given)`", hint: "did you mean `\(near)`?")
  }

  static func choice<Value: CaseIterable & RawRepresentable & Sendable>(
    _ name: String, _ path: Path<Value>
  ) -> ScenarioSetting {
    choice(name, path, of: Array(Value.allCases), text: { "\($0.rawValue)" })
  }

  /// One of a few values by the words of its flag. Other values can only be set by the tool itself, and do not count
  /// as set by a user.
  static func words<Value: Equatable & Sendable>(
    _ name: String, _ path: Path<Value?>, _ words: KeyValuePairs<String, Value>,
    name text: @escaping @Sendable (Value) -> String
  ) -> ScenarioSetting {
    let words = words.map { (text: $0.key, value: $0.value) }
    var setting = optional(
      name, path, "one of \(words.map(\.text).joined(separator: ", "))", text: text,
      read: { given in words.first { $0.text == given }?.value })
    setting.isSet = { scenario in words.contains { $0.value == scenario[keyPath: path] } }
    return setting
  }

  static func named<Value: Sendable>(
    _ name: String, _ path: Path<Value>, name text: @escaping @Sendable (Value) -> String,
    find: @escaping @Sendable (String) throws -> Value
  ) -> ScenarioSetting {
    required(name, path, "a name", text: text, read: find)
  }

  static func file<Value: Sendable>(
    _ name: String, _ path: Path<Value?>, name text: @escaping @Sendable (Value) -> String,
    read: @escaping @Sendable (String) throws -> Value
  ) -> ScenarioSetting {
    optional(name, path, "a file", isFile: true, text: text, read: read)
  }
}
