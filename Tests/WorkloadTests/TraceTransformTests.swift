import Messages
import SimulationKernel
import Testing

@testable import Workload

@Suite struct TraceTransformTests {
  private func conversations(seed: UInt64 = 1) throws -> Trace {
    var recipe = TraceRecipe(
      lengths: .sides(prompt: .uniform(1...40), output: .uniform(1...20)), count: 300, seed: seed)
    recipe.requestRate = 2
    recipe.systemPrompts = .init(count: 3, tokens: 30, exponent: 1)
    recipe.turns = .init(mean: 3, gapSeconds: 5, added: nil, totalTokensMax: 4_000)
    return try TraceGenerator.generate(recipe)
  }

  @Test func slicesCountFromTheirStart() throws {
    let trace = try conversations()
    let slice = try trace.sliced(from: 20, to: 60)
    let inside = trace.requests.filter { $0.arrival.seconds >= 20 && $0.arrival.seconds < 60 }
    #expect(slice.requests.map(\.promptTokens) == inside.map(\.promptTokens))
    #expect(slice.requests.first.map { $0.arrival.seconds < 40 } ?? false)
    expectMatch(try #require(slice.contents), slice.requests)
    #expect(throws: UserError.self) { try trace.sliced(from: 1e6, to: 2e6) }
    #expect(throws: UserError.self) { try trace.sliced(from: 5, to: 5) }
    #expect(throws: UserError.self) { try trace.withoutArrivals().sliced(from: 0, to: 5) }
    #expect(try trace.sliced(rows: 10..<20).requests == Array(trace.requests[10..<20]))
    #expect(throws: UserError.self) { try trace.sliced(rows: 290..<301) }
  }

  @Test func selectionKeepsWhatPromptsShare() throws {
    var contents = PromptContents()
    let output = { PromptContents.outputStream(of: $0) }
    let own = { PromptContents.ownStream(of: $0) }
    contents.append([TokenPiece(stream: own(0), start: 0, count: 4)])
    for (id, quoted) in [(1, 0), (2, 0), (3, 2)] {
      contents.append([
        TokenPiece(stream: 5, start: 0, count: 2),
        TokenPiece(stream: own(quoted), start: 0, count: 4),
        TokenPiece(stream: output(quoted), start: 0, count: 3),
        TokenPiece(stream: own(id), start: 0, count: 1),
      ])
    }
    // Request 0 is gone: both that quote it still quote the same.
    let some = contents.selecting([1, 2, 3])
    #expect(some.pieces(of: 0)[some.pieces(of: 0).startIndex + 1].stream == own(3))
    #expect(Array(some.pieces(of: 0)[1...2]) == Array(some.pieces(of: 1).dropFirst().prefix(2)))
    #expect(Array(some.pieces(of: 2)).map(\.stream) == [5, own(1), output(1), own(2)])
    // A repeated request has text of its own, and is quoted by what follows.
    let twice = contents.selecting([2, 2, 3])
    #expect(twice.pieces(of: 0).last?.stream == own(0))
    #expect(twice.pieces(of: 1).last?.stream == own(1))
    #expect(Array(twice.pieces(of: 2)).map(\.stream) == [5, own(1), output(1), own(2)])
    #expect(contents.selecting([0, 1, 2, 3]) == contents)
  }

  @Test func thinningIsFairAndKeepsSessionsWhole() throws {
    let trace = try conversations()
    let thin = try trace.thinned(share: 0.5, bySession: false, seed: 3)
    #expect((110...190).contains(thin.requests.count))
    #expect(try trace.thinned(share: 0.5, bySession: false, seed: 3) == thin)
    #expect(try trace.thinned(share: 1, bySession: true, seed: 3) == trace)
    let whole = try trace.thinned(share: 0.5, bySession: true, seed: 3)
    let kept = Set(whole.requests.compactMap(\.session))
    #expect(whole.requests.count == trace.requests.count { kept.contains($0.session ?? -1) })
    for share in [0, -1, 1.5, .nan] {
      #expect(throws: UserError.self) { try trace.thinned(share: share, bySession: false, seed: 0) }
    }
  }

  @Test func scalesRateAndLengths() throws {
    let trace = try conversations()
    let fast = try trace.scaled(rate: 2)
    let half = trace.requests[7].arrival.seconds / 2
    #expect(abs(fast.requests[7].arrival.seconds - half) < 1e-9)
    #expect(fast.contents == trace.contents)
    let long = try trace.scaled(prompts: 3, outputs: 0.001)
    #expect(long.requests[7].promptTokens == 3 * trace.requests[7].promptTokens)
    #expect(long.requests.allSatisfy { $0.outputTokens == 1 })
    #expect(long.contents == nil)
    // Where only outputs change, prompts are what they were.
    #expect(try trace.scaled(prompts: 1, outputs: 0.9).contents == trace.contents)
    #expect(throws: UserError.self) { try trace.scaled(rate: 0) }
    #expect(throws: UserError.self) { try trace.scaled(prompts: 1e9, outputs: 1) }
  }

  @Test func mixturesKeepTheirPartsApart() throws {
    let (a, b) = (try conversations(seed: 1), try conversations(seed: 2))
    let mixed = try Trace.mixing([a, b])
    let contents = try #require(mixed.contents)
    expectMatch(contents, mixed.requests)
    #expect(mixed.requests.count == 600)
    #expect(zip(mixed.requests, mixed.requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival })
    let sessions = { (trace: Trace) in Set(trace.requests.compactMap(\.session)).count }
    #expect(sessions(mixed) == sessions(a) + sessions(b))
    func found(_ trace: Trace) throws -> Int {
      let curve = PrefixCacheCurve(
        trace.requests, try #require(trace.contents), blockTokens: 1)
      return Int((curve.blockHitRatio * Double(curve.blocks)).rounded())
    }
    // Nothing is shared between the parts, and nothing within a part is lost.
    #expect(try found(mixed) == found(a) + found(b))
    #expect(try Trace.mixing([a]) == a)
    #expect(throws: UserError.self) { try Trace.mixing([a, b.withoutArrivals()]) }
  }
}
