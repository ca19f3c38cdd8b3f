/// A point on the simulated clock, in integer nanoseconds since the start of the run.
///
/// Instants and durations are separate types: two instants do not add, and a duration is not a time.
public struct SimInstant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the start of the run.
  public var nanoseconds: Int64

  @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The start of every run.
  @inlinable public static var zero: SimInstant { SimInstant(nanoseconds: 0) }

  /// Later than anything that happens.
  @inlinable public static var distantFuture: SimInstant { SimInstant(nanoseconds: .max) }

  /// The instant in seconds; for display and statistics only, never to compute another instant.
  public var seconds: Double { Double(nanoseconds) / 1e9 }

  @inlinable public static func < (a: SimInstant, b: SimInstant) -> Bool {
    a.nanoseconds < b.nanoseconds
  }

  @inlinable public static func + (instant: SimInstant, duration: SimDuration) -> SimInstant {
    SimInstant(nanoseconds: instant.nanoseconds + duration.nanoseconds)
  }

  @inlinable public static func - (later: SimInstant, earlier: SimInstant) -> SimDuration {
    SimDuration(nanoseconds: later.nanoseconds - earlier.nanoseconds)
  }
}

/// A span of simulated time, in integer nanoseconds.
public struct SimDuration: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Rounds `seconds` to the nearest nanosecond, halves away from zero.
  ///
  /// The only place where a floating-point number becomes time, so that a run is the same on every
  /// machine whose cost model returns the same `Double`.
  ///
  /// - Precondition: `seconds` is finite and below 292 years.
  @inline(__always) @inlinable public init(rounding seconds: Double) {
    let exact = seconds * 1e9
    let whole = Int64(exact)
    // The rest is exact. `rounded()` would call the C library, once an iteration.
    let rest = exact - Double(whole)
    // No branch: it would be guessed wrong every other time.
    nanoseconds = whole &+ (rest >= 0.5 ? 1 : 0) &- (rest <= -0.5 ? 1 : 0)
  }

  @inlinable public static var zero: SimDuration { SimDuration(nanoseconds: 0) }

  /// The span in seconds; for display and statistics only.
  public var seconds: Double { Double(nanoseconds) / 1e9 }

  @inlinable public static func < (a: SimDuration, b: SimDuration) -> Bool {
    a.nanoseconds < b.nanoseconds
  }

  @inlinable public static func + (a: SimDuration, b: SimDuration) -> SimDuration {
    SimDuration(nanoseconds: a.nanoseconds + b.nanoseconds)
  }
}
