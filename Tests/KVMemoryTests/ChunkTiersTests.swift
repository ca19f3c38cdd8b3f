import SimulationKernel
import Testing

@testable import KVMemory

/// A tier and the one below it.
@Suite struct ChunkTiersTests {
  /// Chunk `index` of a text, of 4 tokens.
  private func chunk(_ text: Int, _ index: Int) -> ChunkTier.Chunk {
    var builder = RunBuilder()
    _ = builder.add(stream: Int64(text), start: 0, count: 1)
    return ChunkTier.Chunk(
      key: ContentKey(run: builder.identity, index: Int32(index)), position: 4 * (index + 1),
      group: 0)
  }

  private func tiers(_ upper: Int, _ lower: Int) -> ChunkTiers {
    ChunkTiers(
      ChunkTier(capacity: upper, policy: .lru), lower: ChunkTier(capacity: lower, policy: .lru))
  }

  private func put(
    _ tiers: inout ChunkTiers, _ chunks: [ChunkTier.Chunk], by request: Int
  ) -> Bool {
    guard let stored = tiers.store(chunks, by: request) else { return false }
    tiers.finishStore(stored.map(\.place))
    return true
  }

  /// The copy of a chunk has to be there before it leaves the upper tier, and there again before it is read.
  @Test func aChunkLeavesWithACopyBelowAndComesBack() {
    var tiers = tiers(1, 2)
    let (a, b) = (chunk(0, 0), chunk(1, 0))
    #expect(put(&tiers, [a], by: 0))
    #expect(tiers.find(a, for: 1) == .ready && tiers.lower?.state(of: a.key) == .writing)
    #expect(tiers.endLookUp(for: 1, waits: false) == [])
    #expect(!put(&tiers, [b], by: 2), "the only place is read by the cascade")
    let cascade = tiers.takeMoves()
    #expect(cascade.map(\.direction) == [.cascade] && cascade[0].request == nil)
    tiers.finish(cascade[0])
    #expect(tiers.lower?.state(of: a.key) == .ready)
    #expect(put(&tiers, [b], by: 2) && tiers.upper.state(of: a.key) == .absent)
    #expect(tiers.find(a, for: 3) == .absent, "b is on its way down")
    for move in tiers.takeMoves() { tiers.finish(move) }
    #expect(tiers.find(a, for: 3) == .writing && tiers.endLookUp(for: 3, waits: true) == [a])
    let promotion = tiers.takeMoves()
    #expect(promotion.map(\.direction) == [.promotion] && promotion[0].request == 3)
    #expect(tiers.find(a, for: 4) == .writing && tiers.endLookUp(for: 4, waits: true) == [])
    tiers.finish(promotion[0])
    #expect(tiers.find(a, for: 3) == .ready && tiers.find(b, for: 3) == .absent)
    #expect(tiers.endLookUp(for: 3, waits: false) == [] && tiers.takeMoves() == [])
  }

  /// Four chunks below two places: a look-up keeps what it has found, and takes no more than there is room for.
  @Test func aLookUpEvictsNothingOfItsOwn() {
    var tiers = tiers(2, 9)
    let text = (0..<4).map { chunk(0, $0) }
    for part in [text[..<2], text[2...]] {
      #expect(put(&tiers, Array(part), by: 0))
      for move in tiers.takeMoves() { tiers.finish(move) }
    }
    #expect(text.map { tiers.find($0, for: 1) } == [.writing, .writing, .absent, .absent])
    #expect(tiers.endLookUp(for: 1, waits: true) == Array(text[..<2]))
    for move in tiers.takeMoves() { tiers.finish(move) }
    #expect(text.map { tiers.find($0, for: 1) } == [.ready, .ready, .absent, .absent])
    _ = tiers.endLookUp(for: 1, waits: false)
  }

  /// Two prompts that do not fit above together take no turns in evicting each other: the first has its chunks in the end,
  /// whatever the second asks for in between.
  @Test func whoWaitsKeepsWhatItHasFound() {
    var tiers = tiers(4, 9)
    let (first, second) = ((0..<4).map { chunk(0, $0) }, (0..<4).map { chunk(1, $0) })
    for text in [first, second] {
      #expect(put(&tiers, text, by: 0))
      for move in tiers.takeMoves() { tiers.finish(move) }
    }
    tiers.finish(0)
    let other = tiers.store([chunk(2, 0)], by: 3)?.map(\.place) ?? []
    #expect(other.count == 1)
    /// What a pass over a prompt finds, up to the first chunk that is absent.
    func look(_ text: [ChunkTier.Chunk], _ request: Int) -> [ChunkTier.State] {
      var found: [ChunkTier.State] = []
      for chunk in text {
        let state = tiers.find(chunk, for: request)
        if state == .absent { break }
        found.append(state)
      }
      _ = tiers.endLookUp(for: request, waits: found.contains(.writing))
      return found
    }
    var passes: [[ChunkTier.State]] = []
    for pass in 0..<3 {
      passes.append(look(first, 1))
      _ = look(second, 2)
      if pass == 0 { tiers.finishStore(other) }
      for move in tiers.takeMoves() { tiers.finish(move) }
    }
    #expect(passes[0] == [.writing, .writing, .writing], "the fourth place is being written")
    #expect(passes[1] == [.ready, .ready, .ready, .writing])
    #expect(passes[2] == [.ready, .ready, .ready, .ready])
    #expect(!look(second, 2).isEmpty, "it has its turn when the first is served")
  }

