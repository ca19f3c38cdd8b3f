import Foundation

/// The time of decode attention on latent vectors: one query token for each of `sequences`, whose heads all attend to
/// the same `context` cached vectors.
///
/// A block of threads takes a sequence and up to 64 heads, and a tile of its context after the other; what a tile costs
/// grows with the heads. Where blocks are fewer than multiprocessors the context is split among several, whose parts
/// are combined. The vectors are read once for all heads, so that many heads are bound by arithmetic and few by
/// bandwidth.
///
/// Widths are those of DeepSeek-V3, the only ones that tables have and published models use: vectors of 512, and a
/// rotary key of 64.
struct LatentDecodeForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("launch_us", 8), .init("block_us", 1), .init("tile_us", 0.3), .init("tile_head_us", 0.02),
    .init("memory_share", 0.8), .init("overlap", 2), .init("combine_us", 1),
    .init("combine_split_us", 0.3), .init("wave_power", 0.95), .init("split_tiles", 2),
  ]
  /// Vectors of a tile, and heads of a block.
  private static let (tile, blockHeads) = (64.0, 64.0)
  /// Elements of a cached vector with its rotary key, and of an output.
  private static let (vector, value) = (576.0, 512.0)

  private let limits: DeviceLimits
  private let op: KernelOperator
  private let c: [Double]

  init(_ limits: DeviceLimits, _ op: KernelOperator, _ coefficients: [Double]) {
    self.limits = limits
    self.op = op
    c = coefficients
  }

  /// - Parameter sizes: As ``KernelKind/axes``.
  func seconds(_ sizes: [Double]) -> Double {
    let (sequences, heads, context) = (sizes[0], sizes[1], sizes[2])
    let tiles = (context / Self.tile).rounded(.up)
    let blocks = sequences * (heads / Self.blockHeads).rounded(.up)
    let splits = max(1, min(limits.multiprocessors / blocks, tiles / c[9]))
    let waves = max(1, blocks * splits / limits.multiprocessors)
    let arithmetic =
      pow(waves, min(c[8], 1))
      * (c[1] + tiles / splits * (c[2] + c[3] * min(heads, Self.blockHeads))) * 1e-6
    let bytes =
      sequences * context * Self.vector * op.elements.bytes
      + sequences * heads * (Self.vector + Self.value) * 2
    // A table finds short contexts in the cache, beyond what memory could deliver.
    let memory = bytes / (limits.memoryBandwidth * min(c[4], 1.3))
    let combining = splits > 1 ? c[6] + c[7] * log2(splits) : 0
    return (c[0] + combining) * 1e-6 + overlapped(arithmetic, memory, 1 + c[5])
  }
}
