import CostModel
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Reproduction

@Suite struct SLoRATests {
  /// Every iteration takes a second.
  private final class Seconds: IterationCostModel {
    let profile = CostProfile(name: "seconds", isCalibrated: false, error: "none")
    func duration(of work: IterationWork) -> SimDuration { SimDuration(rounding: 1) }
  }

  /// A slot of a byte, a second to load or to read one; products are free.
  private func prices() throws -> AdapterPrices {
    var device = try DeviceCatalogue.find("a100-80gb")
    (device.memoryBandwidth, device.tensorRate, device.pcieBandwidth) = (1e18, 1e18, 1)
    return AdapterPrices(costModel: Seconds(), device: device, slotBytes: 1)
  }

  private func workload(_ rows: [(adapter: Int, prompt: Int32, output: Int32)]) -> SLoRAWorkload {
    SLoRAWorkload(
      requests: rows.map { Request(promptTokens: $0.prompt, outputTokens: $0.output) },
      adapters: rows.map(\.adapter))
  }

  /// What numpy 2.4.6 draws after `numpy.random.seed(42)`, by its legacy generator.
  @Test func drawsAsThePublishedCode() {
    let few = SLoRAWorkload(adapterCount: 5, seed: 42)
    let many = SLoRAWorkload(adapterCount: 2000, seed: 42)
    #expect(Array(few.adapters[..<6]) == [1, 4, 3, 2, 0, 0])
    #expect(Array(many.adapters[..<6]) == [749, 1901, 1463, 1197, 312, 311])
    #expect(few.adapters.reduce(0, +) == 2385 && many.adapters.reduce(0, +) == 1_197_370)
    #expect(Set(many.adapters).count == 907)
    #expect(few.requests[..<6].map(\.promptTokens) == [388, 467, 14, 36, 402, 40])
    #expect(few.requests[..<6].map(\.outputTokens) == [268, 357, 509, 359, 15, 327])
    #expect(few.requests.reduce(0) { $0 + Int($1.promptTokens) } == 314_805)
    #expect(few.requests.reduce(0) { $0 + Int($1.outputTokens) } == 315_809)
    let last = (few.requests[1199].arrival - .zero).seconds
    #expect(abs(last - 124.98691596483744) < 1e-6)
  }

  /// Two sequences of 5 and 3 tokens with 2 and 6 to come: both have two more after two iterations, 3 + 5 + 2 × 2 = 12;
  /// then one has 3 + 6 = 9 in the end.
  @Test func peakOfABatch() {
    #expect(AdmissionRoom.peak([(tokens: 3, left: 6), (tokens: 5, left: 2)]) == 12)
    #expect(AdmissionRoom.peak([(tokens: 3, left: 12), (tokens: 5, left: 2)]) == 15)
    #expect(AdmissionRoom.peak([]) == 0)
  }

  /// Prompts of 4 and outputs of 2 tokens, an adapter of 4 slots each: each lets the batch grow to 4 + 1 + 1 tokens and the
  /// adapter's slots. A pool of 21 has both (2 × 6 + 2 × 4 = 20 < 21), one of 20 has one after the other.
  @Test(arguments: [(21, 10.0), (20, 12.0)]) func adaptersCountAgainstTheBatch(
    slots: Int, seconds: Double
  ) throws {
    var setting = SLoRASetting(slots: slots, ranks: [1, 1])
    setting.decodesBetween = 1
    var replay = try #require(
      SLoRAReplay(workload([(0, 4, 2), (1, 4, 2)]), setting, prices: prices()))
    let outcome = replay.run { #expect($0.brokenInvariant == nil) }
    // 8 s to load both, a prompt iteration and a decode; or twice 4 s and two of each.
    #expect(outcome.seconds == seconds && outcome.movedSlots == 8 && outcome.waitSeconds == 8)
  }

