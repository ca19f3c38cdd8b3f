import Messages

/// The fields of a configuration, or of an object in it, by name and with a type.
///
/// A field that is `null` counts as missing. Every number is held to a range that no model comes
/// near the end of, so that what is computed from several of them does not overflow.
struct ConfigFields {
  /// As the user gave it, for messages.
  let file: String
  /// Where the object stands in the file: `text_config.`, or nothing.
  let place: String
  private let values: [String: ConfigValue]
  /// What a field that is not there means.
  var defaults: [String: Int] = [:]
  /// What the family calls a field, by the name that most others have for it.
  var aliases: [String: String] = [:]

  init(file: String, place: String = "", values: [String: ConfigValue]) {
    self.file = file
    self.place = place
    self.values = values
  }

  /// The largest number that each kind of field may have.
  enum Limit: Int {
    case layers = 2_000
    case width = 262_144
    case innerWidth = 2_097_152
    case heads = 4_096
    case experts = 16_384
    case vocabulary = 16_777_216
    case tokens = 1_073_741_824
  }

  var names: [String] { values.keys.sorted() }

  func has(_ name: String) -> Bool { (values[own(name)] ?? .null) != .null }

  /// The name under which a field stands in the file.
  private func own(_ name: String) -> String {
    (values[name] ?? .null) == .null ? aliases[name] ?? name : name
  }

  private func value(_ name: String) -> ConfigValue? {
    has(name) ? values[own(name)] : defaults[name].map(ConfigValue.integer)
  }

  // MARK: Numbers

  /// A whole number from `least` to the limit; `nil` where it is missing.
  func optionalCount(_ name: String, _ limit: Limit, least: Int = 1) throws -> Int? {
    guard let found = value(name) else { return nil }
    guard case .integer(let number) = found, (least...limit.rawValue).contains(number) else {
      throw mistake(name, "must be a whole number from \(least) to \(limit.rawValue)", found)
    }
    return number
  }

  /// The same, where a list has one for each layer.
  func optionalCount(_ name: String, _ limit: Limit, ofLayer index: Int, least: Int = 1) throws
    -> Int?
  {
    guard case .list? = value(name) else { return try optionalCount(name, limit, least: least) }
    guard let numbers = try counts(name), numbers.indices.contains(index),
      (least...limit.rawValue).contains(numbers[index])
    else {
      throw contradiction(
        "`\(place)\(name)` has no whole number from \(least) to \(limit.rawValue) for layer \(index)"
      )
    }
    return numbers[index]
  }

  /// The same, of the first of several names that is there: families name one thing differently.
  func count(_ names: String..., limit: Limit, least: Int = 1) throws -> Int {
    for name in names {
      if let number = try optionalCount(name, limit, least: least) { return number }
    }
    throw missing(names.map { "`\(place)\(own($0))`" }.joined(separator: " or "))
  }

  /// A number that is not negative; `nil` where it is missing.
  func optionalReal(_ name: String) throws -> Double? {
    switch value(name) {
    case nil: return nil
    case .integer(let number)? where (0...Limit.tokens.rawValue).contains(number):
      return Double(number)
    case .real(let number)? where number.isFinite && number >= 0 && number <= 1e9: return number
    case .some(let found): throw mistake(name, "must be a number from 0 to 1e9", found)
    }
  }

  func flag(_ name: String, or unset: Bool = false) throws -> Bool {
    guard let found = value(name) else { return unset }
    guard case .flag(let flag) = found else { throw mistake(name, "must be true or false", found) }
    return flag
  }

  func optionalFlag(_ name: String) throws -> Bool? { has(name) ? try flag(name) : nil }

  // MARK: Texts, lists and objects

  func isText(_ name: String) -> Bool { if case .text? = value(name) { true } else { false } }

  func isObject(_ name: String) -> Bool { if case .object? = value(name) { true } else { false } }

  func optionalText(_ name: String) throws -> String? {
    guard let found = value(name) else { return nil }
    guard case .text(let text) = found else { throw mistake(name, "must be a text", found) }
    return text
  }

  func texts(_ name: String) throws -> [String]? {
    try list(name, "a text") { if case .text(let text) = $0 { text } else { nil } }
  }

  func flags(_ name: String) throws -> [Bool]? {
    try list(name, "true or false") { if case .flag(let flag) = $0 { flag } else { nil } }
  }

  /// Whole numbers from 0 to a billion.
  func counts(_ name: String) throws -> [Int]? {
    try list(name, "a whole number from 0 to \(Limit.tokens.rawValue)") {
      guard case .integer(let number) = $0, (0...Limit.tokens.rawValue).contains(number) else {
        return nil
      }
      return number
    }
  }

  /// Lists of such numbers.
  func countLists(_ name: String) throws -> [[Int]]? {
    try list(name, "a list of whole numbers from 0 to \(Limit.tokens.rawValue)") { value in
      guard case .list(let values) = value else { return nil }
      let numbers = values.compactMap { value -> Int? in
        guard case .integer(let number) = value else { return nil }
        return (0...Limit.tokens.rawValue).contains(number) ? number : nil
      }
      return numbers.count == values.count ? numbers : nil
    }
  }

  /// Objects; the place of each names its number.
  func objects(_ name: String) throws -> [ConfigFields]? {
    let found = try list(name, "an object") { value -> [String: ConfigValue]? in
      if case .object(let values) = value { values } else { nil }
    }
    return found.map { list in
      list.enumerated().map { index, values in
        ConfigFields(file: file, place: "\(place)\(name)[\(index)].", values: values)
      }
    }
  }

  private func list<Element>(
    _ name: String, _ element: String, _ read: (ConfigValue) -> Element?
  ) throws -> [Element]? {
    guard let found = value(name) else { return nil }
    guard case .list(let values) = found else { throw mistake(name, "must be a list", found) }
    return try values.map { value in
      if let read = read(value) { return read }
      throw mistake(name, "must be a list of which each is \(element)", value)
    }
  }

  func optionalObject(_ name: String) throws -> ConfigFields? {
    guard let found = value(name) else { return nil }
    guard case .object(let values) = found else { throw mistake(name, "must be an object", found) }
    return ConfigFields(file: file, place: "\(place)\(name).", values: values)
  }

  /// The fields that are objects.
  var objects: [ConfigFields] {
    names.compactMap { name in
      guard case .object(let values)? = values[name] else { return nil }
      return ConfigFields(file: file, place: "\(place)\(name).", values: values)
    }
  }

  // MARK: Mistakes

  /// `FILE: FIELD must be …, found …`
  func mistake(_ name: String, _ rule: String, _ found: ConfigValue) -> UserError {
    UserError("\(file): `\(place)\(own(name))` \(rule), found `\(found.shown)`")
  }

  /// Two fields that cannot both be right.
  func contradiction(_ what: String) -> UserError {
    UserError(
      "\(file): \(what)", hint: "compare the file with the one that the model's publisher has")
  }

  private func missing(_ names: String) -> UserError {
    UserError(
      "\(file): \(names) is missing",
      hint: "a published `config.json` has it; a processor's or tokenizer's file does not")
  }
}

/// Text from a file made safe for a terminal.
package func printable(_ text: String) -> String {
  let bytes = Array(text.utf8)
  return Messages.printable(bytes.span)
}
