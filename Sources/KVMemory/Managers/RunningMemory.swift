/// A manager behind closures, which are made here, where its type is known: the optimiser compiles each for it, and the
/// loop that drives them needs no generic.
package struct RunningMemory {
  package let bytes: Int
  package let chunkTokens: Int
  package let keyedBlocks: [Int]
  package let canHold: (SequenceLengths) -> Bool
  package let canStart: (SequenceLengths, [[UInt64]]) -> Bool
  package let start: (Int, SequenceLengths, [[UInt64]]) -> Int
  package let grow: (_ sequence: Int, _ computed: Int, _ tokens: Int) -> Bool
  package let end: (Int) -> Void
  package let ledger: (_ headIsBlocked: Bool) -> WasteLedger
  package let brokenInvariant: () -> String?

  private final class Box<Memory: ManagedMemory> {
    var memory: Memory
    init(_ memory: Memory) { self.memory = memory }
  }

  package init(_ memory: some ManagedMemory) {
    let box = Box(memory)
    bytes = memory.bytes
    chunkTokens = memory.chunkTokens
    keyedBlocks = memory.keyedBlocks
    canHold = { box.memory.canHold($0) }
    canStart = { box.memory.canStart($0, keys: $1) }
    start = { box.memory.start($0, $1, keys: $2) }
    grow = { box.memory.grow($0, computed: $1, to: $2) }
    end = { box.memory.end($0) }
    ledger = { box.memory.ledger(headIsBlocked: $0) }
    brokenInvariant = { box.memory.brokenInvariant }
  }
}

extension RunningMemory {
  /// Units of one size that serve any group.
  ///
  /// - Parameter unitsOfPage: Units of a block of each group; `nil` for as many as it needs.
  package static func units(
    bytes: Int, _ groups: [PagedGroup], unitBytes: Int, unitsOfPage: [Int]? = nil, inFlight: Int
  ) -> RunningMemory {
    let needed = groups.map { ($0.contentBytes + unitBytes - 1) / unitBytes }
    let store = UnitPool(bytes: bytes, unitBytes: unitBytes, unitsOfPage: unitsOfPage ?? needed)
    return RunningMemory(PagedGroups(groups, store: store, inFlight: inFlight))
  }

  /// Large pages of the least common multiple of the groups' blocks.
  package static func jenga(
    bytes: Int, _ groups: [PagedGroup], inFlight: Int
  ) -> RunningMemory {
    let store = JengaPool(bytes: bytes, smallBytes: groups.map(\.contentBytes))
    return RunningMemory(PagedGroups(groups, store: store, inFlight: inFlight))
  }

  /// A store for keys and values and one for states.
  package static func split(
    bytes: Int, keysAndValues: PagedGroup, states: PagedGroup,
    stateShare: Double, isDynamic: Bool, inFlight: Int
  ) -> RunningMemory {
    let store = SplitUnits(
      bytes: bytes, kvBytes: keysAndValues.contentBytes, stateBytes: states.contentBytes,
      stateShare: stateShare, isDynamic: isDynamic)
    return RunningMemory(
      PagedGroups([keysAndValues, states], store: store, inFlight: inFlight))
  }

  /// vAttention's slots.
  package static func vAttention(
    bytes: Int, layers: [KeptLayers], groupTokens: Int
  ) -> RunningMemory {
    RunningMemory(
      MappedManager(bytes: bytes, layers: layers, groupTokens: groupTokens) {
        PageGroups(groupTokens: groupTokens, capacity: $0)
      })
  }

  /// vTensor's slots.
  package static func vTensor(
    bytes: Int, layers: [KeptLayers], groupTokens: Int
  ) -> RunningMemory {
    RunningMemory(
      MappedManager(bytes: bytes, layers: layers, groupTokens: groupTokens) {
        VTensorSlots(groupTokens: groupTokens, capacity: $0)
      })
  }
}
