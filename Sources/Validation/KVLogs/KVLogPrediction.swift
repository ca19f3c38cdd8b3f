import CostModel
import Messages
import ModelFiles
import Planning
import Serving

/// What the tool says of a start-up log's KV cache.
package struct KVLogPrediction: Sendable {
  package let log: KVBudgetLog
  /// What the engine had left, GiB on a GPU: as it said, or its blocks in bytes.
  package let loggedGiB: Double
  package let predictedGiB: Double
  /// Whether GPU and utilization are stated and the engine is vLLM 0.6 or later: rows without these rest on a guess.
  package let isScored: Bool

  /// Signed, as a share of what was logged.
  package var error: Double { predictedGiB / loggedGiB - 1 }

  /// A row that cannot be answered, and the fact that is missing.
  package struct Unanswered: Sendable {
    package let log: KVBudgetLog
    package let reason: String
  }

  /// Answers every row that has the facts for it, in file order.
  ///
  /// - Parameter model: The model of a name; it throws ``UserError`` for one that is not known.
  package static func predict(
    _ logs: [KVBudgetLog], model: (_ name: String) throws -> ModelSpec = { try ModelFile.find($0) }
  ) -> (predictions: [KVLogPrediction], unanswered: [Unanswered]) {
    var predictions: [KVLogPrediction] = []
    var unanswered: [Unanswered] = []
    for log in logs {
      do {
        predictions.append(try KVLogPrediction(log, model: try model(log.modelName)))
      } catch let error as UserError {
        unanswered.append(Unanswered(log: log, reason: error.message))
      } catch {
        preconditionFailure("KVLogPrediction: \(error)")
      }
    }
    return (predictions, unanswered)
  }

  /// - Throws: ``UserError`` for a fact that is missing.
  private init(_ log: KVBudgetLog, model: ModelSpec) throws {
    self.log = log
    let scenario = try log.scenario(of: model)
    let fit = try scenario.memoryFit()
    let gibibyte = Double(1 << 30)
    if let available = log.availableGiB, available > 0 {
      loggedGiB = available
    } else if let blocks = log.blocks {
      loggedGiB = Double(blocks * fit.budget.blockBytes) / gibibyte
    } else {
      throw UserError("the row has neither GiB for the KV cache nor blocks")
    }
    predictedGiB = Double(fit.budget.kvBytes) / gibibyte
    let isRecent = log.release.map { $0.major > 0 || $0.minor >= 6 } ?? false
    isScored =
      isRecent && log.statesUtilization && !log.gpu.contains("inferred")
      && !log.gpu.contains("class")
  }
}

extension KVBudgetLog {
  /// The deployment that the row describes, with the engine's defaults where it gives no flag.
  ///
  /// - Throws: ``UserError`` for a fact that is missing.
  func scenario(of model: ModelSpec) throws -> Scenario {
    guard engine == "vllm" else { throw UserError("`\(engine)` is not simulated") }
    guard let release else { throw UserError("no release of the engine in `\(version)`") }
    guard let utilization else { throw UserError("the utilization is not known") }
    let device = try knownDevice()
    let isV1 = release.major > 0 || release.minor >= 6
    var scenario = Scenario(system: isV1 ? .vllmV1 : .vllm02, model: model, device: device)
    if isV1 {
      let newest = release.major > 0 || release.minor >= 21
      scenario.engineRelease = (newest ? V1Release.v033 : .v010).rawValue
    }
    scenario.deviceMemoryGiB = gpuMemoryGiB
    scenario.tensorParallel = tensorParallel
    scenario.gpuMemoryUtilization = utilization
    if model.stored == .bfloat16 { scenario.quantization = try weights() }
    scenario.kvCache = try cacheElements()
    scenario.blockSize = blockSize ?? scenario.blockSize
    scenario.maxModelLength = maxModelLength.map { min($0, model.maxPositions) }
    let defaults = batchDefaults(release, device, maxModelLength ?? model.maxPositions)
    scenario.maxBatchedTokens = maxBatchedTokens ?? (isV1 ? defaults.tokens : nil)
    scenario.maxSequences = maxSequences ?? (isV1 ? defaults.sequences : nil)
    return scenario
  }

  /// The device by its name, or by the words before its size.
  private func knownDevice() throws -> DeviceSpec {
    if let device = try? DeviceCatalogue.find(gpu) { return device }
    let words = gpu.split(separator: " ").prefix { !$0.hasPrefix("(") }
    for count in stride(from: words.count, to: 0, by: -1) {
      let name = words.prefix(count).joined(separator: "-").lowercased()
      for candidate in [name, name + "-sxm", "nvidia-" + name] {
        if let device = try? DeviceCatalogue.find(candidate) { return device }
      }
    }
    throw UserError("unknown device `\(gpu)`")
  }

  /// The most tokens and sequences of an iteration that vLLM's server takes by itself. Engines before V1 compute a prompt
  /// whole, up to 32,768 tokens.
  ///
  /// - Source: `engine/arg_utils.py` of the releases 0.6.6 to 0.33.
  private func batchDefaults(
    _ release: (major: Int, minor: Int), _ device: DeviceSpec, _ modelLength: Int
  ) -> (tokens: Int, sequences: Int) {
    let gibibytes = gpuMemoryGiB ?? Double(device.memoryBytes) / Double(1 << 30)
    guard release.major > 0 || release.minor >= 8 else {
      return (modelLength > 32_768 ? 2048 : max(modelLength, 2048), 256)
    }
    guard gibibytes >= 70, !device.name.hasPrefix("a100") else { return (2048, 256) }
    let isLargest = gibibytes >= 160 && (release.major > 0 || release.minor >= 28)
    return (isLargest ? 16_384 : 8192, 1024)
  }

  /// How weights are stored; `nil` where the name says it.
  private func weights() throws -> ElementType? {
    switch quantization {
    case "", "none": nil
    case "fp8", "fp8 weights": .fp8
    case "awq", "awq int4", "gptq", "gptq int4": .int4
    case "nvfp4": .nvfp4
    default: throw UserError("weights stored as `\(quantization)` are not known")
    }
  }

  private func cacheElements() throws -> ElementType {
    switch kvCache {
    case "", "auto", "16-bit", "bfloat16", "fp16": .bfloat16
    case "fp8", "fp8_e4m3", "fp8_e5m2": .fp8
    default: throw UserError("a KV cache of `\(kvCache)` is not known")
    }
  }
}
