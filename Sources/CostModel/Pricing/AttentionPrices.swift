/// Tables of the attention of one layer.
struct AttentionPrices {
  private let deployment: PricedDeployment
  private let prices: KernelPrices

  init(_ deployment: PricedDeployment, _ prices: KernelPrices) {
    self.deployment = deployment
    self.prices = prices
  }

  private func op(_ kind: KernelKind, headDim: Int, isMultiHead: Bool, window: Double)
    -> KernelOperator
  {
    var op = KernelOperator(kind: kind)
    op.elements = deployment.kvCache
    op.headDim = headDim
    op.isMultiHead = isMultiHead
    op.isWindowed = window > 0
    return op
  }

  /// By sequences and mean context.
  func decode(window: Double) -> PriceGrid {
    let shape = deployment.model.decodeHeads(deployment.tensorParallel)
    let op = op(
      .decodeAttention, headDim: shape.headDim, isMultiHead: shape.heads == shape.kvHeads,
      window: window)
    let price = prices.decode(op, heads: shape.heads, kvHeads: shape.kvHeads, window: window)
    return PriceGrid(
      rows: Knots(first: 1, octaves: 12, perOctaveBits: 2),
      columns: Knots(first: 16, octaves: 16, perOctaveBits: 2)
    ) { sequences, context in sequences > 0 ? price(sequences, max(context, 1)) : 0 }
  }

  /// By new tokens and context, without the launch.
  func prefill(window: Double) -> PriceGrid {
    let shape = deployment.model.prefillHeads(deployment.tensorParallel)
    let op = op(.prefillAttention, headDim: shape.headDim, isMultiHead: false, window: window)
    let price = prices.prefill(op, heads: shape.heads, kvHeads: shape.kvHeads, window: window)
    return PriceGrid(
      rows: Knots(first: 8, octaves: 12, perOctaveBits: 3),
      columns: Knots(first: 256, octaves: 12, perOctaveBits: 1)
    ) { tokens, context in tokens > 0 ? price.work(tokens, context) : 0 }
  }

  /// By sequences and mean context, for a short and a long chunk.
  func besidePrompt() -> BesidePrompt? {
    let shape = deployment.model.decodeHeads(deployment.tensorParallel)
    let op = op(
      .decodeBesidePrompt, headDim: shape.headDim, isMultiHead: shape.heads == shape.kvHeads,
      window: 0)
    guard let price = prices.decodeBesidePrompt(op, heads: shape.heads, kvHeads: shape.kvHeads)
    else { return nil }
    return BesidePrompt(price)
  }

  var prefillLaunch: Double {
    let shape = deployment.model.prefillHeads(deployment.tensorParallel)
    let op = op(.prefillAttention, headDim: shape.headDim, isMultiHead: false, window: 0)
    return prices.prefill(op, heads: shape.heads, kvHeads: shape.kvHeads, window: 0).launch
  }
}

/// Decode attention of one layer beside a prompt's chunk: straight between a short and a long chunk,
/// since each tile of it costs the same.
struct BesidePrompt: Equatable, Sendable {
  private static let shortTokens = 128.0
  private static let longTokens = 2048.0

  private let short: PriceGrid
  private let long: PriceGrid

  init(_ price: (_ sequences: Double, _ context: Double, _ tokens: Double) -> Double) {
    func grid(_ tokens: Double) -> PriceGrid {
      PriceGrid(
        rows: Knots(first: 1, octaves: 12, perOctaveBits: 1),
        columns: Knots(first: 16, octaves: 16, perOctaveBits: 2)
      ) { sequences, context in
        guard sequences > 0 else { return 0 }
        let short = price(sequences, max(context, 1), Self.shortTokens)
        return tokens == Self.shortTokens
          ? short : max(short, price(sequences, max(context, 1), tokens))
      }
    }
    short = grid(Self.shortTokens)
    long = grid(Self.longTokens)
  }

  @inline(__always)
  func callAsFunction(_ sequences: Double, _ context: Double, _ tokens: Double) -> Double {
    let low = short(sequences, context)
    let share = max(tokens - Self.shortTokens, 0) / (Self.longTokens - Self.shortTokens)
    return low + share * max(long(sequences, context) - low, 0)
  }
}
