import Messages
import SimulationKernel
import Testing

@testable import Workload

/// What passes between the turns of a session.
@Suite struct ThinkTimeTests {
  /// Two sessions, whose turns arrive at 1, 4 and 9 s, and at 2 and 3 s; one request of none.
  private var trace: Trace {
    let rows: [(Int64, Int32?)] = [(1, 0), (2, 1), (3, 1), (4, 0), (5, nil), (9, 0)]
    return Trace(
      name: "six",
      requests: rows.map { second, session in
        Request(
          arrival: SimInstant(nanoseconds: second * 1_000_000_000), promptTokens: 1,
          outputTokens: 1, session: session)
      }, hasArrivals: true)
  }

  private func milliseconds(_ trace: Trace) -> [Int64] {
    trace.notes.thinkTimes.map { $0 < 0 ? -1 : $0 / 1_000_000 }
  }

  @Test func timesStandBeforeTheTurnsThatWait() throws {
    let fixed = try trace.thinking(.fixed(2.5), seed: 0)
    #expect(milliseconds(fixed) == [-1, -1, 2500, 2500, -1, 2500])
    let gaps = try trace.thinking(.gaps, seed: 0)
    #expect(milliseconds(gaps) == [-1, -1, 1000, 3000, -1, 5000])
    var told = trace
    told.notes.thinkTimes = [7, 7, 8, 9, 7, 10].map { $0 * 1_000_000 }
    #expect(milliseconds(try told.thinking(.trace, seed: 0)) == [-1, -1, 8, 9, -1, 10])
    #expect(fixed.requests == trace.requests && gaps.requests == trace.requests)
  }

  /// 20,000 draws of mean 3 s: five standard errors are 0.106 s.
  @Test func timesAreDrawnFromTheSeed() throws {
    var long = trace
    long.requests = (0...20_000).map { _ in Request(promptTokens: 1, outputTokens: 1, session: 4) }
    let first = try long.thinking(.exponential(mean: 3), seed: 1)
    #expect(try long.thinking(.exponential(mean: 3), seed: 1) == first)
    #expect(try long.thinking(.exponential(mean: 3), seed: 2) != first)
    let sum = first.notes.thinkTimes.dropFirst().reduce(0, +)
    #expect(abs(Double(sum) / 1e9 / 20_000 - 3) < 0.106)
  }

  @Test func turnsFollowEachOther() {
    let turns = SessionTurns(trace.requests, thinkTimes: [-1, -1, 8, 9, -1, 10])
    #expect(turns.starts == [0, 1, 4] && turns.waiting == [3, 2, 5])
    let following = trace.requests.indices.map { turns.turn(after: $0)?.request }
    #expect(following == [3, 2, nil, 5, nil, nil])
    #expect(turns.turn(after: 3)?.thinkTime == SimDuration(nanoseconds: 10))
  }

  /// At a rate of sessions the first turns come as requests do at a rate of requests, the others stay where they are.
  @Test func sessionsComeAtARate() throws {
    let timed = try trace.retimed(poissonRate: 2, seed: 5, sessions: true)
    let all = try trace.retimed(poissonRate: 2, seed: 5)
    for (start, place) in [(0, 0), (1, 1), (4, 2)] {
      #expect(timed.requests[start].arrival == all.requests[place].arrival)
    }
    for turn in [2, 3, 5] { #expect(timed.requests[turn] == trace.requests[turn]) }
  }

  @Test func whatIsWrittenIsRead() throws {
    for text in ["0", "1.5", "exponential:20", "trace", "gaps"] {
      #expect(try ThinkTime(text).text == text)
    }
    for text in ["", "-1", "nan", "inf", "exponential:", "exponential:0", "Trace", "2s"] {
      #expect(
        throws: UserError(
          "`--session-think-time` must be seconds, at most 1000000, `exponential:MEAN`, `trace` or `gaps`, "
            + "found `\(text)`")
      ) { try ThinkTime(text) }
    }
  }

  @Test func whatATraceDoesNotSayIsSaid() {
    #expect(
      throws: UserError(
        "`six`: request 3 is a later turn of its session without a think time",
        hint:
          "give `--session-think-time` in seconds, or `gaps` for those between the arrivals of turns"
      )
    ) { try trace.thinking(.trace, seed: 0) }
    #expect(
      throws: UserError(
        "`six` has no arrival times, and `--session-think-time gaps` takes those between them",
        hint: "give `--session-think-time` in seconds")
    ) { try trace.withoutArrivals().thinking(.gaps, seed: 0) }
    var alone = trace
    for index in alone.requests.indices { alone.requests[index].session = nil }
    #expect(
      throws: UserError(
        "no session of `six` has two turns, and `--session-think-time` is what passes between them",
        hint: "leave it out, or give a trace that tells its sessions, in CSV by `session_id`")
    ) { try alone.thinking(.fixed(1), seed: 0) }
  }
}
