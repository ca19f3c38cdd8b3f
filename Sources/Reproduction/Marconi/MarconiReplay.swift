import SimulationKernel

/// Requests one after the other past a prefix cache of a hybrid model.
enum MarconiReplay {
  /// A request, token by token.
  struct Text: Sendable {
    var prompt: [UInt64]
    var output: [UInt64]

    var all: [UInt64] { prompt + output }
  }

  struct Outcome: Equatable, Sendable {
    var promptTokens = 0
    var foundTokens = 0
    /// Operations that what was found saves.
    var savedOperations = 0.0
    /// What weighs operations, once it is tuned.
    var alpha: Double?

    var hitRatio: Double { promptTokens > 0 ? Double(foundTokens) / Double(promptTokens) : 0 }

    fileprivate mutating func add(_ found: Int, of text: Text, _ model: MarconiModel) {
      promptTokens += text.prompt.count
      foundTokens += found
      savedOperations += model.operations(found)
    }
  }

  /// vLLM+.
  static func blocks(
    _ texts: [Text], _ model: MarconiModel, bytes: Int
  ) -> (outcome: Outcome, cache: BlockStates) {
    var cache = BlockStates(model, capacityBytes: bytes)
    var outcome = Outcome()
    for text in texts {
      let keys = keys(text.all)
      outcome.add(cache.match(keys, promptTokens: text.prompt.count), of: text, model)
      cache.insert(keys)
    }
    return (outcome, cache)
  }

  private static func keys(_ tokens: [UInt64]) -> [UInt64] {
    var chain: UInt64 = 0
    var keys: [UInt64] = []
    for (index, token) in tokens.enumerated() {
      chain = splitmix64(chain ^ token)
      if (index + 1) % BlockStates.blockTokens == 0 { keys.append(chain) }
    }
    return keys
  }

  /// SGLang+: the tree with the least recently used leaf evicted.
  static func leastRecent(_ texts: [Text], _ model: MarconiModel, bytes: Int) -> Outcome {
    var tree = MarconiTree(model, capacityBytes: bytes, eviction: .leastRecent)
    return serve(texts[...], &tree)
  }

  /// Marconi, which tunes itself.
  ///
  ///     requests   |── before the first eviction ──|── five times as many ──|── the rest ──
  ///     alpha       0                               0, and then the best      tuned
  ///
  /// - Source: the public code: alphas of 0, 0.1 … 2 are replayed on what came since the first eviction; the one that saves
  ///   most operations stays, the least of several.
  static func tuned(_ texts: [Text], _ model: MarconiModel, bytes: Int) -> Outcome {
    var tree = MarconiTree(model, capacityBytes: bytes, eviction: .worth(alpha: 0))
    var outcome = Outcome()
    var next = 0
    var before = tree
    while next < texts.count, tree.evictions == 0 {
      before = tree
      outcome = outcome + serve(texts[next...next], &tree)
      next += 1
    }
    let first = max(0, next - 1)
    let window = texts[first..<min(texts.count, first + 5 * max(1, first))]
    outcome = outcome + serve(texts[next..<max(next, window.endIndex)], &tree)
    let tuned = (0...20).map { Double($0) / 10 }.map { alpha in
      var trial = before
      trial.eviction = .worth(alpha: alpha)
      return (alpha, serve(window, &trial).savedOperations)
    }.reduce((0, -1)) { $1.1 > $0.1 ? $1 : $0 }
    tree.eviction = .worth(alpha: tuned.0)
    outcome = outcome + serve(texts[max(next, window.endIndex)...], &tree)
    outcome.alpha = tuned.0
    return outcome
  }

  private static func serve(_ texts: ArraySlice<Text>, _ tree: inout MarconiTree) -> Outcome {
    var outcome = Outcome()
    for text in texts {
      outcome.add(tree.match(text.prompt), of: text, tree.model)
      tree.insert(text.all)
    }
    return outcome
  }
}

extension MarconiReplay.Outcome {
  fileprivate static func + (a: Self, b: Self) -> Self {
    Self(
      promptTokens: a.promptTokens + b.promptTokens, foundTokens: a.foundTokens + b.foundTokens,
      savedOperations: a.savedOperations + b.savedOperations)
  }
}
