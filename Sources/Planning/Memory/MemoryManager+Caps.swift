import KVMemory

/// Rules that drop tokens, as managers of memory: what they keep, not what that costs in quality.
///
/// Layers with a window or a state stay as they are. A prompt's keys and values are all there until it is computed, but for
/// sinks and a window. Nothing that is dropped can be found again, so there is no prefix cache.
extension MemoryManager {
  /// Tokens from the beginning that stay.
  ///
  /// - Source: StreamingLLM (arXiv 2309.17453).
  package static let sinkTokens = 4

  static let capped = [
    streaming,
    afterPrompt(
      "h2o", "heavy hitters and recent tokens, evicted after every pass",
      note: "a head's survivors are its own: moved together, or nothing is freed"
    ) { cap, _, tokens in min(tokens, cap + 1) },
    afterPrompt(
      "snapkv", "a prompt's survivors, chosen once; outputs stay",
      note: "survivors are moved together when the prompt ends"
    ) { cap, prompt, tokens in min(prompt, cap) + tokens - prompt },
    inPlace,
    afterPrompt(
      "snapstream", "static buffers: sinks, survivors of the prompt, a ring",
      note: "budgets are not published: one of all tokens is ours",
      held: { cap, prompt, tokens in tokens > prompt ? cap : max(tokens, cap) },
      resident: { cap, _, tokens in min(tokens, cap) }),
    afterPrompt(
      "pyramidkv", "SnapKV with more tokens in lower layers",
      note: "budgets fall evenly from twice the mean less a twentieth of it: from memory",
      runs: { cap, layers in
        (0..<layers).map { layer in
          let least = Double(cap) / 20
          let place = layers > 1 ? Double(layer) / Double(layers - 1) : 0.5
          return (1, Int((least + (2 * Double(cap) - 2 * least) * (1 - place)).rounded()))
        }
      }, resident: { cap, prompt, tokens in min(prompt, cap) + tokens - prompt }),
    afterPrompt(
      "l2-norm", "keys of the lowest norms, evicted after every pass",
      note: "the two lowest layers keep all: from memory",
      runs: { cap, layers in [(min(2, layers), nil), (max(0, layers - 2), cap)] },
      resident: { cap, _, tokens in min(tokens, cap) }),
  ]

  private static var streaming: MemoryManager {
    var manager = MemoryManager(
      "streaming-llm", "\(sinkTokens) sinks and a window of the rest"
    ) { model in
      let window = model.capTokens - sinkTokens
      let groups = model.layers.map { kind in
        kind.keeps == .all
          ? PagedGroup(
            parts: [
              KeptLayers(
                keeps: .sinks(sinkTokens, window: window), layers: kind.layers, bytes: kind.bytes)
            ], keeps: .sinks(sinkTokens, window: window), blockTokens: model.blockTokens)
          : kind.keeps.isState
            ? model.states
            : PagedGroup(parts: [kind], keeps: kind.keeps, blockTokens: model.blockTokens)
      }
      let unit = groups.reduce(0) { greatestCommonDivisor($0, $1.contentBytes) }
      return .units(bytes: model.bytes, groups, unitBytes: unit, inFlight: model.batchedTokens)
    }
    manager.attended = { model, _, tokens in min(tokens, model.capTokens) }
    manager.isLossy = true
    return manager
  }

  /// SnapKV whose survivors stay in their blocks.
  private static var inPlace: MemoryManager {
    afterPrompt(
      "snapkv-in-place", "the same, survivors stay where they are",
      note: "a block frees if all heads drop all its tokens: none is counted",
      held: { _, _, tokens in tokens },
      resident: { cap, prompt, tokens in min(prompt, cap) + tokens - prompt })
  }

  /// Rules that act once a prompt is computed.
  ///
  /// - Parameters:
  ///   - held: Tokens that there is memory for; `nil` for the survivors.
  ///   - runs: Of so many layers under a mean cap, those that follow each other under one cap, from the lowest on; with `nil`
  ///     for a cap they keep every token.
  ///   - resident: Tokens that survive under a cap, by the prompt and all tokens.
  private static func afterPrompt(
    _ name: String, _ summary: String, note: String,
    held: (@Sendable (_ cap: Int, _ prompt: Int, _ tokens: Int) -> Int)? = nil,
    runs: @escaping @Sendable (_ cap: Int, _ layers: Int) -> [(layers: Int, cap: Int?)] = {
      [($1, $0)]
    },
    resident: @escaping @Sendable (_ cap: Int, _ prompt: Int, _ tokens: Int) -> Int
  ) -> MemoryManager {
    let survivors: @Sendable (Int, SequenceLengths, Int) -> Int = { cap, lengths, tokens in
      tokens <= lengths.prompt ? tokens : min(tokens, resident(cap, lengths.prompt, tokens))
    }
    @Sendable func rule(_ cap: Int?) -> TokenCap {
      guard let cap else { return TokenCap { _, tokens in tokens } }
      let kept: TokenCap.Rule = { survivors(cap, $0, $1) }
      guard let held else { return TokenCap(resident: kept) }
      return TokenCap(resident: kept) { lengths, tokens in held(cap, lengths.prompt, tokens) }
    }
    let bare = MemoryManager(name, summary) { model in
      let groups = model.tokenLayers.flatMap { kind -> [CappedManager.Group] in
        if kind.keeps != .all {
          return [.init(kind, window(kind.keeps, inFlight: model.batchedTokens))]
        }
        return runs(model.capTokens, kind.layers).filter { $0.layers > 0 }.map { run in
          let part = KeptLayers(
            keeps: .all, layers: run.layers, bytes: kind.bytes * run.layers / kind.layers)
          return .init(part, rule(run.cap))
        }
      }
      return RunningMemory(
        CappedManager(
          bytes: model.bytes, groups: groups, stateBytes: model.layers.stateBytes,
          blockTokens: model.blockTokens))
    }
    var manager = bare.noting { _ in note }
    manager.attended = { model, lengths, tokens in
      survivors(model.capTokens, lengths, tokens)
    }
    manager.wholeTokens = { model in
      model.tokenLayers.filter { $0.keeps == .all }
        .flatMap { runs(model.capTokens, $0.layers) }.compactMap(\.cap).min() ?? .max
    }
    manager.isLossy = true
    return manager
  }

  /// Layers with a window or a chunk under a rule that leaves them alone: what the next token attends to, and while a prompt
  /// is computed the part that an iteration computes at most.
  private static func window(_ keeps: KVGroupKind, inFlight: Int) -> TokenCap {
    TokenCap { lengths, tokens in
      let attended = tokens - keeps.skipped(tokens - 1).count
      return tokens <= lengths.prompt ? min(tokens, attended + inFlight - 1) : attended
    }
  }
}
