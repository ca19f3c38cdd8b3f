import Workload

/// The requests of a run that nobody knows beforehand, in order of arrival: a request's number is its place.
///
/// A class, because the replica reads what its feeder adds; both use it in one thread.
package final class ComingRequests: @unchecked Sendable {
  /// How many there can be.
  package let capacity: Int
  /// Most output tokens of one.
  package let outputMax: Int
  package private(set) var count = 0
  private let places: UnsafeMutablePointer<Request>

  package init(capacity: Int, outputMax: Int) {
    self.capacity = capacity
    self.outputMax = outputMax
    places = .allocate(capacity: capacity)
  }

  deinit { places.deallocate() }

  @inline(__always)
  package subscript(id: RequestID) -> Request {
    precondition(UInt(bitPattern: Int(id)) < UInt(bitPattern: count), "request \(id) of \(count)")
    return places[Int(id)]
  }

  /// Adds a request of one sequence.
  ///
  /// - Returns: Its number; `nil` if there are ``capacity`` already.
  package func append(_ request: Request) -> RequestID? {
    precondition(request.sequenceCount == 1 && Int(request.outputTokens) <= outputMax)
    guard count < capacity else { return nil }
    (places + count).initialize(to: request)
    count += 1
    return RequestID(count - 1)
  }
}
