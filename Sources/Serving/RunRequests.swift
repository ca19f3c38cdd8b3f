import Workload

/// The requests of a run, in order of arrival, as every replica sees them: a request's number is its place.
///
/// Shared and never changed: however many replicas there are, the trace is in memory once.
package struct RunRequests: Sendable {
  package let requests: [Request]
  /// Whether each request has a single sequence, whose number is its own.
  package let areSingle: Bool
  /// Whether each request has a single sample; beam searches count as one.
  package let haveOneSample: Bool
  /// Most output tokens of a request.
  package let longestOutput: Int
  /// Number of each request's first sequence, the others follow it; empty where they are single.
  private let firstSequences: [Int32]
  /// The same where a beam search has twice its width, for children that live beside their parents.
  private let firstBeams: [Int32]
  /// Where those stand that are not known before the run; `nil` where all are.
  private let coming: ComingRequests?

  /// Requests that come while the run goes on, none of which is among ``requests``.
  package init(_ coming: ComingRequests) {
    requests = []
    (areSingle, haveOneSample) = (true, true)
    longestOutput = coming.outputMax
    (firstSequences, firstBeams) = ([], [])
    self.coming = coming
  }

  package init(_ requests: [Request]) {
    coming = nil
    self.requests = requests
    var areSingle = true
    var haveOneSample = true
    var longestOutput: Int32 = 0
    for request in requests {
      if request.samples != 1 { haveOneSample = false }
      if request.samples != 1 || request.beamWidth != 0 { areSingle = false }
      longestOutput = max(longestOutput, request.outputTokens)
    }
    self.areSingle = areSingle
    self.haveOneSample = haveOneSample
    self.longestOutput = Int(longestOutput)
    firstSequences = areSingle ? [] : Self.starts(requests, \.sequenceCount)
    firstBeams = areSingle ? [] : Self.starts(requests, Self.places)
  }

  private static func starts(_ requests: [Request], _ count: (Request) -> Int32) -> [Int32] {
    var next: Int32 = 0
    return requests.map { request in
      defer { next += count(request) }
      return next
    }
  }

  /// Sequences that a request may have at a time.
  static func places(_ request: Request) -> Int32 {
    request.beamWidth > 0 ? 2 * request.beamWidth : request.samples
  }

  @inline(__always)
  package subscript(id: RequestID) -> Request {
    guard let coming else { return requests[Int(id)] }
    return coming[id]
  }

  package var count: Int { requests.count }

  @inline(__always)
  func firstSequence(of id: RequestID) -> Int32 { areSingle ? id : firstSequences[Int(id)] }

  /// The numbers of a request's sequences.
  func sequences(of id: RequestID) -> Range<Int> {
    let first = Int(firstSequence(of: id))
    return first..<first + Int(self[id].sequenceCount)
  }

  /// The request of a sequence.
  ///
  /// - Complexity: O(log requests) where some have several.
  @inline(__always)
  func request(ofSequence sequence: Int32) -> RequestID {
    areSingle ? sequence : search(sequence)
  }

  private func search(_ sequence: Int32) -> RequestID {
    var (low, high) = (0, firstSequences.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if firstSequences[middle] <= sequence { low = middle } else { high = middle - 1 }
    }
    return RequestID(low)
  }

  /// The numbers that the sequences of a beam search use in turn.
  func beams(of id: RequestID) -> Range<Int> {
    guard !areSingle else { return Int(id)..<Int(id) + 1 }
    let first = Int(firstBeams[Int(id)])
    return first..<first + Int(Self.places(self[id]))
  }
}
