import ArgumentParser
import CostModel
import Messages
import ModelFiles
import Planning
import Serving
import SimulationKernel

/// Options that decide how large the KV pool is, under vLLM's names where vLLM has one.
///
/// Not a group of groups: a debug build of ArgumentParser checks a group again for every group around it, several times.
protocol DeploymentOptions {
  var target: TargetOptions { get }
  var memory: MemoryOptions { get }
  var batch: BatchOptions { get }
}

extension DeploymentOptions {
  /// The scenario of one deployment, its other settings at their defaults.
  ///
  /// - Parameter forMemory: Whether only the device's memory matters, so that its name may leave a word out.
  /// - Throws: ``UserError`` where the model or the device is not given, and for names that are not known.
  func scenario(system: ServingSystem, forMemory: Bool = false) throws -> Scenario {
    guard let model = target.model, let device = target.device else {
      throw UserError.missing(
        [("--model", target.model, "llama-3.1-8b"), ("--device", target.device, "h100-sxm")]
          .filter { $0.1 == nil }.map { ($0.0, $0.2) })
    }
    var scenario = Scenario(
      system: system, model: try ModelFile.find(model),
      device: try DeviceFile.find(device, forMemory: forMemory))
    scenario.engineRelease = try releases()?.release(for: system)
    try target.apply(to: &scenario)
    memory.apply(to: &scenario)
    scenario.maxSequences = batch.maxSequences
    scenario.maxBatchedTokens = batch.maxBatchedTokens?.value
    return scenario
  }

  func releases() throws -> EngineReleases? {
    try target.engineRelease.map { try EngineReleases($0) }
  }
}

extension UserError {
  /// What a command cannot do without; the hint is the command as it was typed, with an example of each added.
  static func missing(
    _ options: [(flag: String, example: String)], of words: [String] = CommandLine.arguments
  ) -> UserError {
    let flags = options.map { "`\($0.flag)`" }.joined(separator: " and ")
    let given = ["kvplan"] + words.dropFirst().map(shellQuoted)
    let command = given + options.map { "\($0.flag) \($0.example)" }
    let verb = options.count == 1 ? "is missing, and has" : "are missing, and have"
    return UserError(
      "\(flags) \(verb) no default", hint: "for example: \(command.joined(separator: " "))")
  }
}
