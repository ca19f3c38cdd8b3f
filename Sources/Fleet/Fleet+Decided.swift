import Serving

extension Fleet {
  /// Thrown out of a run whose ``Load/isDecided`` says that it need not go on.
  package struct Decided: Error, Equatable {
    /// Requests that had come.
    package var arrived: Int
  }

  /// Asks now and then whether a run need not go on: after each 32nd part of its requests.
  ///
  /// An answer looks at all requests, so that being asked for each would cost more than the run.
  struct Ending {
    private static let parts = 32

    private let isDecided: (RequestLog) -> Bool
    /// Requests between two questions.
    let stride: Int
    private var arrived = 0

    /// - Returns: `nil` for a load that nobody asks about.
    init?(_ load: Load) {
      guard let isDecided = load.isDecided else { return nil }
      self.isDecided = isDecided
      stride = max(load.requests.count / Self.parts, 1)
    }

    /// So many requests more have come, and what happened before is in the log.
    mutating func came(_ count: Int, _ log: RequestLog) throws(Decided) {
      arrived += count
      if arrived.isMultiple(of: stride), isDecided(log) { throw Decided(arrived: arrived) }
    }
  }
}