  /// Apart, nothing is loaded, and adapters of as many slots as the pool has leave no room.
  @Test func adaptersApart() throws {
    var setting = SLoRASetting(slots: 20, ranks: [1, 1])
    setting.memory = .apart
    var replay = try #require(
      SLoRAReplay(workload([(0, 4, 2), (1, 4, 2)]), setting, prices: prices()))
    let outcome = replay.run()
    // 12 slots are left, of which both would have to have more: one after the other.
    #expect(outcome.seconds == 4 && outcome.movedSlots == 0)
    setting.ranks = [1, 4]
    #expect(SLoRAReplay(workload([(0, 4, 2)]), setting, prices: try prices()) == nil)
  }

  /// The second request does not fit beside the first; the third does, and uses the first one's adapter.
  ///
  ///     in line     load 4 s, ppp o o o | load 8 s, both prompts, o            18 s
  ///     clusters    load 4 s, ppp o, the third's prompt, o o | load 4 s, p, o  15 s
  @Test(arguments: [(nil, 18.0, 12), (1, 15, 8)]) func clusters(
    size: Int?, seconds: Double, moved: Int
  ) throws {
    var setting = SLoRASetting(slots: 20, ranks: [1, 1])
    setting.decodesBetween = 1
    setting.clusterAdapters = size
    var replay = try #require(
      SLoRAReplay(workload([(0, 4, 4), (1, 4, 2), (0, 1, 1)]), setting, prices: prices()))
    let outcome = replay.run { #expect($0.brokenInvariant == nil) }
    #expect(outcome.seconds == seconds && outcome.movedSlots == moved)
  }
}

/// The pool of tokens and adapters against lists that anyone can count.
@Suite struct UnifiedSlotsTests {
  @Test(arguments: seeds(30)) func agreesWithLists(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "unified slots")
    let sizes = (0..<8).map { _ in 4 * (1 + chance.below(4)) }
    var pool = UnifiedSlots(capacity: 120, sizes: sizes)
    /// The owner of each slot: a token (−1), an adapter, or nobody.
    var slots = [Int?](repeating: nil, count: 120)
    var users = sizes.map { _ in 0 }
    var named: Set<Int> = []
    func count(_ owner: Int?) -> Int { slots.count { $0 == owner } }
    func take(_ owner: Int, _ number: Int) {
      if count(nil) < number { drop { users[$0] == 0 } }
      for _ in 0..<number { slots[slots.firstIndex { $0 == nil }!] = owner }
    }
    func drop(_ isDropped: (Int) -> Bool) {
      for slot in slots.indices {
        if let owner = slots[slot], owner >= 0, isDropped(owner) { slots[slot] = nil }
      }
    }
    /// Slots of tokens and of adapters that are used.
    func kept() -> Int { slots.count { owner in owner.map { $0 < 0 || users[$0] > 0 } ?? false } }
    for step in 0..<200 {
      let adapter = chance.below(sizes.count)
      switch chance.below(6) {
      case 0:
        let isHere = count(adapter) > 0
        guard users[adapter] > 0 || kept() + sizes[adapter] <= 120 else { continue }
        users[adapter] += 1
        let copy = users
        #expect(pool.load([adapter]) { copy[$0] > 0 } == (isHere ? 0 : sizes[adapter]))
        if !isHere { take(adapter, sizes[adapter]) }
      case 1 where users[adapter] > 0: users[adapter] -= 1
      case 2:
        let ahead = [adapter, chance.below(sizes.count)]
        var moved = 0
        named = []
        for adapter in ahead {
          named.insert(adapter)
          guard count(adapter) == 0 else { continue }
          guard sizes[adapter] <= count(nil) else { break }
          take(adapter, sizes[adapter])
          moved += sizes[adapter]
        }
        #expect(pool.fetchAhead(ahead) == moved, "seed \(seed), step \(step)")
      case 3:
        let copy = users
        pool.offload { copy[$0] > 0 }
        drop { copy[$0] == 0 && !named.contains($0) }
      case 4:
        let tokens = 1 + chance.below(20)
        guard kept() + tokens <= 120 else { continue }
        let copy = users
        pool.hold(tokens) { copy[$0] > 0 }
        take(-1, tokens)
      default:
        let tokens = min(count(-1), chance.below(20))
        pool.release(tokens)
        for _ in 0..<tokens { slots[slots.firstIndex(of: -1)!] = nil }
      }
      #expect(pool.brokenInvariant == nil, "seed \(seed), step \(step)")
      #expect(pool.tokenSlots == count(-1) && pool.free == count(nil), "seed \(seed), step \(step)")
      #expect(Set(pool.resident) == Set(slots.compactMap { $0 }.filter { $0 >= 0 }))
    }
  }
}
