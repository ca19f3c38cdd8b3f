import SimulationKernel
import Workload

/// A request as an engine sees it: its sequences run, wait and are preempted together.
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
  package var generatedTokens: Int32 = 0
  /// The iteration of the ``CruisingBatch`` from which on it has cruised.
  var joinedAt = 0
  /// The last scheduling step at which it was preempted.
  package var preemptedAtStep: Int32 = -1

  init(_ request: Request, firstSequence: Int32) {
    arrival = request.arrival
    promptTokens = request.promptTokens
    outputTokens = request.outputTokens
    self.firstSequence = firstSequence
    sequenceCount = request.sequenceCount
    usesBeamSearch = request.beamWidth > 0
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

extension RequestGroup {
  /// The groups of a trace; sequences are numbered in order of arrival.
  package static func groups(of requests: [Request]) -> [RequestGroup] {
    var firstSequence: Int32 = 0
    return requests.map { request in
      defer { firstSequence += request.sequenceCount }
      return RequestGroup(request, firstSequence: firstSequence)
    }
  }
}
