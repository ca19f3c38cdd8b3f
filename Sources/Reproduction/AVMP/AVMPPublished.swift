/// What the AVMP study printed.
///
/// - Source: arXiv 2605.22416 and `benchmarks/results/avmp-v2-batchsize-sweep` of codepawl/cachepawl.
enum AVMPPublished {
  /// Failed takings, mean over three seeds; `nil` where no number was printed.
  static func mean(
    _ manager: AVMPManager, _ workload: AVMPWorkload, _ gibibytes: Int, _ model: AVMPModel
  ) -> Double? {
    guard let row = rows[manager.name], let pool = [1, 4].firstIndex(of: gibibytes),
      let place = AVMPWorkload.allCases.firstIndex(of: workload)
    else { return nil }
    return row[model == .jamba ? 0 : 1][2 * place + pool]
  }

  /// Of a manager, by model (Jamba, Mamba-2): the three workloads with 1 and 4 GiB each.
  private static let rows: [String: [[Double]]] = [
    "fixed_dual r0.5": [
      [3.667, 0, 101.667, 92, 38, 40.667], [3.667, 0, 101.667, 92, 38, 40.667],
    ],
    "fixed_dual r0.9": [
      [256.667, 4.333, 145.333, 100.667, 67.667, 36],
      [256.667, 4.333, 145.333, 100.667, 67.667, 36],
    ],
    "padded_unified": [
      [0.667, 0.333, 101.333, 99, 31, 34], [280.333, 201.333, 221, 151.667, 392, 55],
    ],
    "avmp_dynamic r0.5 b128": [
      [5.333, 0, 99.333, 75, 38.333, 24.667], [3.667, 0, 100.667, 89.333, 36.667, 37],
    ],
  ]

  /// The sum of the twelve means.
  static func sum(_ manager: AVMPManager) -> Double? {
    switch manager {
    case .paddedUnified: 1567.7
    case .fixedDual(0.5): 552.0
    case .fixedDual(0.9): 1221.3
    case .dynamic(0.5, let batch): sumsByBatch[batch]
    default: nil
    }
  }

  private static let sumsByBatch: [Int: Double] = [
    1: 552.0, 2: 554.3, 4: 552.0, 8: 551.0, 16: 549.0, 32: 524.7, 64: 521.3, 128: 510.0, 256: 509.3,
  ]

  /// Megabytes that moved between the stores.
  static func migratedMB(_ manager: AVMPManager) -> Double? {
    switch manager {
    case .dynamic(0.5, 128): 313
    case .dynamic(0.5, 256): 352
    default: nil
    }
  }
}
