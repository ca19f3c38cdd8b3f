import Messages
import SimulationKernel
import Testing

@testable import Workload

/// What `--num-prompts` takes of a longer trace.
@Suite struct TraceSampleTests {
  /// Requests a second apart whose prompts tell them apart.
  private func rows(_ count: Int, every seconds: Double = 1) -> Trace {
    let requests = (0..<count).map { index in
      Request(
        arrival: .zero + SimDuration(rounding: Double(index) * seconds),
        promptTokens: Int32(index + 1), outputTokens: 1)
    }
    return Trace(name: "rows.csv", requests: requests, hasArrivals: true)
  }

  /// The rows of a sample of ``rows(_:every:)``.
  private func numbers(_ sample: Trace) -> [Int] {
    sample.requests.map { Int($0.promptTokens) - 1 }
  }

  /// Requests that stand alone: as many as were asked for, and of the first k rows their share, rounded up or down.
  @Test(arguments: [(10, 3), (12, 4), (97, 10), (1000, 999), (1000, 1), (640, 64)])
  func aSampleIsSpreadOverTheTrace(_ count: Int, _ wanted: Int) throws {
    for seed in 0..<50 as Range<UInt64> {
      let drawn = numbers(try rows(count).sampled(count: wanted, seed: seed))
      #expect(drawn.count == wanted && drawn == drawn.sorted())
      let isDrawn = Set(drawn)
      var before = 0
      for k in 1...count {
        before += isDrawn.contains(k - 1) ? 1 : 0
        let share = k * wanted
        #expect(
          before == share / count || before == (share + count - 1) / count, "seed \(seed), row \(k)"
        )
      }
    }
  }

  /// Every row has the same chance: of 4,000 samples of 3 of 10 each is in 1,200, and five standard deviations are 145.
  @Test func everyRowHasTheSameChance() throws {
    var times = Array(repeating: 0, count: 10)
    for seed in 0..<4000 as Range<UInt64> {
      for number in numbers(try rows(10).sampled(count: 3, seed: seed)) { times[number] += 1 }
    }
    for (row, count) in times.enumerated() {
      #expect(abs(count - 1200) < 145, "row \(row): \(count)")
    }
  }

  @Test func theSeedDraws() throws {
    let trace = rows(500)
    #expect(try trace.sampled(count: 50, seed: 1) == trace.sampled(count: 50, seed: 1))
    #expect(
      try trace.sampled(count: 50, seed: 1).requests != trace.sampled(count: 50, seed: 2).requests)
    let drawn = try trace.sampled(count: 50, seed: 1)
    #expect(zip(numbers(drawn), drawn.requests).allSatisfy { $1.arrival.seconds == Double($0) })
  }

  /// Sessions of one to nine turns, interleaved: each is in the sample as a whole or not at all, and about as many requests
  /// are drawn as were asked for: each size has its share of the groups, up to one, so that a size of up to 15 turns (four
  /// lines: 1, 2–3, 4–7, 8–15) is off by at most 1 + 3 + 7 + 15.
  @Test(arguments: 0..<20 as Range<UInt64>) func sessionsStayWhole(seed: UInt64) throws {
    var trace = rows(2000)
    var chance = RandomStream(seed: seed, label: "sessions")
    var open: [Int32] = []
    var next: Int32 = 0
    var left: [Int32: Int] = [:]
    for index in trace.requests.indices {
      if open.count < 20 {
        open.append(next)
        left[next] = 1 + chance.below(9)
        next += 1
      }
      let place = chance.below(open.count)
      let session = open[place]
      trace.requests[index].session = session
      left[session, default: 1] -= 1
      if left[session] == 0 { open.remove(at: place) }
    }
    let sample = try trace.sampled(count: 200, seed: seed)
    let drawn = Set(sample.requests.map(\.session))
    #expect(sample.requests == trace.requests.filter { drawn.contains($0.session) })
    #expect(abs(sample.requests.count - 200) <= 26)
  }

  /// A prompt stays with the request whose answer it quotes, and with the few that share its beginning; a system prompt
  /// that everyone has keeps nobody together.
  @Test func whatSharesTextStaysTogether() throws {
    var trace = rows(400)
    var contents = PromptContents()
    for index in trace.requests.indices {
      var pieces = [TokenPiece(stream: 0, start: 0, count: 5)]
      if index % 4 == 1 {
        pieces.append(
          TokenPiece(stream: PromptContents.outputStream(of: index - 1), start: 0, count: 1))
      }
      if index % 4 >= 2 {
        pieces.append(TokenPiece(stream: Int64(1 + index / 4), start: 0, count: 7))
      }
      pieces.append(TokenPiece(stream: PromptContents.ownStream(of: index), start: 0, count: 2))
      trace.requests[index].promptTokens = Int32(pieces.reduce(0) { $0 + Int($1.count) })
      trace.requests[index].outputTokens = Int32(index + 1)
      contents.append(pieces)
    }
    trace.contents = contents
    let sample = try trace.sampled(count: 40, seed: 3)
    let drawn = sample.requests.map { Int($0.outputTokens) - 1 }
    #expect(drawn.count == 40)
    for pair in stride(from: 0, to: 40, by: 2) {
      #expect(drawn[pair] % 2 == 0 && drawn[pair + 1] == drawn[pair] + 1)
    }
    sample.contents?.requireMatch(sample.requests)
  }

  @Test func classesAndHoursSayWhatTheyStandFor() throws {
    var trace = rows(900, every: 10)
    trace.classNames = ["chat", "rag"]
    for index in trace.requests.indices {
      trace.requests[index].requestClass = index % 9 == 0 ? 2 : 1
    }
    let sample = try #require(try trace.sampled(count: 90, seed: 0).sample)
    #expect(sample.whole == .init(name: "rows.csv", kept: 90, all: 900))
    #expect(
      sample.classes == [
        .init(name: "chat", kept: 80, all: 800), .init(name: "rag", kept: 10, all: 100),
      ])
    #expect(sample.hours.map(\.all) == [360, 360, 180])
    #expect(sample.hours.reduce(0) { $0 + $1.kept } == 90)
    let kept = sample.hours.map(\.kept)
    // The first k of each class have their share up to one, so that an hour is off by less than two of each.
    for (hour, count) in zip([36, 36, 18], kept) { #expect(abs(hour - count) < 4) }
    #expect(
      sample.fields.map(\.value) == [
        "90 of 900", "chat: 80 of 800, rag: 10 of 100",
        "0: \(kept[0]) of 360, 1: \(kept[1]) of 360, 2: \(kept[2]) of 180",
      ])
  }

  @Test func aSampleIsPutInWords() {
    var sample = TraceSample(seed: 7, whole: .init(name: "day.csv", kept: 100, all: 6000))
    #expect(
      sample.text
        == "a sample of 100 of 6000 requests of `day.csv`, spread over all of it and drawn by seed 7; each stands "
        + "for 60")
    sample.classes = [
      .init(name: "chat", kept: 90, all: 5500), .init(name: "rag", kept: 10, all: 500),
    ]
    sample.hours = [
      .init(name: "0", kept: 40, all: 2000), .init(name: "1", kept: 60, all: 3900),
      .init(name: "2", kept: 0, all: 100),
    ]
    #expect(
      sample.text.hasSuffix(
        "for 60; by class: `chat` 90 of 5500, `rag` 10 of 500; by hour: each stands for 50 (hour 0) to none (hour 2)"
      ))
  }

  @Test func groupsThatAreTooLargeAreSaid() {
    var trace = rows(1000)
    for index in trace.requests.indices { trace.requests[index].session = 1 }
    #expect(
      throws: UserError(
        "`--num-prompts` 10 draws none of `rows.csv`: its 1000 requests hang together in 1 groups",
        hint: "give another `--seed`, or `--first` for the first rows")
    ) { try trace.sampled(count: 10, seed: 0) }
  }
}
