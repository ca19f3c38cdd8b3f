import SimulationKernel

/// What an iteration cost in 2023, on the engines of the PagedAttention paper's comparison: the price
/// list behind `a100-40gb@2023` and `a100-80gb@2023`.
///
///     iteration = linear layers + attention + sums over GPUs + block traffic + the host
///
/// Closed forms with few numbers, each taken from a stated fact (``PaperEraFacts``) and the same for
/// every system and figure. Only the host's two numbers are inferred from the paper's own results.
///
/// vLLM and the Orca baselines of the artifact run on one and the same engine, and so do they here:
/// Python around eager kernels, attention through block tables. FasterTransformer is compiled and
/// its attention reads contiguous memory; it pays neither.
package final class PaperEraCostModel: IterationCostModel {
  /// The code that runs the iterations.
  package enum EngineKind: Equatable, Sendable {
    /// Python and eager kernels, paged attention: the artifact's vLLM and Orca.
    case eager
    /// FasterTransformer.
    case compiled
  }

  package let profile: CostProfile
  private let engine: EngineKind
  /// Seconds to stream the weights of one GPU.
  private let weightSeconds: Double
  /// Seconds of arithmetic for one token in the linear layers.
  private let tokenSeconds: Double
  /// Seconds for one decoding sequence to attend to one token, all layers.
  private let contextTokenSeconds: Double
  /// Seconds of arithmetic for a prompt token to attend to one token, all layers.
  private let pairSeconds: Double
  /// Sums over GPUs: seconds of an iteration, and of a token in it.
  private let sumSeconds: (fixed: Double, token: Double)
  /// Seconds to copy a block on the device, and to move one over PCIe.
  private let copySeconds: Double
  private let swapSeconds: Double

  /// - Parameters:
  ///   - tensorParallel: GPUs that share each layer.
  ///   - blockSize: Token slots of a KV block.
  /// - Throws: ``UserError`` if the model does not split over `tensorParallel` GPUs.
  package init(
    model: ModelSpec, device: DeviceSpec, tensorParallel: Int, blockSize: Int, engine: EngineKind
  ) throws {
    try model.checkTensorParallel(tensorParallel)
    self.engine = engine
    let facts = PaperEraFacts.self
    let secondsPerByte = 1 / (device.memoryBandwidth * facts.memoryEfficiency)
    let secondsPerFlop = 1 / (device.tensorRate * facts.tensorEfficiency)
    weightSeconds = Double(model.weightBytes(tensorParallel: tensorParallel)) * secondsPerByte
    tokenSeconds = 2 * Double(model.parameters(tensorParallel: tensorParallel)) * secondsPerFlop
    let kvBytes = Double(model.kvBytesPerToken(tensorParallel: tensorParallel))
    let slowdown =
      engine == .eager ? 1 + facts.pagedOverheadTokens / Double(blockSize) : 1
    contextTokenSeconds = kvBytes * secondsPerByte * slowdown
    let headWidths = model.layers.kinds.reduce(0) { sum, kind in
      let heads = kind.layer.heads ?? .init(query: 0, kv: 0, dim: 0)
      return sum + kind.count * (heads.query / tensorParallel) * heads.dim
    }
    pairSeconds = Double(4 * headWidths) * secondsPerFlop
    let sums = tensorParallel > 1 ? Double(2 * model.layers.count) : 0
    let gpus = Double(tensorParallel)
    let tokenBytes = Double(model.hidden * ModelSpec.bytesPerElement)
    sumSeconds = (
      sums * facts.sumLatencySeconds,
      sums * 2 * (gpus - 1) / gpus * tokenBytes / facts.sumBandwidth
    )
    let blockBytes = kvBytes * Double(blockSize)
    copySeconds = 2 * blockBytes * secondsPerByte
    let transfers = Double(2 * model.layers.count)
    swapSeconds =
      transfers * facts.transferLatencySeconds + blockBytes / facts.pcieBandwidth
    profile = CostProfile(
      name: "paper-era/\(device.name)", isCalibrated: false,
      error: "derived from published figures of 2023; host time inferred from the paper's Figure 13"
    )
  }

  /// Streaming weights and arithmetic overlap, but not perfectly where they are equal: the 4-norm is
  /// 19 % above the larger there, where measured tables are up to 25 % above it.
  private func linearSeconds(tokens: Int) -> Double {
    let ratio = Double(tokens) * tokenSeconds / weightSeconds
    let square = ratio * ratio
    return weightSeconds * (1 + square * square).squareRoot().squareRoot()
  }

  /// - Complexity: O(prefill chunks).
  package func duration(of work: IterationWork) -> SimDuration {
    let blocks = work.swappedInBlocks + work.swappedOutBlocks
    var seconds =
      Double(blocks) * swapSeconds + Double(work.copiedBlocks) * copySeconds
    let tokens = work.batchedTokens
    guard tokens > 0 else { return SimDuration(rounding: seconds) }
    seconds += linearSeconds(tokens: tokens)
    seconds += Double(work.decodeContextTokens) * contextTokenSeconds
    for chunk in work.prefillChunks {
      let attended = Double(chunk.contextTokens) + Double(chunk.tokens + 1) / 2
      seconds += Double(chunk.tokens) * attended * pairSeconds
    }
    seconds += sumSeconds.fixed + Double(tokens) * sumSeconds.token
    if engine == .eager {
      seconds += PaperEraFacts.hostSecondsPerIteration
      seconds += Double(work.sampledSequences) * PaperEraFacts.hostSecondsPerSequence
    }
    return SimDuration(rounding: seconds)
  }
}
