/// A flag as a command line has it: `--max_model_len=32K`, `-tp`, `-O3`, `-cc.mode=3`.
struct SaidFlag {
  /// With its dashes and with hyphens, without what stands behind a dot or an equals sign.
  let dashed: String
  /// What stands behind the equals sign.
  private(set) var value: String?
  /// The field that is set, behind a dot.
  private let field: String?

  init(_ word: String) {
    if let level = word.wholeMatch(of: /-O(\d)/) {
      (dashed, value, field) = ("-O", String(level.1), nil)
      return
    }
    let name = word.prefix { $0 != "=" }
    let parts = name.split(separator: ".", maxSplits: 1)
    dashed = String(parts[0].replacing("_", with: "-"))
    field = parts.count > 1 ? String(parts[1]) : nil
    if name.endIndex < word.endIndex { value = nested(String(word[name.endIndex...].dropFirst())) }
  }

  /// Without dashes.
  var name: String { String(dashed.drop { $0 == "-" }) }

  /// A field's value as an object that has it: vLLM takes `--compilation-config.mode 3` for `{"mode": 3}`.
  func nested(_ value: String) -> String {
    guard let field else { return value }
    let isPlain =
      Double(value) != nil || ["true", "false", "null"].contains(value)
      || value.hasPrefix("{") || value.hasPrefix("[")
    return "{\"\(field)\": \(isPlain ? value : "\"\(value)\"")}"
  }
}
