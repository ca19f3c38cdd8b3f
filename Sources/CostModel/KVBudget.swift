import Messages
import SimulationKernel

/// How the memory of one GPU is divided, down to the KV blocks that fit.
///
///     |────────────────────────── device memory ──────────────────────────|
///     |── weights ──|── activations ──|─ engine ─|──── KV cache ────|─░░─|  ░ = reserve
///                                                |b0|b1|b2|…        |
///
/// The engine's part is its CUDA context, its CUDA graphs and the buffers of its collectives
/// (``EngineMemory``).
///
/// Under tensor parallelism every GPU holds the same number of blocks, each with its share of the
/// heads.
///
/// - Source: PagedAttention artifact (paper-protocol.md section 6); its blocks for OPT-13B, 66B,
///   175B and LLaMA-13B come out exactly. Elsewhere it is an estimate: engines measure the
///   activation peak by a trial run. The pools of vLLM's logs that the tests hold come out within
///   a few per cent.
package struct KVBudget: Equatable, Sendable {
  /// One step of the waterfall; negative `bytes` are taken away.
  package struct Line: Equatable, Sendable {
    package var name: String
    package var bytes: Int
  }

  /// Host memory for swapped blocks where the caller names none: 20 GiB for each GPU, as in the
  /// artifact. (vLLM's `--swap-space` defaults to 4.)
  package static let swapBytesDefault = 20 << 30

  /// Memory of one GPU, in bytes.
  package let deviceBytes: Int
  /// Bytes of it that stay untouched: 1 − utilization.
  package let reserveBytes: Int
  /// Weights on one GPU, in bytes, with what their kernels pad.
  package let weightBytes: Int
  /// Largest activation footprint of an iteration, in bytes.
  package let activationBytes: Int
  /// CUDA context and other memory of the engine, in bytes.
  package let contextBytes: Int
  /// CUDA graphs, in bytes.
  package let graphBytes: Int
  /// Buffers of the collectives, in bytes.
  package let communicationBytes: Int
  /// What is left beside a KV cache of given bytes: negative where it takes of the reserve.
  package let beyondGivenBytes: Int
  /// What is left for the KV cache, in bytes, before rounding to blocks: at least one block, unless
  /// the budget was computed by ``init(_:)`` and nothing fits.
  package let kvBytes: Int
  /// Most tokens of an iteration.
  package let tokenBudget: Int
  /// What the blocks consist of.
  package let cache: KVCacheSpec
  /// Blocks of the pool, ⌊``kvBytes`` / ``blockBytes``⌋, at least 1.
  package let blocks: Int

  /// Divides the memory of each of `tensorParallel` devices.
  ///
  /// - Parameters:
  ///   - utilization: Share of the device's memory that may be used, in (0, 1].
  ///   - tokenBudget: Most tokens of an iteration, at least 1; sizes the activations.
  ///   - blockSize: Tokens of a block, at least 1.
  ///   - weights: How the layers' matrices are stored.
  ///   - kvCache: How keys and values are stored.
  ///   - engine: What else the engine sets aside.
  /// - Throws: ``UserError`` if an argument is out of range or not one block fits.
  /// - Complexity: O(1).
  package init(
    model: ModelSpec, device: DeviceSpec, tensorParallel: Int = 1, utilization: Double,
    tokenBudget: Int, blockSize: Int, weights: ElementType = .bfloat16,
    kvCache: ElementType = .bfloat16, engine: EngineMemory = .artifact
  ) throws {
    var inputs = Inputs(
      model: model, device: device, tensorParallel: tensorParallel, utilization: utilization,
      tokenBudget: tokenBudget, blockSize: blockSize, weights: weights, kvCache: kvCache)
    inputs.engine = engine
    try inputs.check()
    self.init(inputs)
    if let message = notFitting(inputs) { throw UserError(message) }
  }

  /// The arithmetic alone; ``blocks`` is 0 where the model does not fit.
  ///
  /// - Precondition: `inputs.check()` does not throw.
  package init(_ inputs: Inputs) {
    let model = inputs.stage
    deviceBytes = inputs.device.memoryBytes
    let parts = inputs.engine.parts(inputs)
    weightBytes =
      parts.weightPadding
      + model.weightBytes(tensorParallel: inputs.tensorParallel, elements: inputs.weights)
      - model.sharedExpertBytes(inputs)
      + (inputs.draft?.weightBytes(tensorParallel: inputs.tensorParallel) ?? 0)
    activationBytes = parts.activations
    contextBytes = parts.context
    graphBytes = parts.graphs
    communicationBytes = parts.communication
    let taken = weightBytes + activationBytes + contextBytes + graphBytes + communicationBytes
    let shared = inputs.engine.sharesWhatIsLeft ? max(deviceBytes - taken, 0) : deviceBytes
    reserveBytes = shared - Int((inputs.utilization * Double(shared)).rounded(.down))
    let left = deviceBytes - reserveBytes - taken
    kvBytes = inputs.kvBytesGiven ?? left
    beyondGivenBytes = left - kvBytes
    cache = inputs.cache
    tokenBudget = inputs.tokenBudget
    blocks = kvBytes > 0 ? kvBytes / cache.blockBytes : 0
  }

  /// The waterfall from top to bottom; all but the last line add up to the last.
  package var lines: [Line] {
    [
      Line(name: "device memory", bytes: deviceBytes),
      Line(name: "reserve", bytes: -reserveBytes),
      Line(name: "weights", bytes: -weightBytes),
      Line(name: "activation peak", bytes: -activationBytes),
      Line(name: "CUDA context and other", bytes: -contextBytes),
      Line(name: "CUDA graphs", bytes: -graphBytes),
      Line(name: "communication buffers", bytes: -communicationBytes),
    ]
      + (beyondGivenBytes == 0
        ? [] : [Line(name: "beside the given cache", bytes: -beyondGivenBytes)])
      + [Line(name: "KV cache", bytes: kvBytes)]
  }

  /// Bytes of one block on one GPU.
  package var blockBytes: Int { cache.blockBytes }
  /// Tokens of one block.
  package var blockSize: Int { cache.blockTokens }
  /// The pool.
  package var capacity: KVCapacity { KVCapacity(blocks: blocks, of: cache, inFlight: tokenBudget) }

  /// Blocks that `swapBytes` of host memory for each GPU hold.
  package func swapBlocks(swapBytes: Int = swapBytesDefault) -> Int { swapBytes / blockBytes }
}
