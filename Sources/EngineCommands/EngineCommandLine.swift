import Messages

/// The command line of an engine, read: what of it are settings of ours, what changes nothing, and what is not simulated.
///
///     vllm serve Qwen/Qwen3-8B -tp 2 --port 80 --enable-lora
///     settings      system=vllm-v1, model=Qwen/Qwen3-8B, tensor-parallel-size=2
///     idle          --port
///     effects       --enable-lora: adapters are not loaded …
///
/// What becomes of each flag is in one table (``Engine/flags``).
package struct EngineCommandLine: Sendable {
  /// A flag of ours.
  package struct Setting: Equatable, Sendable {
    /// Without dashes.
    package var name: String
    /// `nil` for a flag that takes none.
    package var value: String?
    /// As the command line has it: `-tp 2`.
    package var said: String

    /// `--tensor-parallel-size=2`
    package var word: String { "--\(name)" + (value.map { "=\($0)" } ?? "") }
  }

  /// Flags that matter and are not simulated, and what they would change.
  package struct Effect: Equatable, Sendable {
    package var flags: [String]
    package var effect: String
  }

  package let engine: Engine
  package private(set) var settings: [Setting] = []
  /// Flags on which nothing that is simulated depends.
  package private(set) var idle: [String] = []
  package private(set) var effects: [Effect] = []

  /// Reads a text that starts one engine, once: shell with whatever stands before and behind.
  ///
  /// - Throws: ``UserError`` for a text that starts none or several, for a quote that is not closed, and for a flag
  ///   that is not known or has no value.
  package init(_ text: String) throws(UserError) {
    let launches = try EngineLaunch.all(in: text)
    guard launches.count == 1 else { throw Self.notOne(launches.map(\.engine.command)) }
    engine = launches[0].engine
    settings = [Setting(name: "system", value: engine.system, said: engine.command)]
    noteRelease(of: launches[0].image)
    try read(launches[0].words)
    noteEnvironment(launches[0].environment)
    try settleParallelism()
  }

  private static func notOne(_ commands: [String]) -> UserError {
    let known =
      "`vllm serve`, `python -m vllm.entrypoints.openai.api_server`, `sglang serve`, "
      + "`python -m sglang.launch_server` and `trtllm-serve`"
    if commands.isEmpty {
      return UserError(
        "`--from-command`: no command in it starts an engine",
        hint: "it reads the words behind \(known)")
    }
    return UserError(
      "`--from-command`: \(commands.count) commands in it start an engine "
        + "(\(commands.map { "`\($0)`" }.joined(separator: ", ")))", hint: "give one of them")
  }

  private mutating func read(_ words: ArraySlice<String>) throws(UserError) {
    var rest = words
    var hasPlace = false
    while let word = rest.popFirst() {
      guard Self.isFlag(word) else {
        if hasPlace { throw unexpected(word) }
        hasPlace = true
        add(Setting(name: "model", value: word, said: word))
        continue
      }
      let said = SaidFlag(word)
      guard let (flag, meaning) = find(said) else { throw unknown(said) }
      let values = try Self.values(of: said, flag, &rest)
      let text = values.isEmpty ? said.dashed : "\(said.dashed) \(values.joined(separator: " "))"
      // `--enable-chunked-prefill=False`, as vLLM took it once.
      let isOff = flag.values == .none && values.first?.lowercased() == "false"
      let outcome = isOff ? flag.negated ?? .nothing : meaning
      take(outcome, values.joined(separator: " "), of: said.dashed, saying: text)
    }
  }

  /// Characters of a flag with its value that a message shows.
  private static let shownMax = 40

  private static func isFlag(_ word: String) -> Bool {
    let name = word.drop { $0 == "-" }
    let dashes = word.count - name.count
    return (1...2).contains(dashes) && name.first?.isLetter ?? false
  }

  /// The flag, and what it means said this way.
  private func find(_ said: SaidFlag) -> (flag: EngineFlag, meaning: EngineFlag.Meaning)? {
    if let known = engine.flag(named: said.name) { return known }
    guard engine.takesBeginnings, said.dashed.hasPrefix("--"), said.name.count > 2 else {
      return nil
    }
    let longer = engine.flags.filter { $0.names.contains { $0.hasPrefix(said.name) } }
    return longer.count == 1 ? (longer[0], longer[0].meaning) : nil
  }

  private static func values(
    of said: SaidFlag, _ flag: EngineFlag, _ rest: inout ArraySlice<String>
  ) throws(UserError) -> [String] {
    if let value = said.value { return [value] }
    let follows = rest.first.map { !isFlag($0) } ?? false
    switch flag.values {
    case .none:
      let isBool = ["true", "false"].contains(rest.first?.lowercased() ?? "")
      return isBool ? [rest.removeFirst()] : []
    case .optional: return follows ? [rest.removeFirst()] : []
    case .one:
      guard follows else { throw UserError("`--from-command`: `\(said.dashed)` has no value") }
      return [said.nested(rest.removeFirst())]
    case .many:
      var values: [String] = []
      while let next = rest.first, !isFlag(next) {
        values.append(next)
        rest.removeFirst()
      }
      return values
    }
  }

  private mutating func take(
    _ meaning: EngineFlag.Meaning, _ value: String, of flag: String, saying text: String
  ) {
    switch meaning {
    case .model: add(Setting(name: "model", value: value, said: text))
    case .setting(let name): add(Setting(name: name, value: value, said: text))
    case .given(let name, let value): add(Setting(name: name, value: value, said: text))
    case .nothing: if !idle.contains(flag) { idle.append(flag) }
    case .matters(let effect): add(effect, of: text.count > Self.shownMax ? flag : text)
    case .all(let meanings):
      for meaning in meanings { take(meaning, value, of: flag, saying: text) }
    case .byValue(let meanings, let other):
      take(meanings[value.lowercased()] ?? other, value, of: flag, saying: text)
    case .read(let meaning): take(meaning(value), value, of: flag, saying: text)
    }
  }

  /// The last of two that say the same counts, as it does there.
  private mutating func add(_ setting: Setting) {
    settings.removeAll { $0.isAbout == setting.isAbout }
    settings.append(setting)
  }

  private mutating func add(_ effect: String, of flag: String) {
    if let known = effects.firstIndex(where: { $0.effect == effect }) {
      effects[known].flags.append(flag)
    } else {
      effects.append(Effect(flags: [flag], effect: effect))
    }
  }
}

