import Messages

/// The time of a transformer's parts on a processor without a profile: data-sheet rates alone, nothing launched.
///
///     rows    0                 64      68    70  71      rows = 71
///             |── eights, fours ─|─ four ─|─ 2 ─|─ 1 ─|
///     weights |──── memory ──────|────── cache ───────|   a pass each: read, and multiplied with its rows
///
/// A GPU's tile of 64 rows and more takes as long when one of them is filled; here every row costs its arithmetic, so
/// that a batch of decodes is hardly cheaper than its sequences one by one. Reading and computing overlap in part. Passes
/// after the first find a matrix in the last-level cache, where it fits.
///
/// - Source: the passes are those of `Sources/CKernels/products.c`, the kernels of `kvplan run-cpu`; another engine's
///   are not known. `docs/CALIBRATION.md` holds it against runs of these.
struct ProcessorForm: Sendable {
  /// Rows that pass over a panel of weights while it stays in the cache.
  private static let blockRows = 64.0
  /// As kernels that compute and stream start their fits with, and what a cache gives beside the memory.
  private static let overlap = 2.0
  private static let cacheShare = 2.0
  /// What a query of its own reaches of the rate of products, whose rows share what they load, at best. Of `toy-25m` a token of
  /// context takes 1.13 µs where products reach 115 GFLOP/s (`docs/GROUND_TRUTH.md`), and 1.1 µs where they reach 62:
  /// 9 and 18 %. What is lost beyond is a sequence's, which `kvplan calibrate server` fits.
  private static let singleQueryShare = 0.18

  private let limits: DeviceLimits
  private let arithmeticScale: Double

  /// - Parameter arithmeticScale: Time of arithmetic beside the data sheet's rate, which kernels in registers reach in part.
  init(_ limits: DeviceLimits, arithmeticScale: Double = 1) {
    self.limits = limits
    self.arithmeticScale = arithmeticScale
  }

  /// Seconds of [m × k] × [k × n].
  func product(_ m: Double, _ n: Double, _ k: Double, _ elements: ElementType) -> Double {
    let bytes = n * k * elements.bytes
    let reading = bytes / limits.memoryBandwidth
    let readingAgain = bytes > limits.cacheBytes ? reading : reading / Self.cacheShare
    let rowSeconds = 2 * n * k / limits.rate(elements) * arithmeticScale
    var seconds = 0.0
    var left = m
    while left > 0 {
      let rows =
        left >= 4
        ? min(left - left.truncatingRemainder(dividingBy: 4), Self.blockRows) : min(left, 2)
      seconds += overlapped(
        rows * rowSeconds, seconds == 0 ? reading : readingAgain, Self.overlap)
      left -= rows
    }
    return seconds
  }

  /// Heads of one layer, and how far they see; a window of 0 is none.
  struct Attention {
    var elements: ElementType
    var headDim: Double
    var heads: Double
    var kvHeads: Double
    var window: Double

    init(_ op: KernelOperator, heads: Double, kvHeads: Double, window: Double) {
      elements = op.elements
      headDim = Double(op.headDim)
      self.heads = heads
      self.kvHeads = kvHeads
      self.window = window
    }
  }

  /// Seconds of `tokens` queries of one sequence that attend to `context` cached tokens and to each other.
  func attention(_ shape: Attention, tokens: Double, context: Double) -> Double {
    let pairs = PrefillAttentionForm.pairs(tokens: tokens, context: context, window: shape.window)
    let all = tokens + context
    let seen = shape.window > 0 ? min(shape.window + tokens, all) : all
    let bytes = 2 * seen * shape.kvHeads * shape.headDim * shape.elements.bytes
    let rate = limits.tensorRate / arithmeticScale * (tokens > 1 ? 1 : Self.singleQueryShare)
    return overlapped(
      4 * pairs * shape.heads * shape.headDim / rate, bytes / limits.memoryBandwidth, Self.overlap)
  }

  /// Seconds of a kernel that only moves bytes: what the kernel before wrote is in the cache, as far as it fits there.
  func streaming(_ bytes: Double) -> Double {
    max(0, bytes - limits.cacheBytes) / limits.memoryBandwidth
  }
}

extension PricedDeployment {
  /// Refuses what no roofline of a processor prices.
  ///
  /// - Throws: ``UserError`` that names the model's part, or the number of devices.
  func requireProcessorForm() throws(UserError) {
    guard device.architecture == .cpu else { return }
    func refuse(_ what: String) -> UserError {
      UserError(
        "\(what) no price on `\(device.name)`, a processor",
        hint: "dense models with keys and values are priced there, on one device")
    }
    if model.hasExperts { throw refuse("the experts of `\(model.name)` have") }
    if model.hasLatentAttention { throw refuse("the latent attention of `\(model.name)` has") }
    if model.layers.kinds.contains(where: \.layer.isRecurrent) {
      throw refuse("the states of `\(model.name)` have")
    }
    let devices = tensorParallel * dataParallel
    if devices > 1 { throw refuse("sums over \(devices) devices have") }
  }
}
