import CostModel
import Planning
import Serving
import SimulationKernel

/// A model of a trial, on one GPU.
struct PrismModel: Sendable {
  var costModel: any IterationCostModel
  var weightBytes: Int
  var blockTokens: Int
  /// Of a block of one tensor.
  var blockBytes: Int
  /// K and V of every layer.
  var tensors: Int
  /// Seconds to activate it.
  var activationSeconds: Double
  /// Targets, seconds.
  var ttft = 0.0
  var tpot = 0.0

  static let pageBytes = 2 << 20

  /// Bytes of a page of every tensor, which are mapped together.
  var bundleBytes: Int { Self.pageBytes * tensors }
  var tokenBytes: Int { blockBytes * tensors / blockTokens }

  /// A prompt alone on the GPU.
  func promptSeconds(_ tokens: Int) -> Double {
    var work = IterationWork()
    work.prefillChunks = [.init(tokens: tokens, contextTokens: 0)]
    work.sampledSequences = 1
    return costModel.duration(of: work).seconds
  }

  /// - Source: Prism: at most 0.7 s from 1 to 8 billion parameters, 1.3 s for 14, 1.5 s for 70; what lies between takes the
  ///   longer one, which is ours.
  static func activationSeconds(parameters: Int) -> Double {
    switch parameters {
    case ..<9_000_000_000: 0.7
    case ..<15_000_000_000: 1.3
    default: 1.5
    }
  }
}

extension PrismModel {
  /// Targets are those of a request alone on the GPU, times `scale`: a prompt of `prompt` tokens, and a decode behind it.
  init(_ name: String, device: DeviceSpec, scale: Double, prompt: Int) throws {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find(name), device: device)
    scenario.maxModelLength = 8192
    let resolved = try scenario.resolved()
    let model = scenario.model
    let tensors = 2 * model.layers.count
    let cache = KVCacheSpec(
      model, tensorParallel: 1, elements: scenario.kvCache, blockTokens: scenario.blockSize)
    self.init(
      costModel: resolved.costModel, weightBytes: model.weightBytes(),
      blockTokens: scenario.blockSize,
      blockBytes: cache.bytesPerToken * scenario.blockSize / tensors, tensors: tensors,
      activationSeconds: Self.activationSeconds(parameters: model.parameters()))
    ttft = promptSeconds(prompt) * scale
    var work = IterationWork()
    work.decode(1, contextTokens: prompt)
    work.sampledSequences = 1
    tpot = costModel.duration(of: work).seconds * scale
  }
}

/// A request of a trial, or what is left of one that made way: what it had generated counts as its prompt.
struct PrismRequest: Equatable, Sendable {
  /// In the order of arrivals.
  var number: Int
  var arrival: Double
  var model: Int
  var prompt: Int
  var output: Int
}
