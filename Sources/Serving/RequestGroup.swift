import KVMemory
import SimulationKernel
import Workload

/// A request as an engine sees it: its sequences run, wait and are preempted together.
///
/// A view of one request, made when it is looked at; the state is in ``RequestGroups``.
///
/// One variable tells how far it is, `generatedTokens`; whether it computes a prompt or decodes follows
/// from what is resident.
package struct RequestGroup: Sendable {
  package let arrival: SimInstant
  package let promptTokens: Int32
  /// Output tokens that each sequence generates.
  package let outputTokens: Int32
  /// Number of the first sequence; the others follow it.
  package let firstSequence: Int32
  package let sequenceCount: Int32
  package let usesBeamSearch: Bool
  /// Output tokens so far, of each sequence; of a cruising request, those it joined with.
  package let generatedTokens: Int32
  /// The iteration of the ``CruisingBatch`` from which on it has cruised.
  let joinedAt: Int
  /// The last scheduling step at which it was preempted.
  package let preemptedAtStep: Int32

  @inline(__always)
  fileprivate init(_ request: Request, firstSequence: Int32, progress: RequestGroups.Progress) {
    arrival = request.arrival
    promptTokens = request.promptTokens
    outputTokens = request.outputTokens
    self.firstSequence = firstSequence
    sequenceCount = request.sequenceCount
    usesBeamSearch = request.beamWidth > 0
    generatedTokens = progress.generatedTokens
    joinedAt = progress.joinedAt
    preemptedAtStep = progress.preemptedAtStep
  }

  /// The numbers of its sequences.
  package var sequences: Range<Int> {
    Int(firstSequence)..<Int(firstSequence) + Int(sequenceCount)
  }

  /// Tokens of each sequence, the newest included although its keys and values are not computed yet.
  package var length: Int32 { promptTokens + generatedTokens }

  /// Tokens of each sequence when it is complete.
  package var finalTokens: Int32 { promptTokens + outputTokens }
}

/// The requests of a run as groups; what changes is kept only of those in flight.
package struct RequestGroups: Sendable {
  /// How far a request is; blank before it is admitted and after it is complete.
  struct Progress: Sendable {
    var generatedTokens: Int32 = 0
    var preemptedAtStep: Int32 = -1
    var joinedAt = 0
  }

  private let requests: RunRequests
  var progress = ResidentRows(blank: Progress())

  init(_ requests: RunRequests) { self.requests = requests }

  @inline(__always)
  package subscript(id: Int) -> RequestGroup {
    RequestGroup(
      requests[RequestID(id)], firstSequence: requests.firstSequence(of: RequestID(id)),
      progress: progress[id])
  }

  /// When a request arrived.
  func arrival(of id: RequestID) -> SimInstant { requests[id].arrival }
}
