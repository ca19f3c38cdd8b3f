import KVMemory
import Messages
import Planning
import Results

/// What `kvplan reproduce avmp` runs.
package struct AVMPSetting: Sendable {
  package var poolGiB = [1, 4]
  package var blockTokens = 16
  /// Of the pool, for states; the dynamic pool starts with the first.
  package var stateShares = [0.5, 0.9]
  /// Units that a rebalance moves.
  package var batches = [128, 256]
  /// The same for every workload; `nil` for those of the published runs.
  package var seeds: [UInt64]?
  /// A folder with the requests as CSV; `nil` to draw them.
  package var folder: String?

  package init() {}

  /// Whether the published counts hold for a pool of this setting.
  var isPublished: Bool { blockTokens == 16 && seeds == nil }
}

/// A manager of the study.
enum AVMPManager: Equatable, Sendable {
  case paddedUnified
  case fixedDual(stateShare: Double)
  case dynamic(stateShare: Double, batch: Int)

  var name: String {
    switch self {
    case .paddedUnified: "padded_unified"
    case .fixedDual(let share): "fixed_dual r\(plain(share))"
    case .dynamic(let share, let batch): "avmp_dynamic r\(plain(share)) b\(batch)"
    }
  }

  func run(
    _ requests: [AVMPRequest], bytes: Int, model: AVMPModel, blockTokens: Int
  ) -> AVMPOutcome {
    let (kv, state) = (AVMPModel.kvBytes(blockTokens: blockTokens), model.stateBytes)
    switch self {
    case .paddedUnified:
      var pool = PaddedUnifiedPool(bytes: bytes, kvBytes: kv, stateBytes: state)
      return AVMPReplay.run(requests, blockTokens: blockTokens, pool: &pool)
    case .fixedDual(let share):
      var pool = DualPool(bytes: bytes, kvBytes: kv, stateBytes: state, stateShare: share)
      return AVMPReplay.run(requests, blockTokens: blockTokens, pool: &pool)
    case .dynamic(let share, let batch):
      var pool = DualPool(
        bytes: bytes, kvBytes: kv, stateBytes: state, stateShare: share, batch: batch)
      return AVMPReplay.run(requests, blockTokens: blockTokens, pool: &pool)
    }
  }
}

