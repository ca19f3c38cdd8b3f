import Foundation

/// The time of prefill attention: `tokens` new query tokens for each of `sequences`, which attend
/// to `context` cached tokens and, causally, to each other.
///
///     keys      0         context    context + tokens
///     query 1   |────────────|─|              pairs = tokens × (context + (tokens + 1)/2)
///     query n   |────────────|──────────|     in tiles of 128 × 128 that are computed whole
struct PrefillAttentionForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("launch_us", 8), .init("tensor_share", 0.6), .init("block_us", 1),
    .init("step_us", 1), .init("overlap", 1), .init("query_share", 0.8), .init("kv_share", 0.4),
    .init("masked", 1), .init("block_start_us", 0.5), .init("token_ns", 0.3),
    .init("context_share", 0.5), .init("packed", 1),
  ]
  static let tile = 128.0

  private let limits: DeviceLimits
  private let op: KernelOperator
  private let c: [Double]

  init(_ limits: DeviceLimits, _ op: KernelOperator, _ coefficients: [Double]) {
    self.limits = limits
    self.op = op
    c = coefficients
  }

  func seconds(_ sizes: [Double]) -> Double { c[0] * 1e-6 + work(sizes) }

  /// Without the launch, which the chunks of one batch share.
  func work(_ sizes: [Double]) -> Double {
    let (sequences, heads, kvHeads) = (sizes[0], sizes[1], sizes[2])
    let (tokens, context, window) = (sizes[3], sizes[4], sizes[5])
    let head = Double(op.headDim)
    let pairs = Self.pairs(tokens: tokens, context: context, window: window)
    let rowTiles = (tokens / Self.tile).rounded(.up)
    var computed = pairs
    if window == 0 {
      let square = rowTiles * (rowTiles + 1) / 2 * Self.tile * Self.tile
      computed = min(square, tokens * rowTiles * Self.tile) + tokens * context
    }
    let masked = c[7] / (1 + c[7])
    let flops =
      4 * head * sequences * heads * (masked * computed + (1 - masked) * pairs)
    // Some kernels pack the query heads of a KV head into one tile: few tokens make fewer tiles so.
    let packed = c[11] / (1 + c[11])
    let packedTiles = kvHeads * (heads / kvHeads * tokens / Self.tile).rounded(.up)
    let tiles = packed * packedTiles + (1 - packed) * rowTiles * heads
    let waves = sequences * tiles / limits.multiprocessors
    let arithmetic = flops / (limits.tensorRate * min(c[1], 1)) + max(waves, 1) * c[2] * 1e-6
    let reach = window > 0 ? min(window, tokens + context) : tokens + context
    let longest = (c[3] * (reach / Self.tile).rounded(.up) + c[8]) * 1e-6
    let bandwidth = limits.memoryBandwidth
    let cached = window > 0 ? min(window, context) : context
    let streams =
      sequences * tokens * heads * 4 * head / (bandwidth * c[5])
      + sequences * tokens * kvHeads * 4 * head / (bandwidth * c[6])
      + sequences * cached * kvHeads * 2 * op.elements.bytes * head / (bandwidth * c[10])
    return overlapped(arithmetic, longest, 1 + c[4]) + streams
      + sequences * tokens * c[9] * 1e-9
  }

  /// Query-key pairs of one sequence and head; a window of 0 is none.
  static func pairs(tokens: Double, context: Double, window: Double) -> Double {
    let all = tokens * context + tokens * (tokens + 1) / 2
    guard window > 0, tokens + context > window else { return all }
    // The first queries may see less than the window.
    let short = max(0, window - context)
    return short * context + short * (short + 1) / 2 + (tokens - short) * window
  }
}
