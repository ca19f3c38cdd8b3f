import CostModel
import Serving
import SimulationKernel
import Workload

/// Drafts of which exactly so many are what the model says next as the scheduler has drawn.
///
///     what the model says     a b c d         two of three are to be accepted
///     drafts                  a b c'          c' is another token than c
///
/// What the model says is known from generating every output alone before the run. Nothing drafts, so that what is left of
/// speculation is what engines verify: rows of several tokens, keys and values of drafts that are taken back and written
/// over, blocks that are taken ahead of them.
struct ForcedDrafts: Sendable {
  /// What is generated without drafts, by request and sequence of it.
  private let outputs: [[[Int32]]]
  private let vocab: Int32

  /// - Complexity: That of generating all outputs one after the other.
  init(
    _ transformer: Transformer, sampler: TokenSampler, requests: [Request], prompts: PromptTokens
  ) {
    var alone = OneAtATime(transformer, sampler: sampler)
    var outputs: [[[Int32]]] = []
    for (id, request) in requests.enumerated() {
      let prompt = prompts.tokens(of: RequestID(id), request) { quoted, sample, place in
        outputs[Int(quoted)][sample][place]
      }
      outputs.append(
        (0..<Int(request.sequenceCount)).map { stream in
          alone.output(
            like: GeneratedSequence(
              request: RequestID(id), stream: stream, prompt: prompt, output: [],
              streams: Array(repeating: Int32(stream), count: Int(request.outputTokens))))
        })
    }
    self.outputs = outputs
    vocab = Int32(transformer.model.vocab)
  }

  /// The drafts behind what a sequence has generated. Beyond its end they are of no account.
  func tokens(behind state: SequenceState, _ drafted: IterationPlan.Drafted) -> [Int32] {
    let output = outputs[Int(state.request)][state.stream]
    return (0..<drafted.drafts).map { place in
      let position = state.generated.count + Int(place)
      guard position < output.count else { return 0 }
      return place < drafted.accepted ? output[position] : (output[position] + 1) % vocab
    }
  }
}
