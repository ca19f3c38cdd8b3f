import SimulationKernel

/// An analytic price of an iteration: each operator takes what its arithmetic or its memory traffic
/// takes, whichever is longer, and operators run one after another.
///
/// Needs no measurement of model or device, and has a known error for neither (``profile``). It
/// knows nothing of kernel quality, tile sizes, paged against contiguous attention, the host's time
/// between iterations, or sampling.
package struct RooflineCostModel: IterationCostModel {
  /// Token counts that are tabulated: covers every usual token budget.
  static let tabulatedTokens = 8192

  package let profile: CostProfile

  private let roofline: Roofline
  /// Operators whose work depends on the batched tokens only.
  private let tokenOperators: [TokenOperator]
  private let attention: AttentionOperator
  private let head: TokenOperator
  private let allReduce: AllReduce
  /// Seconds to copy a block within the device.
  private let copySeconds: Double
  /// Seconds to move a block over PCIe, one way.
  private let swapSeconds: Double
  /// Seconds of `tokenOperators` and `allReduce` by batched tokens.
  private var linearSeconds: [Double] = []

  /// - Parameters:
  ///   - tensorParallel: GPUs that share each layer.
  ///   - blockBytes: Bytes of one KV block on one GPU, for copies and swaps.
  /// - Throws: ``UserError`` if the model does not split over `tensorParallel` GPUs.
  /// - Complexity: A table of 8192 token counts is computed, 1 to 6 ms.
  package init(model: ModelSpec, device: DeviceSpec, tensorParallel: Int, blockBytes: Int) throws {
    try model.checkTensorParallel(tensorParallel)
    roofline = Roofline(device)
    tokenOperators = model.tokenOperators(tensorParallel)
    attention = AttentionOperator(
      model: model, tensorParallel: tensorParallel, roofline: roofline)
    head = model.headOperator(tensorParallel)
    allReduce = AllReduce(model: model, device: device, tensorParallel: tensorParallel)
    copySeconds = 2 * Double(blockBytes) * roofline.secondsPerByte
    swapSeconds = Double(blockBytes) / device.pcieBandwidth
    profile = CostProfile(
      name: "roofline/\(device.name)", isCalibrated: false,
      error: "uncalibrated: analytic roofline, error not measured")
    linearSeconds = (0...Self.tabulatedTokens).map(computedLinearSeconds)
  }

  /// - Complexity: O(prefill chunks); tens of nanoseconds for decode sequences alone.
  package func duration(of shape: IterationShape) -> SimDuration {
    let tokens = shape.batchedTokens
    var seconds =
      tokens <= Self.tabulatedTokens ? linearSeconds[tokens] : computedLinearSeconds(tokens)
    seconds += attention.prefillSeconds(shape.prefillChunks)
    seconds += attention.decodeSeconds(
      sequences: shape.decodeSequences, contextTokens: shape.decodeContextTokens)
    seconds += head.seconds(tokens: shape.sampledSequences, on: roofline)
    seconds += copySeconds(blocks: shape.copiedBlocks)
    // Both directions one after the other, as vLLM issues them, although PCIe is full duplex.
    seconds += Double(shape.swappedInBlocks + shape.swappedOutBlocks) * swapSeconds
    return SimDuration(rounding: seconds)
  }

  /// One operator's part of an iteration, all layers.
  package struct OperatorCost: Equatable, Sendable {
    package var name: String
    package var seconds: Double
  }

  /// What each operator of the iteration costs, in order of execution, idle operators included.
  ///
  /// Sums to ``duration(of:)`` but for rounding.
  package func breakdown(of shape: IterationShape) -> [OperatorCost] {
    let tokens = shape.batchedTokens
    var costs = tokenOperators.map {
      OperatorCost(name: $0.name, seconds: $0.seconds(tokens: tokens, on: roofline))
    }
    let decode = attention.decodeSeconds(
      sequences: shape.decodeSequences, contextTokens: shape.decodeContextTokens)
    let prefill = attention.prefillSeconds(shape.prefillChunks)
    costs.insert(OperatorCost(name: "attention prefill", seconds: prefill), at: 1)
    costs.insert(OperatorCost(name: "attention decode", seconds: decode), at: 2)
    func add(_ name: String, _ seconds: Double) {
      costs.append(OperatorCost(name: name, seconds: seconds))
    }
    add("all-reduce", allReduce.seconds(tokens: tokens))
    add(head.name, head.seconds(tokens: shape.sampledSequences, on: roofline))
    add("block copies", copySeconds(blocks: shape.copiedBlocks))
    add("swap in", Double(shape.swappedInBlocks) * swapSeconds)
    add("swap out", Double(shape.swappedOutBlocks) * swapSeconds)
    return costs
  }

  private func computedLinearSeconds(_ tokens: Int) -> Double {
    tokenOperators.reduce(allReduce.seconds(tokens: tokens)) {
      $0 + $1.seconds(tokens: tokens, on: roofline)
    }
  }

  /// One kernel copies all blocks of an iteration.
  private func copySeconds(blocks: Int) -> Double {
    blocks > 0 ? Double(blocks) * copySeconds + Roofline.launchSeconds : 0
  }
}
