import CostModel
import EngineCommands
import Foundation
import Messages
import ModelFiles
import Planning
import Serving

/// `--from-command`: an engine's own command line in place of our flags.
struct PastedCommand {
  static let flag = "--from-command"

  /// The command line with our flags in its place.
  private(set) var words: [String]
  /// What became of the engine's flags, a line each.
  private(set) var notes: [String] = []
  /// What is not simulated.
  private(set) var warnings: [String] = []

  /// - Parameter words: Of a whole command line, without the tool's name; returned as they are if none is the flag.
  /// - Throws: ``UserError`` as ``EngineCommandLine``, and for a value that only a shell knows.
  init(expanding words: [String]) throws(UserError) {
    self.words = words
    guard let (text, others) = Self.taken(from: words) else { return }
    let named = NamedCommand(words)
    let (path, command) = (named.words, named.command)
    let arguments = command.arguments ?? []
    guard arguments.contains(where: { $0.isCalled(Self.flag) }) else { return }
    let line = try EngineCommandLine(text)
    let given = Self.given(others, named)
    let drafts = PastedDrafts(line.settings, hasAcceptance: given["acceptance"] != nil)
    var ours: [String] = []
    var absent: [String] = []
    for setting in asServed(line, beside: others) {
      if drafts.leavesOut(setting) { continue }
      if setting.name == "engine-release", let release = setting.value,
        ServingSystem(named: line.engine.system)?.knows(release: release) != true
      {
        absent.append(setting.said)
        continue
      }
      // `compare` takes several systems.
      let names = ["--\(setting.name)", "--\(setting.name)s"]
      guard
        let argument = names.lazy.compactMap({ name in arguments.first { $0.isCalled(name) } })
          .first
      else {
        absent.append(setting.said)
        continue
      }
      if let beside = given[argument.key] {
        notes.append("`\(beside)` beside `\(Self.flag)` wins over its `\(setting.said)`")
      } else {
        ours.append(try word(setting, as: argument))
      }
    }
    self.words = path + ours + others.dropFirst(path.count)
    let read = ours.map(shellQuoted).joined(separator: " ")
    notes.insert("`\(line.engine.command)` is read as \(read)", at: 0)
    let place = (["kvplan"] + path).joined(separator: " ")
    note("`\(place)` does not ask for", absent)
    note("nothing that is simulated depends on", line.idle + drafts.idle)
    if let head = drafts.head {
      notes.append("`\(head)`: a head of the usual size is taken for it")
    }
    warnings =
      line.effects.map { "\(Self.listed($0.flags)) of `\(line.engine.command)`: \($0.effect)" }
    if !drafts.undrafted.isEmpty {
      let flags = Self.listed(drafts.undrafted)
      warnings.append("\(flags) of `\(line.engine.command)`: \(PastedDrafts.effect)")
    }
  }

  /// The settings of a command: ranks of a model without experts have nothing in common, and are engines of their own.
  ///
  /// - Parameter others: Our own words, whose `--model` wins.
  private mutating func asServed(
    _ line: EngineCommandLine, beside others: [String]
  ) -> [EngineCommandLine.Setting] {
    guard let index = line.settings.firstIndex(where: { $0.name == "data-parallel-size" }),
      let name = Self.value(of: "--model", in: others)
        ?? line.settings.first(where: { $0.name == "model" })?.value,
      let model = try? ModelFile.find(Self.model(insteadOf: name) ?? name), !model.hasExperts
    else { return line.settings }
    var settings = line.settings
    settings[index].name = "replicas"
    notes.append(
      "`\(model.name)` has no experts: ranks of `\(settings[index].said)` are replicas")
    return settings
  }

  /// What stands behind a flag of ours, or behind its equals sign.
  private static func value(of name: String, in words: [String]) -> String? {
    if let index = words.firstIndex(of: name), index + 1 < words.count { return words[index + 1] }
    return words.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
  }

  /// The text behind the flag, and the other words; `nil` without it.
  private static func taken(from words: [String]) -> (text: String, others: [String])? {
    let own = words.prefix { $0 != "--" }
    if let index = own.firstIndex(of: flag), index + 1 < own.count {
      return (own[index + 1], Array(words[..<index] + words[(index + 2)...]))
    }
    guard let index = own.firstIndex(where: { $0.hasPrefix(flag + "=") }) else { return nil }
    return (
      String(own[index].dropFirst(flag.count + 1)), Array(words[..<index] + words[(index + 1)...])
    )
  }

  /// What is said of each argument, by its name; what is varied is said.
  private static func given(_ words: [String], _ named: NamedCommand) -> [String: String] {
    var given: [String: String] = [:]
    for said in named.said(words) where !said.name.isEmpty {
      given[said.argument.key] = said.name
      guard said.argument.key == "vary", let value = said.value else { continue }
      let varied = String(value.prefix { $0 != "=" })
      if let setting = try? ScenarioSetting.find(varied) {
        given[setting.name] = "\(said.name) \(varied)"
      }
    }
    return given
  }

  private mutating func word(
    _ setting: EngineCommandLine.Setting, as argument: CommandInfo.Argument
  ) throws(UserError) -> String {
    if setting.value?.contains("$") ?? false {
      throw UserError(
        "`\(Self.flag)`: the shell puts a value in the place of `\(setting.said)`",
        hint: "write the value, or give `--\(argument.key)` beside it")
    }
    var setting = setting
    if argument.key != setting.name, argument.kind == .option { setting.name = argument.key }
    if setting.name == "model", let path = setting.value, let model = Self.model(insteadOf: path) {
      notes.append("there is no `\(path)` here: taken for the model `\(model)`")
      setting.value = model
    }
    return setting.word
  }

  /// The model that a path of another machine names by one of its folders; `nil` for what is no path, or is here.
  private static func model(insteadOf path: String) -> String? {
    guard path.hasPrefix("/") || path.hasPrefix("."), !FileManager.default.fileExists(atPath: path)
    else { return nil }
    let folders = path.split(separator: "/").reversed().map { folder in
      // Of Hugging Face's cache: `models--Qwen--Qwen3-8B`.
      folder.hasPrefix("models--") ? folder.dropFirst(8).replacing("--", with: "/") : folder
    }
    return folders.map(String.init).first { (try? ModelFile.named($0)) != nil }
  }

  private mutating func note(_ what: String, _ flags: [String]) {
    if !flags.isEmpty { notes.append("\(what) \(Self.listed(flags))") }
  }

  private static func listed(_ flags: [String]) -> String {
    flags.map { "`\($0)`" }.joined(separator: ", ")
  }

  /// The words, once what became of them is said.
  func said() -> [String] {
    for note in notes { Terminal.say("note: \(note)") }
    Terminal.warn(warnings)
    return words
  }
}
