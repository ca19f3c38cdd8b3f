import CostModel
import Planning
import Serving
import Workload

/// GPU time that the prompts of a trace take, by what is computed again and in which chunks.
///
/// - Source: Mooncake (FAST 2025): 16 nodes of eight A800, Llama-3-70B, with its conversation trace.
struct PrefillTimes: Sendable {
  static let nodes = 16
  /// Tokens of keys and values that the host memory of a node holds.
  static let nodeTokens = 3_000_000
  static let blockTokens = 512
  /// Tokens of a prompt that vLLM computes at once with chunked prefill.
  static let chunkTokens = 512

  /// Seconds of one node for all prompts.
  var nothingCached: Double
  var chunked: Double
  /// With what each node's GPUs hold, requests in turn.
  var poolCached: Double
  /// With what the host memory of each node holds, and of all of them together.
  var nodeCached: Double
  var sharedCached: Double
  /// Tokens found by the last two.
  var nodeFound: Int
  var sharedFound: Int

  static func prices(chunkTokens: Int) throws -> PrefillPrices {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("llama-3.1-70b"),
      device: try DeviceCatalogue.find("a800-80gb"))
    scenario.tensorParallel = 8
    scenario.maxBatchedTokens = chunkTokens
    return PrefillPrices(try scenario.resolved())
  }

  /// - Returns: `nil` for a trace that does not say what its prompts consist of.
  static func measure(_ trace: Trace) throws -> PrefillTimes? {
    guard let contents = trace.contents else { return nil }
    let longest = trace.requests.reduce(1) { max($0, Int($1.promptTokens)) }
    let whole = try prices(chunkTokens: 8192)
    let (table, short) = (
      whole.table(upTo: longest), try prices(chunkTokens: chunkTokens).table(upTo: longest)
    )
    func seconds(_ table: PrefillTable, _ found: [Int]? = nil) -> Double {
      trace.requests.indices.reduce(0) { sum, request in
        sum + table.seconds(Int(trace.requests[request].promptTokens))
          - (found.map { table.seconds($0[request]) } ?? 0)
      }
    }
    func found(_ tokens: Int, nodes: Int) -> [Int] {
      var all = Array(repeating: 0, count: trace.requests.count)
      for node in 0..<nodes {
        let rows = Array(stride(from: node, to: all.count, by: nodes))
        _ = ReuseCurve(
          rows.map { trace.requests[$0] }, contents.selecting(rows), blockTokens: blockTokens,
          depths: [tokens / blockTokens], visit: { all[rows[$0]] = $1[0] })
      }
      return all
    }
    let node = found(nodeTokens, nodes: nodes)
    let shared = found(nodeTokens * nodes, nodes: 1)
    return PrefillTimes(
      nothingCached: seconds(table), chunked: seconds(short),
      poolCached: seconds(table, found(whole.poolTokens, nodes: nodes)),
      nodeCached: seconds(table, node), sharedCached: seconds(table, shared),
      nodeFound: node.reduce(0, +), sharedFound: shared.reduce(0, +))
  }
}
