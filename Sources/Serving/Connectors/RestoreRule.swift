/// How a sequence gets keys and values back that the device has lost and a tier holds (`--kv-restore`).
package enum RestoreRule: String, CaseIterable, Sendable {
  /// All are loaded: vLLM's own connector, LMCache, HiCache.
  case load
  /// All are computed again: the tier is written to, never read.
  case recompute
  /// Whichever of the two takes less: MemServe.
  case faster
  /// The beginning is computed while the end is loaded, cut so that both are done at once: Cake, CacheFlow.
  case twoPointers = "two-pointers"
}

/// What it takes to compute tokens of a prompt, and to load them.
///
///     tokens   0        held          held + computed        end
///              |─ there ─|── computed ────▸|◂──── loaded ────|
///
/// Early tokens attend to least and are cheapest to compute, so that loading begins at the end.
///
/// - Source: CacheFlow (arXiv 2604.25080), restoring by tokens; ours finds the meeting point from prices before it begins.
package struct RestorePrices: Equatable, Sendable {
  package var compute: PrefillTable
  /// Seconds to load the keys and values of a token.
  package var loadSeconds: Double

  package init(compute: PrefillTable, loadSeconds: Double) {
    precondition(loadSeconds > 0, "RestorePrices: \(loadSeconds) s a token")
    self.compute = compute
    self.loadSeconds = loadSeconds
  }

  /// Seconds until tokens `held..<end` are there, if the first `computed` of them are computed and the rest is loaded
  /// meanwhile.
  ///
  /// - Parameter linkWait: Seconds until the link is free; who loads nothing does not wait for it.
  package func seconds(computing computed: Int, from held: Int, to end: Int, linkWait: Double)
    -> Double
  {
    let computing = compute.seconds(held + computed) - compute.seconds(held)
    guard held + computed < end else { return computing }
    return max(computing, linkWait + Double(end - held - computed) * loadSeconds)
  }

  /// How many of tokens `held..<end` a rule has computed.
  ///
  /// - Parameter chunk: Tokens in whose multiples, counted from the first of the prompt, loads begin.
  /// - Returns: 0 to load all, `end - held` to load none.
  package func computedTokens(
    _ rule: RestoreRule, from held: Int, to end: Int, chunk: Int, linkWait: Double
  ) -> Int {
    func seconds(_ computed: Int) -> Double {
      self.seconds(computing: computed, from: held, to: end, linkWait: linkWait)
    }
    switch rule {
    case .load: return 0
    case .recompute: return end - held
    case .faster: return seconds(end - held) < seconds(0) ? end - held : 0
    case .twoPointers:
      let meeting = meetingChunk(from: held, to: end, chunk: chunk, linkWait: linkWait)
      let splits = [held, (meeting - 1) * chunk, min(meeting * chunk, end), end]
      return splits.filter { $0 >= held }.map { $0 - held }.min { seconds($0) < seconds($1) } ?? 0
    }
  }

  /// The first chunk at whose beginning computing has taken no less than loading what is behind it takes; the one at or
  /// behind `end` where none has.
  ///
  /// - Complexity: O(log chunks).
  private func meetingChunk(from held: Int, to end: Int, chunk: Int, linkWait: Double) -> Int {
    var (low, high) = (held / chunk + 1, (end - 1) / chunk + 1)
    while low < high {
      let middle = (low + high) / 2
      let computing = compute.seconds(middle * chunk) - compute.seconds(held)
      let loading = linkWait + Double(end - middle * chunk) * loadSeconds
      if computing >= loading { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
