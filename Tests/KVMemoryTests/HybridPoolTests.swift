import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct HybridPoolTests {
  @Test func takesFromZeroAndGivesTheLastBackFirst() {
    var store = UnitStore(unitCount: 5)
    #expect(store.take(2, for: 7) == [0, 1])
    #expect(store.take(2, for: 8) == [2, 3])
    #expect(store.take(2, for: 9) == nil)
    store.free([0, 1])
    #expect(store.take(3, for: 9) == [1, 0, 4])
    #expect(store.brokenInvariant == nil)
  }

  /// The last taking counts, not the first.
  @Test func evictsTheRequestThatTookLongestAgo() {
    var store = UnitStore(unitCount: 4)
    _ = store.take(1, for: 1)
    _ = store.take(1, for: 2)
    _ = store.take(1, for: 1)
    store.evictOldest()
    #expect(store.held == [1: [0, 2]])
    #expect(store.freeStack == [3, 1])
    store.evictOldest()
    store.evictOldest()
    #expect(store.freeStack == [3, 1, 0, 2])
  }

  /// A request may be the one that makes way for itself.
  @Test func aRequestCanEvictItself() {
    var pool = DualPool(bytes: 8, kvBytes: 1, stateBytes: 1, stateShare: 0.5)
    let first = pool.allocate(3, of: .kv, for: 1)
    let second = pool.allocate(2, of: .kv, for: 1)
    #expect(first?.map(\.unit) == [0, 1, 2])
    #expect(second?.map(\.unit) == [2, 1])
    // What was evicted is passed over, though units 1 and 2 are held again.
    pool.free(first ?? [])
    #expect(pool.stores[0].held == [1: [2, 1]])
  }

  /// Units of 4 bytes for both: what was evicted is known by its number only.
  @Test func aPaddedPoolGivesBackWhatOthersHold() {
    var pool = PaddedUnifiedPool(bytes: 8, kvBytes: 1, stateBytes: 4)
    let first = pool.allocate(2, of: .kv, for: 1) ?? []
    let second = pool.allocate(2, of: .state, for: 2) ?? []
    #expect(first.map(\.unit) == [0, 1])
    #expect(second.map(\.unit) == [1, 0])
    pool.free(first)
    #expect(pool.store.freeStack == [0, 1])
    #expect(pool.store.requests.isEmpty)
  }

  ///     states of 4 bytes   0 1 2 3     pages of 1 byte   0 … 15
  @Test func theBoundaryMovesWhereTheTailIsFree() {
    var pool = DualPool(bytes: 32, kvBytes: 1, stateBytes: 4, stateShare: 0.5, batch: 2)
    let states = pool.allocate(3, of: .state, for: 1) ?? []
    #expect(pool.allocate(17, of: .kv, for: 2) == nil)
    #expect(pool.migratedBytes == 0)
    pool.free([states[2]])
    #expect(pool.allocate(17, of: .kv, for: 2)?.map(\.unit).prefix(2) == [23, 22])
    #expect(pool.migratedBytes == 8)
    #expect(pool.stores.map(\.unitCount) == [24, 2])
    #expect(pool.allocate(25, of: .kv, for: 3) == nil)
    #expect(pool.brokenInvariant == nil)
  }

  /// Three pages of 3 bytes are two states of 4 bytes and a byte that is lost.
  @Test func whatMakesNoWholeUnitIsLost() {
    var pool = DualPool(bytes: 32, kvBytes: 3, stateBytes: 4, stateShare: 0.5, batch: 3)
    #expect(pool.stores.map(\.unitCount) == [5, 4])
    #expect(pool.allocate(6, of: .state, for: 1)?.count == 6)
    #expect(pool.stores.map(\.unitCount) == [2, 6])
    #expect(pool.migratedBytes == 9)
  }

  /// Against lists that anyone can read.
  @Test(arguments: seeds(40)) func agreesWithLists(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "hybrid-pools")
    let batch = seed % 4 == 0 ? nil : numbers.below(3) + 1
    let (kvBytes, stateBytes) = (numbers.below(3) + 1, numbers.below(5) + 1)
    let bytes = 40 + numbers.below(40)
    if seed % 2 == 0 {
      var pool = PaddedUnifiedPool(bytes: bytes, kvBytes: kvBytes, stateBytes: stateBytes)
      var lists = Lists(
        counts: [bytes / max(kvBytes, stateBytes)], bytes: bytes, sizes: [1], batch: nil)
      compare(&pool, &lists, isPadded: true, &numbers)
    } else {
      var pool = DualPool(
        bytes: bytes, kvBytes: kvBytes, stateBytes: stateBytes, stateShare: 0.4, batch: batch)
      var lists = Lists(
        counts: pool.stores.map(\.unitCount), bytes: bytes, sizes: [kvBytes, stateBytes],
        batch: batch)
      compare(&pool, &lists, isPadded: false, &numbers)
    }
  }

  private func compare(
    _ pool: inout some HybridPool, _ lists: inout Lists, isPadded: Bool,
    _ numbers: inout RandomStream
  ) {
    var open: [(pool: [HybridHandle], lists: [Lists.Unit])] = []
    for step in 0..<400 {
      if numbers.below(3) > 0 || open.isEmpty {
        let kind = HybridUnit.allCases[numbers.below(2)]
        let request = Int32(numbers.below(6))
        let count = 1 + numbers.below(9)
        let taken = pool.allocate(count, of: kind, for: request)
        let place = isPadded ? 0 : kind.rawValue
        let expected = lists.allocate(count, store: place, request: Int(request))
        #expect(taken?.map { Int($0.unit) } == expected?.map(\.number), "step \(step)")
        if let taken, let expected { open.append((taken, expected)) }
      } else {
        let given = open.remove(at: numbers.below(open.count))
        pool.free(given.pool)
        lists.free(given.lists, byNumber: isPadded)
      }
      #expect(pool.brokenInvariant == nil, "step \(step)")
      #expect(pool.migratedBytes == lists.migrated, "step \(step)")
    }
  }
}

