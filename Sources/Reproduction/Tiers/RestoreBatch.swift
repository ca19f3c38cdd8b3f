import Serving

/// Prompts that come at once to one replica, and whose beginnings a tier holds: when each has its first token.
///
///     prompt   |────────── held ──────────|── new ──|      held: computed or loaded; new: computed when all before it is there
///              |─ computed ─▸|◂─ loaded ──|
///
/// One stream computes, one link loads; both in chunks.
///
/// - Source: CacheFlow (arXiv 2604.25080), from summaries. A reconstruction: which prompt the stream computes next, and that
///   whole new parts are computed at once.
struct RestoreBatch: Sendable {
  enum Method: String, CaseIterable, Sendable {
    /// vLLM: the prefix cache has lost it, and it is computed again.
    case recompute = "vLLM"
    /// LMCache: all is loaded, then the new part is computed.
    case load = "LMCache"
    /// HiCache: the new part is computed layer by layer while the layers are loaded.
    case layered = "HiCache"
    /// Cake: the first prompt that lacks something is computed from its front and loaded from its end.
    case firstFirst = "Cake"
    /// CacheFlow: the same, but the link serves the prompt of which it saves most computing by second.
    case mostSaved = "CacheFlow"
  }

  /// Tokens of each prompt that the tier holds.
  var held: [Int]
  /// Tokens of each behind them.
  var new: Int
  var layers: Int
  var prices: RestorePrices
  var chunk = 256

  /// Seconds to the first token of each prompt.
  func firstTokens(_ method: Method) -> [Double] {
    switch method {
    case .recompute: inTurn { prompt, now in now + computing(0, held[prompt] + new) }
    case .load, .layered: loaded(isLayered: method == .layered)
    case .firstFirst: met { $0[0] }
    case .mostSaved: met { missing in missing.max { saving($0) < saving($1) } ?? 0 }
    }
  }

  private func computing(_ first: Int, _ end: Int) -> Double {
    prices.compute.seconds(end) - prices.compute.seconds(first)
  }

  private func computingNew(_ prompt: Int) -> Double {
    computing(held[prompt], held[prompt] + new)
  }

  /// Seconds of computing that a second of loading a prompt saves; ties go to the first one.
  private func saving(_ prompt: Int) -> Double {
    computing(0, held[prompt]) / Double(held[prompt]) - Double(prompt) * 1e-15
  }

  private func inTurn(_ end: (_ prompt: Int, _ start: Double) -> Double) -> [Double] {
    var now = 0.0
    return held.indices.map { prompt in
      now = end(prompt, now)
      return now
    }
  }

  private func loaded(isLayered: Bool) -> [Double] {
    var link = 0.0
    return inTurn { prompt, free in
      let start = link
      link += Double(held[prompt]) * prices.loadSeconds
      let new = computingNew(prompt)
      guard isLayered else { return max(free, link) + new }
      // The last layer can begin when it is there, the first when loading begins.
      return max(link + new / Double(layers), max(start, free) + new)
    }
  }

  /// Front and end of each prompt move towards each other.
  ///
  /// - Parameter next: The prompt that the link serves, of those that lack something.
  private func met(_ next: (_ missing: [Int]) -> Int) -> [Double] {
    var fronts = held.map { _ in 0 }
    var ends = held
    var wholeAt = held.map { _ in 0.0 }
    var done = held.map { _ in Double?.none }
    var (link, stream) = (0.0, 0.0)
    while true {
      let open = done.indices.filter { done[$0] == nil }
      guard !open.isEmpty else { return done.compactMap { $0 } }
      let missing = open.filter { fronts[$0] < ends[$0] }
      if !missing.isEmpty, link <= stream {
        let prompt = next(missing)
        let tokens = min(chunk, ends[prompt] - fronts[prompt])
        ends[prompt] -= tokens
        link += Double(tokens) * prices.loadSeconds
        wholeAt[prompt] = max(wholeAt[prompt], link)
      } else if let prompt = open.first(where: {
        fronts[$0] == ends[$0] && wholeAt[$0] <= stream
      }) {
        stream += computingNew(prompt)
        done[prompt] = stream
      } else if let prompt = missing.first {
        let tokens = min(chunk, ends[prompt] - fronts[prompt])
        stream += computing(fronts[prompt], fronts[prompt] + tokens)
        fronts[prompt] += tokens
        wholeAt[prompt] = max(wholeAt[prompt], stream)
      } else {
        stream = open.map { wholeAt[$0] }.min() ?? stream
      }
    }
  }
}
