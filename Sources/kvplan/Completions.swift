import ArgumentParser
import CostModel
import ModelFiles
import Serving

/// What a shell offers where a model, a device or a system is wanted. The tool is asked when it is wanted, so that scripts that
/// were installed once know what is new.
enum Completions {
  static let model = CompletionKind.custom { _, _, typed in
    names(ModelFile.all.flatMap { [$0.name] + $0.aliases }, typed)
  }
  static let device = CompletionKind.custom { _, _, typed in names(devices, typed) }
  static let devicesByComma = CompletionKind.custom { _, _, typed in list(devices, typed) }
  static let system = CompletionKind.custom { _, _, typed in
    names(ServingSystem.all.map(\.name), typed)
  }
  static let systemsByComma = CompletionKind.custom { _, _, typed in
    list(ServingSystem.all.map(\.name), typed)
  }
  static let trace = CompletionKind.file()

  private static var devices: [String] {
    DeviceCatalogue.all.flatMap { [$0.name] + $0.aliases }
  }

  /// Names that begin with what was typed. Names of others (`h100_sxm`, `meta-llama/…`) only once none of ours does.
  static func names(_ names: [String], _ typed: String) -> [String] {
    let matching = names.filter { $0.hasPrefix(typed) }
    let own = matching.filter { $0.allSatisfy { !"_/".contains($0) && !$0.isUppercase } }
    return own.isEmpty ? matching : own
  }

  /// The same for the last of several that are separated by commas, of which each is wanted once.
  static func list(_ names: [String], _ typed: String) -> [String] {
    let parts = typed.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard let last = parts.last else { return self.names(names, typed) }
    let before = parts.dropLast()
    let head = before.map { "\($0)," }.joined()
    return self.names(names.filter { !before.contains($0) }, last).map { head + $0 }
  }
}
