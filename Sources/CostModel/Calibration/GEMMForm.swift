import Foundation

/// The time of a matrix product [m × k] × [k × n].
///
///     the output is cut into tiles, a multiprocessor computes one at a time:
///     waves = tiles / multiprocessors, the last one partly filled
///     seconds = launch + min over tile shapes and splits of k
///                 overlap(waves × tile, bytes / bandwidth) + reduction of the splits
///
/// cuBLAS picks tile and split by its own heuristics, of which the cheapest under this formula is a
/// fair guess. Narrow types also quantise their activations first, a kernel of its own:
/// `quantise…`; engines that fuse it into the norm before leave it out.
struct GEMMForm {
  static let coefficients: [KernelForm.Coefficient] =
    [
      .init("launch_us", 2), .init("tensor_share", 0.85), .init("memory_share", 0.85),
      .init("tile_start_us", 1), .init("overlap", 2), .init("split_us", 2),
      .init("last_wave", 0.4), .init("step_ns_per_k", 0.3), .init("tile_gbs", 60),
      .init("quantise_us", 0.05), .init("quantise_token_ns", 5), .init("quantise_share", 0.5),
    ] + tiles.map { .init("tile_\(Int($0.m))x\(Int($0.n))", 0.9) }

  static let tiles: [(m: Double, n: Double)] = [
    (128, 256), (256, 128), (128, 128), (64, 256), (128, 64), (64, 128), (64, 64), (64, 32),
  ]
  static let splits: [Double] = [1, 2, 4, 8, 16, 32]

  private let limits: DeviceLimits
  private let elements: ElementType
  private let c: [Double]
  /// Seconds of a FLOP on one multiprocessor.
  private let tileFlopSeconds: Double
  private let byteSeconds: Double

  init(_ limits: DeviceLimits, _ elements: ElementType, _ coefficients: [Double]) {
    self.limits = limits
    self.elements = elements
    c = coefficients
    tileFlopSeconds = limits.multiprocessors / (limits.rate(elements) * c[1])
    byteSeconds = 1 / (limits.memoryBandwidth * min(c[2], 1))
  }

  func seconds(_ sizes: [Double]) -> Double {
    let (m, n, k) = (sizes[0], sizes[1], sizes[2])
    return c[0] * 1e-6 + product(m, n, k) + quantisation(m, k)
  }

  /// Seconds to quantise the activations; 0 for 16-bit ones.
  func quantisation(_ m: Double, _ k: Double) -> Double {
    guard elements != .bfloat16, elements != .int4 else { return 0 }
    let streamed = m * k * 3 / (limits.memoryBandwidth * c[11])
    return c[9] * 1e-6 + overlapped(m * c[10] * 1e-9, streamed, 2)
  }

  private func product(_ m: Double, _ n: Double, _ k: Double) -> Double {
    let activationBytes = elements == .int4 ? 2 : elements.bytes
    let bytes = n * k * elements.bytes + m * k * activationBytes + m * n * 2
    let overlap = 1 + c[4]
    let lastWave = c[6] / (1 + c[6])
    var best = Double.infinity
    for (index, tile) in Self.tiles.enumerated() {
      let grid = (m / tile.m).rounded(.up) * (n / tile.n).rounded(.up)
      let share = c[12 + index] / (1 + c[12 + index])
      let tileSeconds = 2 * tile.m * tile.n * tileFlopSeconds / share
      for split in Self.splits {
        let tiles = grid * split
        let filled = tiles / limits.multiprocessors
        let whole = filled.rounded(.down)
        let rest = filled - whole
        let waves = whole + (rest > 0 ? lastWave + (1 - lastWave) * rest : 0)
        let arithmetic =
          waves * (k / split * tileSeconds + c[3] * 1e-6) + c[7] * k / split * 1e-9
        let reduction = split > 1 ? c[5] * 1e-6 + m * n * 8 * split * byteSeconds : 0
        guard arithmetic + reduction < best else { continue }
        let reachable = min(tiles, limits.multiprocessors) * c[8] * 1e9
        let memory = max(bytes * byteSeconds, bytes / reachable)
        guard memory + reduction < best else { continue }
        best = min(best, overlapped(arithmetic, memory, overlap) + reduction)
      }
    }
    return best
  }
}
