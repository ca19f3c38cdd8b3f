import Foundation

/// The time of decode attention: one query token for each of `sequences`, over `context` cached
/// tokens each.
///
/// A block of threads takes a sequence and KV head; where these are fewer than multiprocessors, the
/// context is split among several and the parts combined, each part at least `split_tiles` long:
/// some kernels split only contexts of thousands of tokens, some none. Blocks and memory traffic overlap in
/// part.
///
/// Tables of one kernel run over and over find small contexts in the last-level cache; in a model
/// the other layers have displaced them. ``isCold`` prices the latter.
struct DecodeAttentionForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("launch_us", 8), .init("regroup_us", 0.1), .init("combine_us", 1),
    .init("combine_split_us", 0.3), .init("block_us", 1), .init("block_tile_us", 0.1),
    .init("memory_share", 0.85), .init("cache_share", 2), .init("overlap", 3),
    .init("cache_used", 0.5), .init("block_head_us", 0.01), .init("wave_power", 0.95),
    .init("split_tiles", 1),
  ]
  /// Tokens of a step along the context.
  static let tile = 128.0

  private let limits: DeviceLimits
  private let op: KernelOperator
  private let c: [Double]
  /// Nothing is found in the cache.
  var isCold = false

  init(_ limits: DeviceLimits, _ op: KernelOperator, _ coefficients: [Double]) {
    self.limits = limits
    self.op = op
    c = coefficients
  }

  func seconds(_ sizes: [Double]) -> Double {
    let (sequences, heads, kvHeads) = (sizes[0], sizes[1], sizes[2])
    let context = sizes[4] > 0 ? min(sizes[3], sizes[4]) : sizes[3]
    let group = heads / kvHeads
    var tiles = (context / Self.tile).rounded(.up)
    // A window begins inside a tile, which is computed whole.
    if context < sizes[3] { tiles += 1 }
    let blocks = sequences * kvHeads
    let splits = max(1, min(limits.multiprocessors / blocks, tiles / max(c[12], 1)))
    let waves = max(1, blocks * splits / limits.multiprocessors)
    let arithmetic =
      pow(waves, min(c[11], 1)) * (c[4] + c[10] * group + c[5] * tiles / splits) * 1e-6
    let head = Double(op.headDim)
    let bytes = blocks * context * head * 2 * op.elements.bytes + sequences * heads * head * 4
    let far = bytes / (limits.memoryBandwidth * min(c[6], 1))
    var memory = far
    if !isCold {
      let filled = bytes / (limits.cacheBytes * c[9])
      let missed = 1 / (1 + pow(filled, -6))
      memory = far * missed + bytes / (limits.memoryBandwidth * c[7]) * (1 - missed)
    }
    var overhead = c[0] + c[3] * log2(splits)
    if splits > 1 { overhead += c[2] }
    if sequences > 1, kvHeads > 1, group > 1 { overhead += c[1] }
    return overhead * 1e-6 + overlapped(arithmetic, memory, 1 + c[8])
  }
}