/// The rules on plain lists: what is free, and who took what, in the order of last takings.
private struct Lists {
  struct Unit: Equatable {
    var store: Int
    var number: Int
    var taking: Int
  }

  var free: [[Int]]
  var counts: [Int]
  var taken: [[(request: Int, units: [Unit])]]
  var takings = 0
  var migrated = 0
  let bytes: Int
  let sizes: [Int]
  let batch: Int?

  init(counts: [Int], bytes: Int, sizes: [Int], batch: Int?) {
    self.counts = counts
    self.bytes = bytes
    self.sizes = sizes
    self.batch = batch
    free = counts.map { (0..<$0).reversed() }
    taken = counts.map { _ in [] }
  }

  mutating func allocate(_ count: Int, store: Int, request: Int) -> [Unit]? {
    if count > free[store].count, !taken[store].isEmpty {
      free[store] += taken[store].removeFirst().units.map(\.number)
    }
    if count > free[store].count { rebalance(to: store) }
    guard count <= free[store].count else { return nil }
    takings += 1
    let units = (0..<count).map { _ in
      Unit(store: store, number: free[store].removeLast(), taking: takings)
    }
    let before = taken[store].firstIndex { $0.request == request }.map {
      taken[store].remove(at: $0)
    }
    taken[store].append((request, (before?.units ?? []) + units))
    return units
  }

  mutating func rebalance(to store: Int) {
    guard let batch else { return }
    let donor = 1 - store
    let tail = (counts[donor] - batch)..<counts[donor]
    let gain = batch * sizes[donor] / sizes[store]
    guard tail.lowerBound >= 0, tail.allSatisfy({ free[donor].contains($0) }),
      counts[store] + gain <= bytes / sizes[store]
    else { return }
    free[donor].removeAll { tail.contains($0) }
    free[store] += counts[store]..<(counts[store] + gain)
    counts[donor] -= batch
    counts[store] += gain
    migrated += batch * sizes[donor]
  }

  mutating func free(_ units: [Unit], byNumber: Bool) {
    for unit in units {
      for (place, entry) in taken[unit.store].enumerated() {
        guard
          let index = entry.units.firstIndex(where: {
            $0.number == unit.number && (byNumber || $0.taking == unit.taking)
          })
        else { continue }
        taken[unit.store][place].units.remove(at: index)
        free[unit.store].append(unit.number)
        break
      }
    }
    for store in taken.indices { taken[store].removeAll { $0.units.isEmpty } }
  }
}
