import SimulationKernel
import Testing

@testable import Serving

/// Chains of requests, against lists.
@Suite struct CompletionCalendarTests {
  @Test(arguments: 0..<20 as Range<UInt64>) func agreesWithLists(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "calendar")
    let days = 1 + chance.below(12)
    var calendar = CompletionCalendar(days: days)
    var lists = [[RequestID]](repeating: [], count: days)
    for request in 0..<400 as Range<RequestID> {
      let day = chance.below(days)
      switch chance.below(4) {
      case 0:
        var taken: [RequestID] = [-7]
        calendar.take(day, into: &taken)
        #expect(taken.first == -7)
        #expect(taken.dropFirst().sorted() == lists[day].sorted(), "seed \(seed)")
        lists[day] = []
      case 1 where !lists[day].isEmpty:
        let place = chance.below(lists[day].count)
        calendar.remove(lists[day].remove(at: place), on: day)
      default:
        calendar.add(request, on: day)
        lists[day].append(request)
      }
      let limit = 1 + chance.below(days + 3)
      let next = (1..<limit).first { !lists[(day + $0 - 1) % days].isEmpty } ?? limit
      #expect(calendar.daysToCompletion(from: day, atMost: limit) == next, "seed \(seed)")
      for day in 0..<days { #expect(calendar.isEmpty(day) == lists[day].isEmpty) }
    }
  }

  @Test func placesInOrderOfNumbersAreFound() {
    let ids: [RequestID] = [2, 3, 5, 8, 13]
    #expect(ids.map { ids.place(of: $0) } == [0, 1, 2, 3, 4])
    #expect([0, 4, 14].map { ids.place(of: $0) } == [nil, nil, nil])
    #expect([RequestID]().place(of: 1) == nil)
    var finished: [RequestID] = [9, 4, 7, 1]
    finished.sortLast(from: 1) { -Int($0) }
    #expect(finished == [9, 7, 4, 1])
  }
}
