import SimulationKernel

/// Sessions whose turns wait: each is sent when the turn before has been answered, and a think time has passed.
///
///     session   |── turn 1 ──| think |── turn 2 ──| think |── turn 3 ──|
///
/// Requests keep their numbers, so that later ones may be sent before earlier ones.
package struct SessionTurns: Sendable {
  /// Numbers of the requests that wait for no other: first turns, and requests of no session. In order.
  package let starts: [Int]
  /// By request: the turn behind it, −1 for none.
  private let following: [Int32]
  /// By request: nanoseconds of thinking before it.
  private let thinkTimes: [Int64]

  /// - Parameters:
  ///   - requests: The turns of a session in order.
  ///   - thinkTimes: By request; looked at for turns that wait.
  /// - Precondition: Each turn that waits has a think time.
  package init(_ requests: [Request], thinkTimes: [Int64]) {
    var following = Array(repeating: Int32(-1), count: requests.count)
    var starts: [Int] = []
    var lastTurns: [Int32: Int] = [:]
    for (index, request) in requests.enumerated() {
      let last = request.session.flatMap { lastTurns.updateValue(index, forKey: $0) }
      if let last {
        precondition(thinkTimes[index] >= 0, "SessionTurns: no think time before request \(index)")
        following[last] = Int32(index)
      } else {
        starts.append(index)
      }
    }
    self.starts = starts
    self.following = following
    self.thinkTimes = thinkTimes
  }

  /// Numbers of the requests that wait for another.
  package var waiting: [Int] { following.filter { $0 >= 0 }.map(Int.init) }

  /// The turn that is sent when a request has been answered, and how long after; `nil` for none.
  package func turn(after request: Int) -> (request: Int32, thinkTime: SimDuration)? {
    let next = following[request]
    guard next >= 0 else { return nil }
    return (next, SimDuration(nanoseconds: thinkTimes[Int(next)]))
  }
}
