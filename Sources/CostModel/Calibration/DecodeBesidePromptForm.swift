import Foundation

/// What decoding sequences add to an attention launch that they share with a prompt's chunk.
///
/// Kernels made for many query tokens (FlashAttention-2) treat a decoding sequence as a prompt of one
/// token: a block for each *query* head, so that grouped heads read the same keys again, nothing split
/// along the context, and for every tile of the chunk a block that finds nothing to do.
///
///     blocks = sequences × heads × (1 at work + tiles of the chunk − 1 idle)
struct DecodeBesidePromptForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("block_us", 4), .init("block_tile_us", 3), .init("idle_block_us", 0.004),
    .init("longest_tile_us", 2), .init("memory_share", 0.8), .init("overlap", 1),
  ]
  /// Tokens of a step along the context, and of a chunk's tile.
  static let tile = 128.0

  private let limits: DeviceLimits
  private let op: KernelOperator
  private let c: [Double]

  init(_ limits: DeviceLimits, _ op: KernelOperator, _ coefficients: [Double]) {
    self.limits = limits
    self.op = op
    c = coefficients
  }

  func seconds(_ sizes: [Double]) -> Double {
    let (sequences, heads, kvHeads) = (sizes[0], sizes[1], sizes[2])
    let (context, tokens) = (sizes[3], sizes[4])
    let blocks = sequences * heads
    let tiles = context / Self.tile
    let idle = max(tokens / Self.tile - 1, 0)
    let arithmetic = blocks / limits.multiprocessors * (c[0] + c[1] * tiles) * 1e-6
    let longest = c[3] * tiles * 1e-6
    let bytes = sequences * kvHeads * context * Double(op.headDim) * 2 * op.elements.bytes
    let memory = bytes / (limits.memoryBandwidth * min(c[4], 1))
    let power = 1 + c[5]
    return overlapped(overlapped(arithmetic, longest, power), memory, power)
      + blocks * idle * c[2] * 1e-6
  }
}
