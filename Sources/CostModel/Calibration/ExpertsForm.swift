import Foundation

/// The time of one layer's routed experts on one rank: both grouped products, the activation between them, and the
/// sorting of tokens before and their sum behind.
///
/// Each expert that is visited has its weights read once, and its rows are filled up to a tile; what reading and
/// arithmetic take overlaps in part.
///
///     seconds = launch + experts × routing + visited × expert + tokens × token
///               + overlap(weights / bandwidth, FLOPs of filled tiles / rate) + activations / bandwidth
struct ExpertsForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("launch_us", 20), .init("routing_ns", 20), .init("expert_us", 0.2), .init("token_ns", 5),
    .init("memory_share", 0.7), .init("tensor_share", 0.6), .init("overlap", 1),
    .init("tile_gbs", 60), .init("stream_share", 0.7), .init("tile_rows", 16),
    .init("last_wave", 0.15), .init("rank_spread", 0.6),
  ]
  /// Columns of a tile, of which each runs on a multiprocessor, and its rows where these are many.
  private static let tileColumns = 128.0
  private static let tileRows = 128.0

  private let limits: DeviceLimits
  private let elements: ElementType
  private let c: [Double]

  init(_ limits: DeviceLimits, _ elements: ElementType, _ coefficients: [Double]) {
    self.limits = limits
    self.elements = elements
    c = coefficients
  }

  /// - Parameter sizes: As ``KernelKind/axes``.
  func seconds(_ sizes: [Double]) -> Double {
    let (tokens, hidden, width) = (sizes[0], sizes[1], sizes[2])
    let loads = ExpertLoads(
      tokens: tokens, topK: sizes[3], experts: sizes[4], ranks: sizes[5], skew: sizes[6],
      spread: c[11])
    let weights = 3 * hidden * width * elements.bytes * loads.visited
    let columns = (2 * width / Self.tileColumns).rounded(.up)
    let reachable = min(loads.visited * columns, limits.multiprocessors) * c[7] * 1e9
    let memory = max(weights / (limits.memoryBandwidth * c[4]), weights / reachable)
    let filled = loads.rows + loads.visited * c[9] / 2
    let waves = filled / Self.tileRows * columns / limits.multiprocessors
    let lastWave = 1 + c[10] / max(waves, 0.05)
    let arithmetic = 6 * hidden * width * filled / (limits.rate(elements) * c[5]) * lastWave
    let streamed = loads.rows * (2 * hidden + 3 * width) * 2 / (limits.memoryBandwidth * c[8])
    return c[0] * 1e-6 + sizes[4] * c[1] * 1e-9 + loads.visited * c[2] * 1e-6
      + tokens * c[3] * 1e-9 + overlapped(memory, arithmetic, 1 + c[6]) + streamed
  }
}