/// The AVMP study (arXiv 2605.22416): how often takings fail under four managers of keys, values and states.
package enum AVMPReport {
  static let figure = "avmp"

  /// One manager, one model, one pool, one workload; an outcome a seed.
  private struct Cell: Sendable {
    var manager: AVMPManager
    var workload: AVMPWorkload
    var gibibytes: Int
    var model: AVMPModel
    var outcomes: [AVMPOutcome] = []

    var mean: Double {
      Double(outcomes.reduce(0) { $0 + $1.outOfMemory }) / Double(outcomes.count)
    }

    /// The middle seed's; of an even number of seeds the lower of the two.
    var migratedMedian: Int {
      outcomes.map(\.migratedBytes).sorted()[(outcomes.count - 1) / 2]
    }
  }

  /// Runs every manager on every workload, pool and model.
  ///
  /// - Throws: ``UserError`` where a pool has no room for a unit, or a file of requests is missing or broken.
  package static func report(_ setting: AVMPSetting) throws -> FigureReport {
    let managers = try managers(setting)
    var requests: [AVMPWorkload: [[AVMPRequest]]] = [:]
    for workload in AVMPWorkload.allCases {
      requests[workload] = try (setting.seeds ?? workload.publishedSeeds).map { seed in
        try setting.folder.map { try workload.requests(seed: seed, folder: $0) }
          ?? workload.requests(seed: seed)
      }
    }
    let lists = requests
    let cells = managers.flatMap { manager in
      AVMPWorkload.allCases.flatMap { workload in
        setting.poolGiB.flatMap { gibibytes in
          AVMPModel.allCases.map {
            Cell(manager: manager, workload: workload, gibibytes: gibibytes, model: $0)
          }
        }
      }
    }
    let done = try Parallel.map(cells) { cell in
      var cell = cell
      cell.outcomes = (lists[cell.workload] ?? []).map {
        cell.manager.run(
          $0, bytes: cell.gibibytes << 30, model: cell.model, blockTokens: setting.blockTokens)
      }
      return cell
    }
    let byManager = managers.map { manager in done.filter { $0.manager == manager } }
    return FigureReport(
      name: figure, title: "AVMP: takings that fail",
      claims: byManager.flatMap { claims($0, setting) },
      data: data(done, setting), figure: drawing(byManager), remarks: remarks)
  }

  private static func managers(_ setting: AVMPSetting) throws(UserError) -> [AVMPManager] {
    for gibibytes in setting.poolGiB {
      for model in AVMPModel.allCases {
        try requireRoom(gibibytes << 30, model, setting)
      }
    }
    let start = setting.stateShares[0]
    return setting.stateShares.map { .fixedDual(stateShare: $0) } + [.paddedUnified]
      + setting.batches.map { .dynamic(stateShare: start, batch: $0) }
  }

  private static func requireRoom(
    _ bytes: Int, _ model: AVMPModel, _ setting: AVMPSetting
  ) throws(UserError) {
    let page = AVMPModel.kvBytes(blockTokens: setting.blockTokens)
    for share in setting.stateShares {
      let states = Int(Double(bytes) * share)
      guard states >= model.stateBytes, bytes - states >= page else {
        throw UserError(
          "a share of \(plain(share)) leaves \(states) bytes for states of \(model.stateBytes) "
            + "and \(bytes - states) for pages of \(page)",
          hint: "both need room for one at least: give `--state-share` between 0 and 1, or fewer "
            + "`--block-tokens`")
      }
    }
  }

  // MARK: Against the published numbers

  private static func claims(_ cells: [Cell], _ setting: AVMPSetting) -> [Claim] {
    let manager = cells[0].manager
    let each = cells.map { cell in
      let published =
        setting.isPublished
        ? AVMPPublished.mean(cell.manager, cell.workload, cell.gibibytes, cell.model) : nil
      let seeds = setting.seeds ?? cell.workload.publishedSeeds
      let counts = cell.outcomes.map { "\($0.outOfMemory)" }.joined(separator: " ")
      return Claim(
        figure,
        "\(manager.name), \(cell.workload.rawValue), \(cell.gibibytes) GiB, \(cell.model.rawValue)",
        // Three decimals are printed of thirds.
        published.map { .value($0, within: 0.0005) } ?? .nothing, ours: cell.mean,
        note: "seeds \(seeds.map(String.init).joined(separator: " ")): \(counts)")
    }
    let isWhole = setting.isPublished && setting.poolGiB == [1, 4]
    let sum = Claim(
      figure, "\(manager.name), sum of the \(cells.count) cells",
      (isWhole ? AVMPPublished.sum(manager) : nil).map { .value($0, within: 0.05) } ?? .nothing,
      ours: cells.reduce(0) { $0 + $1.mean })
    guard case .dynamic = manager else { return each + [sum] }
    let migrated =
      Double(cells.reduce(0) { $0 + $1.migratedMedian }) / Double(cells.count) / 1_000_000
    return each + [sum] + [
      Claim(
        figure, "\(manager.name), migrated, MB",
        (isWhole ? AVMPPublished.migratedMB(manager) : nil).map { .value($0, within: 0.5) }
          ?? .nothing,
        ours: migrated, note: "mean over the cells of the median over the seeds")
    ]
  }

  private static func data(_ cells: [Cell], _ setting: AVMPSetting) -> DataTable {
    var data = DataTable([
      "manager", "workload", "pool_gib", "model", "seed", "out_of_memory", "completed",
      "migrated_bytes",
    ])
    for cell in cells {
      for (seed, outcome) in zip(setting.seeds ?? cell.workload.publishedSeeds, cell.outcomes) {
        data.rows.append([
          cell.manager.name, cell.workload.rawValue, "\(cell.gibibytes)", cell.model.rawValue,
          "\(seed)", "\(outcome.outOfMemory)", "\(outcome.completed)", "\(outcome.migratedBytes)",
        ])
      }
    }
    return data
  }

  private static func drawing(_ byManager: [[Cell]]) -> Figure {
    var chart = BarChart(
      title: "takings that fail", yTitle: "mean over seeds, sum of the cells",
      parts: AVMPWorkload.allCases.map(\.rawValue),
      bars: byManager.map { cells in
        BarChart.Bar(
          cells[0].manager.name.replacing(" ", with: "\n"),
          AVMPWorkload.allCases.map { workload in
            cells.filter { $0.workload == workload }.reduce(0) { $0 + $1.mean }
          })
      })
    chart.isGrouped = false
    return Figure(
      title: "Out of memory in the AVMP study", charts: [.bars(chart)], columns: 1, chartWidth: 520)
  }

  private static let remarks = [
    "The requests are drawn as numpy draws them, or read with `--traces`; both give the same counts.",
    "`avmp_static` is `fixed_dual`: their published counts are the same in every cell.",
    "The study's throughput and its factors of 1.83 to 13.3 are wall-clock times of its Python allocators, no effect of "
      + "where memory goes. They are not repeated here.",
    "Published migrated bytes are in MB, and of each cell the median over the seeds: the mean over all runs is "
      + "another number (299 and 343 MB).",
  ]
}
