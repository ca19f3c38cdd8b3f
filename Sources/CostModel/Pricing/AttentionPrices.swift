import KVMemory
import Messages
import SimulationKernel

/// The layers of a model by what their attention reaches.
///
/// Prices know heads of one shape, over the whole context or over one window.
struct AttentionReach: Equatable, Sendable {
  /// Layers that attend to the whole context.
  private(set) var globalLayers = 0
  /// Layers that attend to the nearest ``window`` tokens.
  private(set) var localLayers = 0
  private(set) var window: Int?
  /// The attention of all of them but for its reach.
  let attention: ModelLayer.Attention

  /// - Throws: ``UserError`` for a model whose attention has no price.
  init(_ model: ModelSpec) throws {
    func unpriced(_ what: String) -> UserError {
      UserError(
        "`\(model.name)` has \(what), which have no price yet",
        hint: "`kvplan catalog fit` divides its memory; layers are priced that are alike, or "
          + "differ in one window")
    }
    let kinds = model.layers.kinds.filter { $0.layer.attention != .none && !$0.layer.isRecurrent }
    guard let first = kinds.first else { throw unpriced("no layers with attention") }
    guard !model.layers.kinds.contains(where: \.layer.sharesKeys) else {
      throw unpriced("layers that attend to the keys of others")
    }
    attention = first.layer.attention.reachingAll
    for kind in kinds {
      if case .compressed = kind.layer.attention { throw unpriced("layers with compressed keys") }
      guard kind.layer.indexerBytesPerToken == 0 else { throw unpriced("layers with an indexer") }
      guard kind.layer.attention.reachingAll == attention else {
        throw unpriced("layers with heads of different shapes")
      }
      guard case .heads(_, let keeps) = kind.layer.attention, keeps != .all else {
        globalLayers += kind.count
        continue
      }
      guard let tokens = keeps.attendedMax else {
        throw unpriced("layers that keep a \(keeps.name)")
      }
      guard window ?? tokens == tokens else { throw unpriced("windows of different lengths") }
      window = tokens
      localLayers += kind.count
    }
  }
}

extension ModelLayer.Attention {
  fileprivate var isLatent: Bool {
    if case .latent = self { true } else { false }
  }

  /// The same heads over the whole context.
  fileprivate var reachingAll: Self {
    if case .heads(let heads, _) = self { .heads(heads, .all) } else { self }
  }
}

/// Tables of the attention of one layer.
struct AttentionPrices {
  private let deployment: PricedDeployment
  private let prices: KernelPrices
  private let decodeShape: ModelLayer.Heads
  private let prefillShape: ModelLayer.Heads
  /// Whether the profile has kernels for latent vectors, and the model has these.
  private let isLatent: Bool

  init(_ attention: ModelLayer.Attention, _ deployment: PricedDeployment, _ prices: KernelPrices) {
    self.deployment = deployment
    self.prices = prices
    decodeShape = attention.decodeHeads(deployment.tensorParallel)
    prefillShape = attention.prefillHeads(deployment.tensorParallel)
    isLatent = attention.isLatent && prices.has(.latentDecode) && prices.has(.latentPrefill)
  }

  private func op(_ kind: KernelKind, _ heads: ModelLayer.Heads, window: Double)
    -> KernelOperator
  {
    var op = KernelOperator(kind: kind)
    op.elements = deployment.kvCache
    op.headDim = heads.dim
    op.isMultiHead =
      kind != .prefillAttention && kind != .latentPrefill && heads.query == heads.kv
    op.isWindowed = window > 0
    if isLatent { op.library = prices.library }
    return op
  }

  /// By sequences and mean context; `window` 0 is none.
  ///
  /// - Parameter queries: Tokens of each sequence that attend to the same keys and values: as so many times the query
  ///   heads, which is how kernels for grouped queries pack them.
  func decode(window: Double, queries: Int = 1) -> PriceGrid {
    let price = decodePrice(window: window, queries: queries)
    return PriceGrid(
      rows: Knots(first: 1, octaves: 12, perOctaveBits: 2),
      columns: Knots(first: 16, octaves: 16, perOctaveBits: 2)
    ) { sequences, context in sequences > 0 ? price(sequences, max(context, 1)) : 0 }
  }

  private func decodePrice(
    window: Double, queries: Int
  ) -> (_ sequences: Double, _ context: Double) -> Double {
    let heads = Double(decodeShape.query * queries)
    guard !isLatent else {
      var op = op(.latentDecode, decodeShape, window: 0)
      // Tables know one width, and no other kind of heads.
      (op.headDim, op.isMultiHead) = (0, false)
      return prices.latentDecode(op, heads: heads)
    }
    return prices.decode(
      op(.decodeAttention, decodeShape, window: window), heads: heads,
      kvHeads: Double(decodeShape.kv), window: window)
  }

  /// By new tokens and context, without the launch; `window` 0 is none.
  func prefill(window: Double) -> PriceGrid {
    let price = prefillPrice(window: window)
    return PriceGrid(
      rows: Knots(first: 8, octaves: 12, perOctaveBits: 3),
      columns: Knots(first: 256, octaves: 12, perOctaveBits: 1)
    ) { tokens, context in tokens > 0 ? price.work(tokens, context) : 0 }
  }

  private func prefillPrice(
    window: Double
  ) -> (work: (_ tokens: Double, _ context: Double) -> Double, launch: Double) {
    prices.prefill(
      op(isLatent ? .latentPrefill : .prefillAttention, prefillShape, window: window),
      heads: Double(prefillShape.query),
      kvHeads: Double(prefillShape.kv), window: window)
  }

  /// By sequences and mean context, for a short and a long chunk.
  func besidePrompt() -> BesidePrompt? {
    prices.decodeBesidePrompt(
      op(.decodeBesidePrompt, decodeShape, window: 0), heads: Double(decodeShape.query),
      kvHeads: Double(decodeShape.kv)
    ).map(BesidePrompt.init)
  }

  var prefillLaunch: Double { prefillPrice(window: 0).launch }
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