  /// What a request has used when it is complete stays longer below as well, though it was never read there.
  @Test func useAboveCountsBelow() {
    var tiers = tiers(2, 3)
    for text in [0, 1] {
      #expect(put(&tiers, [chunk(text, 0)], by: text))
      for move in tiers.takeMoves() { tiers.finish(move) }
      tiers.finish(text)
    }
    #expect(put(&tiers, [chunk(0, 0)], by: 2))
    tiers.finish(2)
    for text in [3, 4] {
      #expect(put(&tiers, [chunk(text, 0)], by: text))
      for move in tiers.takeMoves() { tiers.finish(move) }
      tiers.finish(text)
    }
    #expect(tiers.lower?.state(of: chunk(0, 0).key) == .ready)
    #expect(tiers.lower?.state(of: chunk(1, 0).key) == .absent)
  }

  /// Against sets of what was written, read and is on its way, which know no order: what is found is there, nothing is there
  /// that was not copied, and no chunk leaves while it is copied.
  @Test(arguments: 1...40) func chunksAreConservedOverTiers(seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "tiers")
    let upper = 1 + random.below(8)
    var tiers = tiers(upper, upper + 1 + random.below(8))
    var writing: [(places: [ChunkTier.Place], chunks: [ChunkTier.Chunk])] = []
    var moving: [ChunkTiers.Move] = []
    var written: Set<ContentKey> = []
    var pinned: [ChunkTier.Place] = []
    for step in 0..<500 {
      let what = "seed \(seed), step \(step)"
      let request = step / 9
      switch random.below(6) {
      case 0, 1:
        let offered = (0..<1 + random.below(3)).map { chunk(random.below(3), $0) }
        guard let stored = tiers.store(offered, by: request), !stored.isEmpty else { continue }
        writing.append((stored.map(\.place), stored.map { offered[$0.index] }))
      case 2 where !writing.isEmpty:
        let (places, chunks) = writing.remove(at: random.below(writing.count))
        tiers.finishStore(places)
        written.formUnion(chunks.map(\.key))
      case 3 where !moving.isEmpty: tiers.finish(moving.remove(at: random.below(moving.count)))
      case 4:
        let text = random.below(3)
        let asked = (0..<4).map { chunk(text, $0) }
        let found = asked.map { chunk in
          let (above, below) = (
            tiers.upper.state(of: chunk.key), tiers.lower?.state(of: chunk.key)
          )
          let found = tiers.find(chunk, for: request)
          #expect((found == .ready) == (above == .ready), "\(what)")
          #expect(found == .absent || above != .absent || below == .ready, "\(what)")
          if found == .ready { #expect(written.contains(chunk.key), "\(what)") }
          return found
        }
        let promoted = tiers.endLookUp(for: request, waits: found.contains(.writing))
        #expect(promoted.allSatisfy { tiers.upper.state(of: $0.key) == .writing }, "\(what)")
        if let first = asked.first, found[0] == .ready { pinned += tiers.pin([first], by: request) }
      case 5 where !pinned.isEmpty: tiers.unpin(pinned.remove(at: random.below(pinned.count)))
      default: tiers.finish(request)
      }
      moving += tiers.takeMoves()
      for (name, tier) in [("upper", tiers.upper), ("lower", try #require(tiers.lower))] {
        try #require(tier.brokenInvariant == nil, "\(what): \(name) \(tier.brokenInvariant ?? "")")
      }
      for move in moving {
        let isCascade = move.direction == .cascade
        for (above, below) in zip(move.upper, move.lower) {
          let (a, b) = (
            tiers.upper.chunk(at: above), try #require(tiers.lower).chunk(at: below)
          )
          try #require(a == b, "\(what): a copy of another chunk")
          let states = (tiers.upper.state(of: a.key), tiers.lower?.state(of: b.key))
          try #require(states == (isCascade ? (.ready, .writing) : (.writing, .ready)), "\(what)")
        }
      }
    }
  }
}
