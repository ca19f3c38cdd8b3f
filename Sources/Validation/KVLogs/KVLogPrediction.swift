import CostModel
import KVMemory
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
  /// The same without what the logs of this one's source taught: fitted constants, and which sampler ran.
  package let predictedGiBWithoutSource: Double
  /// Whether GPU and utilization are stated and the engine is vLLM 0.6 or later: rows without these rest on a guess.
  package let isScored: Bool

  /// Signed, as a share of what was logged.
  package var error: Double { predictedGiB / loggedGiB - 1 }
  /// The same without the logs of the source.
  package var errorWithoutSource: Double { predictedGiBWithoutSource / loggedGiB - 1 }

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
        let shape = try log.model(by: model)
        let others = VLLMMemory.Constants(fittedOn: logs, without: log.source)
        predictions.append(try KVLogPrediction(log, model: shape, withoutSource: others))
      } catch let error as UserError {
        unanswered.append(Unanswered(log: log, reason: error.message))
      } catch {
        preconditionFailure("KVLogPrediction: \(error)")
      }
    }
    return (predictions, unanswered)
  }

  /// - Throws: ``UserError`` for a fact that is missing.
  private init(
    _ log: KVBudgetLog, model: ModelSpec, withoutSource constants: VLLMMemory.Constants
  ) throws {
    self.log = log
    let scenario = try log.scenario(of: model)
    if let contradiction = log.contradiction { throw contradiction }
    let fit = try scenario.memoryFit()
    func predict(_ change: (inout VLLMMemory) -> Void) -> Double {
      var inputs = fit.inputs
      if case .vllm(var memory) = inputs.engine {
        change(&memory)
        inputs.engine = .vllm(memory)
      }
      return Double(KVBudget(inputs).kvBytes) / Double(1 << 30)
    }
    let gibibyte = Double(1 << 30)
    if let available = log.availableGiB, available > 0 {
      loggedGiB = available
    } else if let blocks = log.blocks {
      loggedGiB = Double(blocks * fit.budget.blockBytes) / gibibyte
    } else if let tokens = log.tokens, fit.budget.cache.groups.allSatisfy({ $0.keeps == .all }) {
      loggedGiB = Double(tokens * fit.budget.cache.bytesPerToken) / gibibyte
    } else {
      throw UserError("the row has neither GiB for the KV cache nor blocks")
    }
    predictedGiB = predict { $0.flashInferSamples = log.flashInferSamples }
    predictedGiBWithoutSource = predict { $0.constants = constants }
    let isRecent = log.release.map { $0 >= VLLMRelease(0, 6, 0) } ?? false
    isScored =
      isRecent && log.statesUtilization && !log.gpu.contains("inferred")
      && !log.gpu.contains("class") && !log.gpu.contains("card")
  }
}

extension VLLMMemory.Constants {
  /// The constants as the logs have them; where none has one, as the other logs of ``fromLogs`` do.
  ///
  /// * context: the median of what was not PyTorch's on one GPU, by what the release counts;
  /// * reduction in the switch: the same on several GPUs of Hopper or later, less the context.
  ///
  /// Since graphs are counted the context rests on three logs, of which the table has two and not what they print of it.
  /// ``graphLayer`` rests on logs that are not in the table.
  ///
  /// - Parameter source: The source that is left out; `nil` for none.
  package init(fittedOn logs: [KVBudgetLog], without source: String? = nil) {
    self = .fromLogs
    let logs = logs.filter { $0.source != source }
    func median(_ values: [Double]) -> Double? {
      let sorted = values.sorted()
      guard let last = sorted.indices.last else { return nil }
      return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
    }
    func context(_ isOf: (VLLMRelease) -> Bool, alone: Bool) -> [Double] {
      logs.compactMap { log in
        guard let release = log.release, isOf(release), (log.tensorParallel == 1) == alone else {
          return nil
        }
        return log.contextGiB
      }
    }
    let gibibyte = Double(1 << 30)
    let inUse = median(context({ $0 < .countsGrowthBeforeV1 }, alone: true))
    let early = median(context({ $0 >= .countsGrowthBeforeV1 && $0 < .v1Engine }, alone: true))
    let later = median(context({ $0 >= .countsGrowthOnly && $0 < .countsGraphs }, alone: true))
    // Without a log of one kind, those of another are the best there is.
    if let value = inUse ?? later ?? early { contextInUse = Int((value * gibibyte).rounded()) }
    if let value = early ?? later ?? inUse { contextBefore08 = Int((value * gibibyte).rounded()) }
    if let value = later ?? early ?? inUse { contextSince09 = Int((value * gibibyte).rounded()) }
    let counted = [
      ("", 0.27), ("GloriaXimingLu/inferencex-profiling", 0.57),
      ("heyram74/nebius_sopertors_inferencex_benchmark", 0.77),
    ]
    if let value = median(counted.filter { $0.0 != source }.map(\.1)) {
      contextSince20 = Int((value * gibibyte).rounded())
    }
    // The one log of eight of AMD's GPUs is in the table.
    if source == "find_string index id 43425326930" { instinctServer = instinctFour }
    let several = context({ $0 >= .countsGrowthOnly && $0 < .snapshotAfterNCCL }, alone: false)
    // Without a log, what aiconfigurator counts for two GPUs.
    switchReduction =
      median(several).map { Int(($0 * gibibyte).rounded()) - contextSince09 } ?? 342_000_000
  }
}

