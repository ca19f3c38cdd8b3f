import CostModel
import Planning
import Serving

/// CacheFlow's settings, each with every other: lengths, links, GPUs, batches and models.
struct CacheFlowGrid: Sendable {
  /// One of them, and the mean seconds to the first token by method.
  struct Cell: Sendable {
    var model: String
    var device: String
    var gigabits: Double
    var held: Int
    var batch: Int
    var seconds: [RestoreBatch.Method: Double] = [:]

    /// What CacheFlow divides a time by.
    func gain(over method: RestoreBatch.Method) -> Double {
      (seconds[method] ?? .nan) / (seconds[.mostSaved] ?? .nan)
    }

    /// The mean of the baselines by CacheFlow.
    var gain: Double {
      let baselines = RestoreBatch.Method.allCases.filter { $0 != .mostSaved }
      return baselines.reduce(0) { $0 + gain(over: $1) } / Double(baselines.count)
    }
  }

  static let models = ["qwen3-8b", "llama-3.1-8b"]
  static let devices = ["l40s", "a100-40gb"]
  static let gigabits = [10.0, 40, 80]
  static let lengths = [6144, 30_720]
  static let batches = [2, 8]
  /// Prompts shorter than any of ``lengths``: loading them saves next to nothing.
  static let short = 256
  /// New tokens of a turn; our choice.
  static let new = 512

  static func cells() throws -> [Cell] {
    var cells: [Cell] = []
    for name in models {
      for device in devices {
        var scenario = Scenario(
          system: .vllmV1, model: try ModelCatalogue.find(name),
          device: try DeviceCatalogue.find(device))
        scenario.maxModelLength = 32_768
        let prices = PrefillPrices(try scenario.resolved())
        for gigabits in gigabits {
          let restoring = prices.restoring(
            bandwidth: gigabits * 1e9 / 8, upTo: scenario.modelLength)
          for held in lengths + [short] {
            for batch in batches {
              var cell = Cell(
                model: name, device: device, gigabits: gigabits, held: held, batch: batch)
              let prompts = RestoreBatch(
                held: Array(repeating: held, count: batch), new: new,
                layers: scenario.model.layers.count, prices: restoring)
              for method in RestoreBatch.Method.allCases {
                cell.seconds[method] =
                  prompts.firstTokens(method).reduce(0, +) / Double(batch)
              }
              cells.append(cell)
            }
          }
        }
      }
    }
    return cells
  }
}
