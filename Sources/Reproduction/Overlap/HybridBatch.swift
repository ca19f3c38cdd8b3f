import CostModel
import SimulationKernel

/// An iteration with a chunk of a prompt and sequences that decode, whose attention runs one after the other or together.
///
///     serial       |── linear layers ──|── prefill attention ──|── decode attention ──|
///     overlapped   |── linear layers ──|── the longer of both ──|
///
/// POD-Attention runs both in one kernel that fills the multiprocessors with blocks of either. Its time is taken as that
/// of the longer one, which is the best that it can do: the paper has its kernel within 10 % of that in a quarter of its
/// cases.
///
/// - Source: POD-Attention (arXiv 2410.18038) as summarised in our reference.
package struct HybridBatch {
  private let prices: KernelCostModel
  private let layers: Double
  /// Tokens that the KV cache of a GPU holds.
  private let cacheTokens: Int

  package init(_ model: ModelSpec, on device: String, gpus: Int) throws {
    var deployment = PricedDeployment(
      model: model, device: try DeviceCatalogue.find(device),
      blockBytes: 16 * model.kvBytesPerToken(tensorParallel: gpus))
    deployment.tensorParallel = gpus
    prices = try KernelCostModel(deployment)
    layers = Double(model.layers.count)
    let memory = Int(0.9 * Double(deployment.device.memoryBytes))
    cacheTokens =
      (memory - model.weightBytes(tensorParallel: gpus))
      / model.kvBytesPerToken(tensorParallel: gpus)
  }

  /// Whether 90 % of a GPU's memory hold so many sequences beside the weights.
  package func holds(_ sequences: Int, context: Int) -> Bool {
    sequences * context <= cacheTokens
  }

  /// What an iteration consists of.
  package struct Shape: Equatable, Sendable {
    /// Tokens of the chunk, and of its prompt that were computed before.
    package var chunk: Int
    package var chunkContext: Int
    /// Sequences that decode, and the tokens that each attends to.
    package var decodes: Int
    package var context: Int

    package init(chunk: Int, chunkContext: Int, decodes: Int, context: Int) {
      self.chunk = chunk
      self.chunkContext = chunkContext
      self.decodes = decodes
      self.context = context
    }
  }

  /// Seconds of an iteration, all layers.
  package struct Times: Equatable, Sendable {
    package var linear: Double
    package var prefill: Double
    package var decode: Double

    package var serialAttention: Double { prefill + decode }
    package var overlappedAttention: Double { max(prefill, decode) }
    /// The part of the shorter in both.
    package var shorterShare: Double { min(prefill, decode) / serialAttention }
    /// How much longer the serial attention takes.
    package var attentionGain: Double { serialAttention / overlappedAttention - 1 }
    /// The same of the whole iteration.
    package var gain: Double {
      (linear + serialAttention) / (linear + overlappedAttention) - 1
    }
  }

  package func times(_ shape: Shape) -> Times {
    var chunk = IterationWork()
    chunk.prefillChunks = [.init(tokens: shape.chunk, contextTokens: shape.chunkContext)]
    var decoding = IterationWork()
    decoding.decode(shape.decodes, contextTokens: shape.decodes * shape.context)
    var both = chunk
    both.decode(shape.decodes, contextTokens: shape.decodes * shape.context)
    both.sampledSequences = shape.decodes
    let linear = prices.breakdown(of: both).filter { !$0.name.hasPrefix("attention") }
    return Times(
      linear: linear.reduce(0) { $0 + $1.seconds },
      prefill: attention("attention prefill", chunk),
      decode: attention("attention decode", decoding))
  }

  /// Seconds of the attention of one layer.
  package func layer(_ seconds: Double) -> Double { seconds / layers }

  /// Seconds of a prompt's chunk by itself.
  package func prompt(_ tokens: Int, context: Int) -> Double {
    var work = IterationWork()
    work.prefillChunks = [.init(tokens: tokens, contextTokens: context)]
    return prices.duration(of: work).seconds
  }

  /// One by itself: beside a prompt's chunk a launch that both share would be priced.
  private func attention(_ name: String, _ work: IterationWork) -> Double {
    prices.breakdown(of: work).first { $0.name == name }?.seconds ?? 0
  }
}
