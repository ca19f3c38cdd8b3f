/// Which rank a request goes to, where ranks with requests of their own step together.
enum RankBalance: Sendable {
  /// The one of the least score (``dataParallelScore(requests:waiting:heldShare:)``); of equal ones the next in turn.
  ///
  /// vLLM's front end knows counts of up to 100 ms ago; here they are those of the instant.
  ///
  /// - Source: vLLM's data-parallel client and coordinator.
  case leastScore
  /// The next in turn, however much it has to do.
  ///
  /// - Source: `round_robin` in `data_parallel_controller.py` of SGLang 0.5.23, its default but for prompts that are
  ///   computed for another engine.
  case turns
  /// Of those that have fewer requests than each will have if they are spread evenly, the one whose requests have the
  /// fewest prompt tokens.
  ///
  /// There requests wait in one queue until a rank has a place for them; here each waits at its rank.
  ///
  /// - Source: `DefaultADPRouter` of TensorRT-LLM, read and not run.
  case fewestPromptTokens
}

/// What a rank has to do.
struct RankLoad: Sendable {
  var requests = 0
  /// Of those requests.
  var promptTokens = 0
}

extension RankBalance {
  /// The rank of the next request, by ``fewestPromptTokens``.
  static func fewestPromptTokens(_ loads: [RankLoad]) -> Int {
    let all = loads.reduce(1) { $0 + $1.requests }
    let each = max(ceilDivide(all, loads.count), loads.map(\.requests).max() ?? 0)
    let open = loads.indices.filter { loads[$0].requests < each }
    guard
      let rank = open.min(by: { a, b in
        (loads[a].promptTokens, loads[a].requests, a) < (
          loads[b].promptTokens, loads[b].requests, b
        )
      })
    else { preconditionFailure("RankBalance: no rank of \(loads.count) has a place") }
    return rank
  }
}
