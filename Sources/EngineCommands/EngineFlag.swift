/// One flag of an engine's command line, and what becomes of it here.
struct EngineFlag: Sendable {
  /// How many words follow it.
  enum Values: Sendable { case none, optional, one, many }

  /// What becomes of a value.
  indirect enum Meaning: Sendable {
    /// It names the model.
    case model
    /// Our flag of that name, with the value as it stands; without one for a flag that takes none.
    case setting(String)
    /// Our flag of that name, with another value, or without one.
    case given(String, String?)
    /// Nothing that is simulated depends on it.
    case nothing
    /// It matters and is not simulated: the likely effect.
    case matters(String)
    case all([Meaning])
    /// By the value in small letters, else the last.
    case byValue([String: Meaning], else: Meaning)
    case read(@Sendable (String) -> Meaning)
  }

  /// Without dashes, the usual one first; `-tp` and `--tp` are taken for the same.
  let names: [String]
  let values: Values
  let meaning: Meaning
  /// What `--no-NAME` means, where that is a flag.
  let negated: Meaning?

  init(
    _ names: String, _ values: Values = .one, _ meaning: Meaning, no negated: Meaning? = nil
  ) {
    self.names = names.split(whereSeparator: \.isWhitespace).map(String.init)
    self.values = values
    self.meaning = meaning
    self.negated = negated
  }

  /// Flags of one kind: the names stand one after another.
  static func each(_ names: String, _ values: Values = .one, _ meaning: Meaning) -> [EngineFlag] {
    names.split(whereSeparator: \.isWhitespace).map {
      EngineFlag(String($0), values, meaning, no: values == .none ? .nothing : nil)
    }
  }

  /// `--NAME` and `--no-NAME` as ours have them.
  static func onOff(_ names: String, _ ours: String) -> EngineFlag {
    EngineFlag(names, .none, .given(ours, nil), no: .given("no-" + ours, nil))
  }

  /// Nothing where the value is the one that asks for nothing.
  static func matters(_ names: String, unless: String..., effect: String) -> EngineFlag {
    let idle = unless.map { ($0, Meaning.nothing) }
    return EngineFlag(
      names, .one, .byValue(Dictionary(uniqueKeysWithValues: idle), else: .matters(effect)))
  }
}
