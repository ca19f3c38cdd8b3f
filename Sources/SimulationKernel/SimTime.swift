/// A point on the simulated clock, in integer nanoseconds since the start of the run.
///
/// Instants and durations are separate types: two instants do not add, and a duration is not a time.
package struct SimInstant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the start of the run.
  package var nanoseconds: Int64

  @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The start of every run.
  @inlinable package static var zero: SimInstant { SimInstant(nanoseconds: 0) }

  /// The instant in seconds; for display and statistics only, never to compute another instant.
  package var seconds: Double { Double(nanoseconds) / 1e9 }

  @inlinable package static func < (a: SimInstant, b: SimInstant) -> Bool {
    a.nanoseconds < b.nanoseconds
  }

  @inlinable package static func + (instant: SimInstant, duration: SimDuration) -> SimInstant {
    SimInstant(nanoseconds: instant.nanoseconds + duration.nanoseconds)
  }

  @inlinable package static func - (later: SimInstant, earlier: SimInstant) -> SimDuration {
    SimDuration(nanoseconds: later.nanoseconds - earlier.nanoseconds)
  }
}

/// A span of simulated time, in integer nanoseconds.
package struct SimDuration: Hashable, Comparable, Sendable {
  package var nanoseconds: Int64

  @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Rounds `seconds` to the nearest nanosecond, halves away from zero.
  ///
  /// The only place where a floating-point number becomes time, so that a run is the same on every
  /// machine whose cost model returns the same `Double`.
  ///
  /// - Precondition: `seconds` is finite and below 292 years.
  @inlinable package init(rounding seconds: Double) {
    self.nanoseconds = Int64((seconds * 1e9).rounded())
  }

  @inlinable package static var zero: SimDuration { SimDuration(nanoseconds: 0) }

  /// The span in seconds; for display and statistics only.
  package var seconds: Double { Double(nanoseconds) / 1e9 }

  @inlinable package static func < (a: SimDuration, b: SimDuration) -> Bool {
    a.nanoseconds < b.nanoseconds
  }

  @inlinable package static func + (a: SimDuration, b: SimDuration) -> SimDuration {
    SimDuration(nanoseconds: a.nanoseconds + b.nanoseconds)
  }
}
