/// One pool for the keys and values of sequences and for adapters: S-LoRA's unified paging.
///
///     slot      one vector as wide as the hidden size in the K and in the V tensor of every layer
///     token     one slot, for its key and its value
///     adapter   4 × rank slots: A of q, k, v and o in the K tensors, B in the V tensors
///
///     pool      |── tokens ──|── adapters ──|······ free ······|
///
/// All slots are alike, so that any free one serves a token or a part of an adapter: counts decide what fits. Adapters live
/// in host memory; those that the running requests use are here, and some that were fetched ahead.
///
/// - Source: S-LoRA (Sheng et al., MLSys 2024), §5, and S-LoRA/S-LoRA (`infer_adapter.py`), read and written anew. There
///   the newest fetch ahead is known by one bit, so that one fetch before the last counts as the newest too; and a pool
///   without room for an adapter fails, where ours first drops adapters that were fetched ahead.
package struct UnifiedSlots: Sendable {
  /// Slots of an adapter of the matrices q, k, v and o.
  package static func adapterSlots(rank: Int) -> Int { 4 * rank }

  package let capacity: Int
  /// Slots of each adapter.
  package let sizes: [Int]
  package private(set) var tokenSlots = 0
  package private(set) var adapterSlots = 0
  /// Adapters that are here, in the order in which they came.
  package private(set) var resident: [Int] = []
  private var isResident: [Bool]
  /// The newest fetch ahead that named an adapter; 0 for none.
  private var fetchOf: [Int]
  private var fetches = 0

  package init(capacity: Int, sizes: [Int]) {
    self.capacity = capacity
    self.sizes = sizes
    isResident = Array(repeating: false, count: sizes.count)
    fetchOf = Array(repeating: 0, count: sizes.count)
  }

  package var free: Int { capacity - tokenSlots - adapterSlots }

  /// Takes slots for tokens.
  ///
  /// - Parameter isUsed: Whether a running request uses an adapter; others make way.
  /// - Precondition: They fit beside the tokens and the adapters that are used.
  package mutating func hold(_ tokens: Int, isUsed: (Int) -> Bool) {
    makeRoom(tokens, isUsed: isUsed)
    tokenSlots += tokens
  }

  package mutating func release(_ tokens: Int) {
    precondition(tokens <= tokenSlots, "UnifiedSlots: \(tokens) of \(tokenSlots) tokens")
    tokenSlots -= tokens
  }

  /// Fetches the adapters that requests need which start now.
  ///
  /// - Parameter isUsed: Whether one that runs or starts uses an adapter.
  /// - Returns: The slots that are moved from host memory.
  /// - Precondition: They fit beside the tokens and the adapters that are used.
  package mutating func load(_ adapters: [Int], isUsed: (Int) -> Bool) -> Int {
    var moved = 0
    for adapter in adapters where !isResident[adapter] {
      makeRoom(sizes[adapter], isUsed: isUsed)
      add(adapter)
      moved += sizes[adapter]
    }
    return moved
  }

  /// Fetches adapters that waiting requests will need, in order, up to the first for which there is no free room.
  ///
  /// - Returns: The slots that are moved from host memory.
  package mutating func fetchAhead(_ adapters: [Int]) -> Int {
    fetches += 1
    var moved = 0
    for adapter in adapters {
      fetchOf[adapter] = fetches
      guard !isResident[adapter] else { continue }
      guard sizes[adapter] <= free else { break }
      add(adapter)
      moved += sizes[adapter]
    }
    return moved
  }

  /// Drops adapters that no running request uses and that the newest fetch ahead did not name.
  package mutating func offload(isUsed: (Int) -> Bool) {
    let (newest, named) = (fetches, fetchOf)
    drop { !isUsed($0) && (newest == 0 || named[$0] != newest) }
  }

  /// Drops all adapters, when nothing runs.
  package mutating func offloadAll() { drop { _ in true } }

  private mutating func makeRoom(_ slots: Int, isUsed: (Int) -> Bool) {
    if free < slots { drop { !isUsed($0) } }
    precondition(free >= slots, "UnifiedSlots: \(slots) slots wanted, \(free) of \(capacity) free")
  }

  private mutating func add(_ adapter: Int) {
    isResident[adapter] = true
    resident.append(adapter)
    adapterSlots += sizes[adapter]
  }

  private mutating func drop(_ isDropped: (Int) -> Bool) {
    for adapter in resident where isDropped(adapter) {
      isResident[adapter] = false
      adapterSlots -= sizes[adapter]
    }
    resident = resident.filter { isResident[$0] }
  }

  /// The first law that is broken, with the numbers, or `nil`.
  package var brokenInvariant: String? {
    let sum = resident.reduce(0) { $0 + sizes[$1] }
    guard sum == adapterSlots, Set(resident).count == resident.count else {
      return "adapters \(resident) of \(sum) slots, \(adapterSlots) counted"
    }
    return free >= 0 && tokenSlots >= 0
      ? nil : "\(tokenSlots) of tokens + \(adapterSlots) of adapters in \(capacity) slots"
  }
}