extension EngineCommandLine {
  /// What a flag of an engine would become, for one that our own commands do not have; `nil` for one of none.
  ///
  /// - Parameter flag: With its dashes.
  package static func explanation(of flag: String) -> String? {
    let said = SaidFlag(flag)
    for engine in Engine.allCases {
      switch engine.flag(named: said.name)?.meaning {
      case nil: continue
      case .nothing: return "nothing that is simulated depends on `\(flag)` of `\(engine.command)`"
      case .matters(let effect):
        return "`\(flag)` of `\(engine.command)` is not simulated: \(effect)"
      default: return "`\(flag)` is a flag of `\(engine.command)`"
      }
    }
    return nil
  }
}

extension EngineCommandLine.Setting {
  /// The name that a flag and its opposite have in common.
  fileprivate var isAbout: Substring { name.hasPrefix("no-") ? name.dropFirst(3) : name[...] }
}

extension EngineCommandLine {
  /// The release that an image's tag names: `vllm/vllm-openai:v0.11.0`.
  private mutating func noteRelease(of image: String?) {
    guard let image, let tag = image.split(separator: ":").dropFirst().last, tag.hasPrefix("v"),
      tag.dropFirst().allSatisfy({ $0.isNumber || $0 == "." })
    else { return }
    add(Setting(name: "engine-release", value: String(tag.dropFirst()), said: image))
  }

  private mutating func noteEnvironment(_ assignments: [String]) {
    for assignment in assignments {
      let name = String(assignment.prefix { $0 != "=" })
      if assignment == "VLLM_USE_V1=0" {
        add("the engine V1 is simulated, not V0 before it", of: assignment)
      } else if !idle.contains(name) {
        idle.append(name)
      }
    }
  }

  /// What degrees of parallelism come to together.
  private mutating func settleParallelism() throws(UserError) {
    let gpus = setting("tensor-parallel-size")?.value ?? "1"
    let experts = setting("enable-expert-parallel")
    let degree = experts?.said.split(separator: " ").dropFirst().first.map(String.init)
    if let degree, let experts, degree != gpus {
      add("experts are spread over all GPUs of tensor parallelism", of: experts.said)
    }
    if engine == .sglang { try shareAttention() }
    if let ranks = setting("data-parallel-size"), let ahead = setting("async-scheduling") {
      remove("async-scheduling")
      add(
        "ranks of `\(ranks.said)` decide an iteration when the one before it has ended, and not while it runs",
        of: ahead.said)
    }
  }

  /// Ranks of SGLang are engines of their own, or with attention data parallelism parts of its tensor parallelism.
  ///
  ///     --tp 16 --dp 8                         8 engines of 16 GPUs
  ///     --tp 16 --dp 8 --enable-dp-attention   8 ranks of 2 GPUs
  private mutating func shareAttention() throws(UserError) {
    let shares = setting("enable-dp-attention")
    remove("enable-dp-attention")
    guard let place = settings.firstIndex(where: { $0.name == "data-parallel-size" }) else {
      // Of a single rank it says nothing.
      if let shares { idle.append(shares.said) }
      return
    }
    guard shares != nil else {
      settings[place].name = "replicas"
      return
    }
    let (ranks, tensor) = (settings[place], setting("tensor-parallel-size"))
    let degrees = ((tensor?.value ?? "1"), ranks.value ?? "")
    // What a shell puts in their place is refused where the command is used.
    guard let gpus = Int(degrees.0), let count = Int(degrees.1) else { return }
    guard count > 0, gpus >= count, gpus % count == 0 else {
      throw UserError(
        "`--from-command`: `\(ranks.said)` cuts the GPUs of `\(tensor?.said ?? "--tp-size 1")` into ranks, and "
          + "\(gpus) is not a multiple of \(count)",
        hint: "give `--tp-size` as all GPUs of the server, and `--dp-size` as ranks among them")
    }
    let shared = Setting(
      name: "tensor-parallel-size", value: "\(gpus / count)",
      said: [tensor?.said, ranks.said].compactMap(\.self).joined(separator: " "))
    settings.replaceSubrange(
      settings.firstIndex { $0.name == shared.name }.map { $0..<$0 + 1 } ?? place..<place,
      with: [shared])
  }

  private func setting(_ name: String) -> Setting? { settings.first { $0.name == name } }

  private mutating func remove(_ name: String) { settings.removeAll { $0.name == name } }

  private func unexpected(_ word: String) -> UserError {
    UserError(
      "`--from-command`: unexpected `\(word)` behind `\(engine.command)`",
      hint: word.contains("$")
        ? "the shell puts words in its place: write them" : "quote it if it belongs to a value")
  }

  private func unknown(_ said: SaidFlag) -> UserError {
    let names = engine.flags.flatMap(\.names).filter { $0.count > 3 }
    let nearest = nearestName(to: said.name, among: names).map { "did you mean `--\($0)`? " } ?? ""
    return UserError(
      "`--from-command`: no flag `\(said.dashed)` of `\(engine.command)` is known",
      hint: nearest + "leave it out of the command if it changes nothing that is simulated")
  }
}
