import CostModel
import KVMemory
import Serving

/// The same model without any of the serving: one sequence at a time, in contiguous memory.
///
/// No allocator, no block table, no batch. What it generates is what every system must generate.
package struct OneAtATime {
  private let transformer: Transformer
  private let sampler: TokenSampler
  /// What each layer attends to, where that is not every token.
  private let kinds: [KVGroupKind]?
  private var workspace: Workspace

  package init(_ transformer: Transformer, sampler: TokenSampler, kinds: [KVGroupKind]? = nil) {
    self.transformer = transformer
    self.sampler = sampler
    self.kinds = kinds
    workspace = Workspace(transformer.model)
  }

  /// Generates the output of a sequence from its prompt, and from nothing else but the streams that
  /// its tokens are drawn from.
  ///
  /// - Complexity: One batch for the prompt, and one of a single row for each further token.
  package mutating func output(like sequence: GeneratedSequence) -> [Int32] {
    let model = transformer.model
    let length = sequence.prompt.count + sequence.streams.count
    guard let kinds else {
      return output(
        like: sequence,
        in: KVArena(
          layers: model.layers.count, kvHeads: model.kvHeads, headDim: model.headDim,
          blockSize: length, blocks: 1))
    }
    return output(
      like: sequence,
      in: MaskedArena(
        kinds: kinds, kvHeads: model.kvHeads, headDim: model.headDim, tokens: length))
  }

  private mutating func output(
    like sequence: GeneratedSequence, in arena: some LayerCache
  ) -> [Int32] {
    let model = transformer.model
    var tokens = sequence.prompt
    var computed = 0
    for stream in sequence.streams {
      let run = TokenRun(
        tokens: tokens[computed...], firstPosition: computed, table: [0], logits: 1)
      let logits = transformer.compute([run], arena: arena, workspace: &workspace)
      computed = tokens.count
      tokens.append(
        sampler.token(
          logits, vocab: model.vocab,
          at: .init(
            request: Int(sequence.request), stream: Int(stream), position: tokens.count)))
    }
    return Array(tokens[sequence.prompt.count...])
  }

  /// The first token of a sequence that differs from what it generates alone, if any does.
  package mutating func firstDifference(_ sequence: GeneratedSequence) -> TokenDifference? {
    let alone = output(like: sequence)
    for place in alone.indices where alone[place] != sequence.output[place] {
      return TokenDifference(
        request: sequence.request, stream: sequence.stream, place: place,
        served: sequence.output[place], alone: alone[place])
    }
    return nil
  }
}

/// A served token that is not the one generated alone.
package struct TokenDifference: Equatable, Sendable, CustomStringConvertible {
  package var request: RequestID
  package var stream: Int
  /// Place among the output tokens, from 0.
  package var place: Int
  package var served: Int32
  package var alone: Int32

  package var description: String {
    "request \(request), sequence \(stream), output token \(place): served \(served), "
      + "alone \(alone)"
  }
}
