import KVMemory
import Workload

/// A request as vLLM 0.2 sees it: one sequence at first, more when its prompt has been computed.
///
/// Which sequences it has is kept in ``LiveSequences``; all that are unfinished are equally long.
package struct ForkingGroup: Sendable {
  package let promptTokens: Int32
  /// Output tokens of its longest sequence.
  package let outputTokens: Int32
  /// Output tokens of its shortest sequence; before that many, nothing can be complete.
  let shortestOutput: Int32
  /// Sequences that decode side by side: the beam's width, else the samples.
  package let width: Int32
  package let usesBeamSearch: Bool
  /// Output tokens so far, of each unfinished sequence; of a cruising request, those it joined with.
  package let generatedTokens: Int32
  /// The iteration of the ``CruisingBatch`` from which on it has cruised.
  let joinedAt: Int
  /// Whether all samples exist; at once where there is nothing to fork, or where beams come and go.
  package let hasForked: Bool

  /// - Parameter sampleTargets: Output tokens of each sample, where they differ.
  @inline(__always)
  fileprivate init(
    _ request: Request, sampleTargets: [Int32]?, progress: ForkingGroups.Progress
  ) {
    promptTokens = request.promptTokens
    outputTokens = request.outputTokens
    shortestOutput = sampleTargets?.min() ?? request.outputTokens
    width = request.sequenceCount
    usesBeamSearch = request.beamWidth > 0
    hasForked = usesBeamSearch || width == 1 || progress.hasForked
    generatedTokens = progress.generatedTokens
    joinedAt = progress.joinedAt
  }

  /// Tokens of each unfinished sequence, the newest included although its keys and values are not
  /// computed yet.
  package var length: Int32 { promptTokens + generatedTokens }

  /// Tokens of its longest sequence when it is complete.
  package var finalTokens: Int32 { promptTokens + outputTokens }
}

/// The requests of a run as groups; what changes is kept only of those in flight.
package struct ForkingGroups: Sendable {
  /// How far a request is; blank before it is admitted and after it is complete.
  struct Progress: Sendable {
    var generatedTokens: Int32 = 0
    var hasForked = false
    var joinedAt = 0
  }

  private let requests: RunRequests
  private let sampleTargets: [RequestID: [Int32]]
  var progress = ResidentRows(blank: Progress())

  init(_ requests: RunRequests, sampleTargets: [RequestID: [Int32]]) {
    self.requests = requests
    self.sampleTargets = sampleTargets
  }

  @inline(__always)
  package subscript(id: Int) -> ForkingGroup {
    ForkingGroup(
      requests[RequestID(id)],
      sampleTargets: sampleTargets.isEmpty ? nil : sampleTargets[RequestID(id)],
      progress: progress[id])
  }
}

/// What the end of an iteration did to a request's sequences.
package enum SequenceOperation: Equatable, Sendable {
  /// `child` shares the blocks of `parent` from now on; `sample` counts the children of a parallel
  /// request, those included that were finished at once and never forked.
  case fork(RequestID, parent: Int, child: Int, sample: Int)
  /// A sequence gave its blocks back.
  case free(RequestID, Int)
}

/// One move of a beam search in vLLM 0.2, where a beam that splits makes new sequences.
///
/// Beams are named by position: those alive before the iteration in order, then the forked ones as
/// they come.
package enum BeamMove: Equatable, Sendable {
  case fork(parent: Int)
  case free(Int)
}