extension KVBudgetLog {
  /// The model that the row names: as it stands, ahead of a remark, in a remark, or by its first word.
  ///
  ///     Qwen2.5-1.5B shape (28 KiB a token)      openbuddy-llama2-70b-v10.1 (Llama-2-70B)
  ///
  /// - Throws: ``UserError`` as `find` throws it for the whole name.
  func model(by find: (String) throws -> ModelSpec) throws -> ModelSpec {
    let parts = modelName.split(separator: "(", maxSplits: 1).map(String.init)
    var names = [modelName]
    if parts.count == 2 {
      names.append(String(parts[0].reversed().drop { $0 == " " }.reversed()))
      names.append(String(parts[1].prefix { $0 != ")" }))
    }
    names.append(String(modelName.prefix { $0 != " " }))
    names.append(String(modelName.prefix { $0 != " " && $0 != "/" }))
    for name in names { if let model = try? find(name) { return model } }
    return try find(modelName)
  }

  /// The deployment that the row describes, with the engine's defaults where it gives no flag.
  ///
  /// - Throws: ``UserError`` for a fact that is missing.
  func scenario(of model: ModelSpec) throws -> Scenario {
    guard engine == "vllm" else { throw UserError("`\(engine)` is not simulated") }
    guard let release else { throw UserError("no release of the engine in `\(version)`") }
    let isMeasured = release >= VLLMRelease(0, 6, 0)
    var scenario = Scenario(
      system: isMeasured ? .vllmV1 : .vllm02, model: model, device: try knownDevice())
    if isMeasured {
      let patch = release.patch.map { ".\($0)" } ?? ""
      scenario.engineRelease = "\(release.major).\(release.minor)\(patch)"
      scenario.enforceEager = enforceEager ? true : nil
      scenario.graphTokensMax = graphTokensMax
    }
    scenario.deviceMemoryGiB = gpuMemoryGiB
    scenario.tensorParallel = tensorParallel
    scenario.gpuMemoryUtilization = try share()
    if model.stored == .bfloat16 { scenario.quantization = try weights() }
    scenario.kvCache = try cacheElements()
    scenario.blockSize = blockSize ?? scenario.blockSize
    scenario.maxModelLength = maxModelLength.map { min($0, model.maxPositions) }
    scenario.maxBatchedTokens = maxBatchedTokens
    scenario.maxSequences = maxSequences
    return scenario
  }

  /// `nil` for the release's own.
  private func share() throws -> Double? {
    if let utilization { return utilization }
    guard !mentionsUtilization else { throw UserError("the utilization is not known") }
    return nil
  }

  /// The device by its name, by the words before its size, by its class, or by its memory alone.
  private func knownDevice() throws -> DeviceSpec {
    if let device = try? DeviceCatalogue.find(gpu, forMemory: true) { return device }
    var words = gpu.split(separator: " ").prefix { !$0.hasPrefix("(") }
    if words.count > 2, words[1] == "x" { words = words.dropFirst(2) }
    for count in stride(from: words.count, to: 0, by: -1) {
      let name = words.prefix(count).joined(separator: "-").lowercased()
      for candidate in [name, name + "-sxm", "nvidia-" + name] {
        if let device = try? DeviceCatalogue.find(candidate, forMemory: true) { return device }
      }
    }
    if words.count >= 2, let name = Self.classes[words.prefix(2).joined(separator: " ")] {
      return try DeviceCatalogue.find(name)
    }
    guard gpuMemoryGiB != nil, gpu.hasSuffix("GB card") else {
      throw UserError("unknown device `\(gpu)`")
    }
    // Only its memory is asked for, which the row gives.
    return try DeviceCatalogue.find("rtx-3090")
  }

  /// What stands for a card of which the row knows the size alone, where all such cards see the same within 1 %.
  private static let classes = [
    "141 GB": "h200-sxm", "80 GB": "a100-80gb", "40 GB": "a100-40gb",
  ]

  /// How weights are stored; `nil` where the name says it.
  private func weights() throws -> ElementType? {
    switch quantization {
    case "", "none": nil
    case "fp8", "fp8 weights": .fp8
    case "gguf q8_0": .int8
    case "awq", "awq int4", "gptq", "gptq int4", "bitsandbytes 4-bit": .int4
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
