/// What a model of attention and recurrent layers keeps: pages of keys and values, and states.
package enum HybridUnit: Int, CaseIterable, Sendable {
  case kv, state

  package var other: HybridUnit { self == .kv ? .state : .kv }
}

/// A unit that was taken, as its taker knows it.
package struct HybridHandle: Hashable, Sendable {
  package var kind: HybridUnit
  package var unit: Int32
  /// Which taking of the unit this is. The pool may have given the unit to another request since.
  package var serial: Int
}

/// A pool that serves both kinds of units, and makes room by dropping the request that took units longest ago.
///
/// The managers of the AVMP study differ in two things only: which stores of units they have, and what they do where a
/// request still does not fit after one eviction. They are driven by a trace, not by a scheduler.
///
/// - Source: codepawl/cachepawl (arXiv 2605.22416).
package protocol HybridPool: Sendable {
  /// Takes `count` units of a kind for `request`, all of them or none.
  ///
  /// - Returns: `nil` if they do not fit after what the pool may do about it: out of memory. What was evicted meanwhile
  ///   stays evicted.
  mutating func allocate(_ count: Int, of kind: HybridUnit, for request: Int32) -> [HybridHandle]?

  /// Gives units back, in this order. Units that were evicted since they were taken are passed over.
  mutating func free(_ handles: [HybridHandle])

  /// Bytes that moved from one kind to the other.
  var migratedBytes: Int { get }

  /// The first law that is broken, with the numbers, or `nil`.
  var brokenInvariant: String? { get }
}
