import Foundation

/// Kernels of layers that keep a matrix for each head in place of keys and values, at the widths that tables have and
/// published models use: 128 × 128 numbers of 32 bits, and convolutions over four tokens.
package enum RecurrentState {
  package static let headWidth = Double(ModelLayer.Recurrence.Delta.measuredWidth)
  /// Bytes of the matrix of one head.
  static let headBytes = headWidth * headWidth * 4
}

/// The time to move bytes, some of which the kernel before left in the last-level cache.
private func moved(
  _ bytes: Double, _ limits: DeviceLimits, memoryShare: Double, cacheShare: Double,
  cacheUsed: Double, sharpness: Double, isCold: Bool = false
) -> Double {
  let far = bytes / (limits.memoryBandwidth * memoryShare)
  guard !isCold, bytes > 0 else { return far }
  let near = bytes / (limits.memoryBandwidth * max(cacheShare, memoryShare))
  let missed = 1 / (1 + pow(bytes / (limits.cacheBytes * cacheUsed), -sharpness))
  return far * missed + near * (1 - missed)
}

/// The time of a decoding step: the matrix of each head is read, turned and written, and little else.
struct RecurrentDecodeForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("launch_us", 3), .init("memory_share", 0.8), .init("cache_share", 1.5),
    .init("cache_used", 1), .init("block_us", 0.3), .init("overlap", 1),
  ]

  private let limits: DeviceLimits
  private let c: [Double]
  /// Nothing is found in the cache: in a model the other layers have displaced it.
  var isCold = false

  init(_ limits: DeviceLimits, _ coefficients: [Double]) {
    self.limits = limits
    c = coefficients
  }

  /// - Parameter sizes: As ``KernelKind/axes``.
  func seconds(_ sizes: [Double]) -> Double {
    let (sequences, keyHeads, heads) = (sizes[0], sizes[1], sizes[2])
    let vectors = (keyHeads + heads) * 2 * RecurrentState.headWidth * 2
    let bytes = sequences * (heads * 2 * RecurrentState.headBytes + vectors)
    let memory = moved(
      bytes, limits, memoryShare: c[1], cacheShare: c[2], cacheUsed: c[3], sharpness: 6,
      isCold: isCold)
    let waves = max(1, sequences * heads / limits.multiprocessors)
    return c[0] * 1e-6 + overlapped(memory, waves * c[4] * 1e-6, 1 + c[5])
  }
}

/// The time of prompts: the chunks of a head's sequence pass one after the other, each of which waits for the matrix of
/// the one before, while sequences and heads run side by side as far as there are multiprocessors.
///
///     head 0  |chunk|chunk|chunk|chunk|      64 tokens a chunk
///     head 1  |chunk|chunk|chunk|chunk|      as many heads at a time as there are multiprocessors
struct RecurrentPrefillForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("launch_us", 8), .init("block_us", 3), .init("chunk_us", 3), .init("memory_share", 0.5),
    .init("overlap", 1), .init("cache_used", 0.5), .init("whole_waves", 2), .init("cache_share", 1),
  ]
  private static let chunkTokens = 64.0

  private let limits: DeviceLimits
  private let c: [Double]

  init(_ limits: DeviceLimits, _ coefficients: [Double]) {
    self.limits = limits
    c = coefficients
  }

  /// - Parameter sizes: As ``KernelKind/axes``.
  func seconds(_ sizes: [Double]) -> Double {
    let (sequences, keyHeads, heads, tokens) = (sizes[0], sizes[1], sizes[2], sizes[3])
    let chunks = (tokens / Self.chunkTokens).rounded(.up)
    let waves = sequences * heads / limits.multiprocessors
    // Of the last wave, how much is waited for as if it were full.
    let whole = c[6] / (1 + c[6])
    let waited = whole * waves.rounded(.up) + (1 - whole) * max(waves, 1)
    let chain = waited * (c[1] + chunks * c[2]) * 1e-6
    let bytes = sequences * tokens * (keyHeads + heads) * 2 * RecurrentState.headWidth * 2
    let memory = moved(
      bytes, limits, memoryShare: c[3], cacheShare: c[7], cacheUsed: c[5], sharpness: 4)
    return c[0] * 1e-6 + overlapped(chain, memory, 1 + c[4])
  }
}

/// The time of the convolution ahead of a state, over `width` columns: its tokens are read and written, and the last
/// few of each sequence kept; a block of threads takes eight tokens one after the other.
struct ConvolutionForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("launch_us", 2), .init("memory_share", 0.7), .init("cache_share", 1.5),
    .init("cache_used", 0.5), .init("token_us", 0.2), .init("overlap", 1),
  ]
  private static let blockTokens = 8.0
  /// Tokens that are kept.
  private static let kept = 3.0

  private let limits: DeviceLimits
  private let c: [Double]

  init(_ limits: DeviceLimits, _ coefficients: [Double]) {
    self.limits = limits
    c = coefficients
  }

  /// - Parameter sizes: As ``KernelKind/axes``.
  func seconds(_ sizes: [Double]) -> Double {
    let (sequences, width, tokens) = (sizes[0], sizes[1], sizes[2])
    let bytes = sequences * width * (tokens + Self.kept) * 4
    let memory = moved(
      bytes, limits, memoryShare: c[1], cacheShare: c[2], cacheUsed: c[3], sharpness: 4)
    let chain = min(tokens, Self.blockTokens) * c[4] * 1e-6
    return c[0] * 1e-6 + overlapped(memory, chain, 1 + c[5])
  }
}
