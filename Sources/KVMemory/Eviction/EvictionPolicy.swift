/// Which cached block without references loses its content first (`--eviction-policy`): a value with a name, listed in
/// ``all``. Blocks that hold nothing worth keeping are always taken before it.
///
/// Adding one takes a file with its value, and a line in the list; `docs/EXTENDING.md` shows it.
public struct EvictionPolicy: Sendable {
  /// As users type it.
  public let name: String
  /// One line for the catalogue.
  public let summary: String
  /// What a block is worth when its last reference goes: the least is evicted first, of equals who was given up first.
  /// `nil` for the engine's own queue, where that order is all.
  public let worth: (@Sendable (GivenUpBlock) -> Int64)?

  public init(
    name: String, summary: String, worth: (@Sendable (GivenUpBlock) -> Int64)? = nil
  ) {
    self.name = name
    self.summary = summary
    self.worth = worth
  }

  /// Every policy, in the order of the help text.
  public static let all: [EvictionPolicy] = [.lru, .lfu]

  /// vLLM's own: who was given up first is evicted first, the end of a sequence before its beginning.
  public static let lru = EvictionPolicy(
    name: "lru", summary: "the block that was given up first, ends of sequences before beginnings")
}

extension EvictionPolicy: Equatable {
  public static func == (a: EvictionPolicy, b: EvictionPolicy) -> Bool { a.name == b.name }
}

/// A cached block that its last holder gives up.
public struct GivenUpBlock: Sendable {
  /// Its place in the holder's block table, from 0.
  public var place: Int
  /// How often it was hit since it got its content.
  public var hits: Int
  /// How many cached blocks were given up before it in this run.
  public var time: Int64
}
