/// Two halves of a batch, so that what ranks send each other hides behind what they compute (`--enable-two-batch-overlap`).
///
///     computes   |─ 1 ─|─ 2 ─|─ 1 ─|─ 2 ─|…        each layer: attention of a half, its experts
///     sends            |─ 1 ─|─ 2 ─|─ 1 ─|─ 2 ─|   its tokens to their experts and back, while the other half computes
///
/// The iteration takes as long as the longest chain: all that is computed and the last exchange, all that is sent and the
/// first layer, or either half by itself. What kernels lose to those that send is left out, and so is what the host takes
/// to issue twice as many: a bound from below, but that halves read the weights twice.
///
/// All ranks split, or none does: those that have something to do must do the same, prompts or decodes.
///
/// - Source: DeepSeek's description of two micro-batches whose all-to-all is hidden (the DeepSeek-V3 report, §3.4, from
///   memory); which batches are split, and where, SGLang 0.5.23, `batch_overlap/two_batch_overlap.py`, read and not run:
///   prompts by tokens, a sequence cut where the halves would be uneven, decodes by sequences. A cut is always taken here;
///   the engine takes it beyond 48 to 52 %.
struct TwoBatchOverlap: Sendable {
  /// Seconds of all layers that tokens are on their way, by tokens of one rank among equal ones.
  let exchange: PriceCurve
  /// Layers in which they are.
  let layers: Double

  /// What a half does, seconds of all layers.
  struct Half: Equatable, Sendable {
    var computing: Double
    var exchanging: Double
  }

  static let caveat =
    "`--enable-two-batch-overlap` is reconstructed: two halves of a batch take as long as the longer of what is computed and "
    + "what is sent, and lose nothing to each other"

  /// Seconds of both.
  func seconds(_ first: Half, _ second: Half) -> Double {
    max(
      first.computing + second.computing + second.exchanging / layers,
      first.exchanging + second.exchanging + first.computing / layers,
      first.computing + first.exchanging, second.computing + second.exchanging)
  }

  /// The halves of what each rank does; `nil` where the engine runs it whole.
  func halves(of works: [IterationWork]) -> (first: [IterationWork], second: [IterationWork])? {
    let busy = works.filter { $0.batchedTokens > 0 }
    guard let one = busy.first, busy.allSatisfy({ $0.isLike(one) }) else { return nil }
    let halves = works.map(\.halves)
    guard halves.contains(where: { $0.first.batchedTokens > 0 }) else { return nil }
    return (halves.map(\.first), halves.map(\.second))
  }
}

extension IterationWork {
  /// Whether both have prompts or none, and sequences that decode or none.
  fileprivate func isLike(_ other: IterationWork) -> Bool {
    prefillChunks.isEmpty == other.prefillChunks.isEmpty
      && (decodeSequences > 0) == (other.decodeSequences > 0)
  }

  /// Two halves: prompts by tokens, in their order; sequences that decode by number, each like the mean of all.
  var halves: (first: IterationWork, second: IterationWork) {
    var (first, second) = (self, self)
    let decodes = decodeSequences / 2
    func split(_ path: WritableKeyPath<IterationWork, Int>) {
      let all = self[keyPath: path]
      first[keyPath: path] = decodeSequences > 0 ? all * decodes / decodeSequences : 0
      second[keyPath: path] = all - first[keyPath: path]
    }
    for path in [
      \IterationWork.decodeSequences, \.decodeContextTokens, \.decodeSkippedTokens, \.draftTokens,
    ] { split(path) }
    first.prefillChunks = []
    second.prefillChunks = []
    var left = prefillChunks.reduce(0) { $0 + $1.tokens } / 2
    for chunk in prefillChunks {
      let tokens = min(chunk.tokens, left)
      left -= tokens
      if tokens > 0 {
        first.prefillChunks.append(.init(tokens: tokens, contextTokens: chunk.contextTokens))
      }
      if tokens < chunk.tokens {
        second.prefillChunks.append(
          .init(tokens: chunk.tokens - tokens, contextTokens: chunk.contextTokens + tokens))
      }
    }
    first.sampledSequences = sampledSequences / 2
    second.sampledSequences = sampledSequences - first.sampledSequences
    return (first, second)
  }
}

extension PricedDeployment {
  /// The sentence that goes with prices under `--enable-two-batch-overlap`.
  package static var twoBatchCaveat: String { TwoBatchOverlap.caveat }
}
