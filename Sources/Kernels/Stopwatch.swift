import Foundation

/// A clock to measure kernels with.
package enum Stopwatch: String, CaseIterable, Codable, Sendable {
  /// The monotonic clock.
  case wall
  /// Processor time of the calling thread.
  case processor

  /// Nanoseconds since some moment.
  package func now() -> Int64 {
    var time = timespec()
    clock_gettime(self == .wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Seconds that `body` takes.
  package func seconds(_ body: () -> Void) -> Double {
    let start = now()
    body()
    return Double(now() - start) / 1e9
  }
}
