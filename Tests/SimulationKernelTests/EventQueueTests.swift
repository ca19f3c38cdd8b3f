import Testing

@testable import SimulationKernel

/// The order of events is total: by time, by rank, then as they were added.
@Suite struct EventQueueTests {
  @Test func equalTimesGoByRankThenAsTheyCame() {
    var queue = EventQueue<String>()
    for (name, rank) in [
      ("end 1", 2), ("arrival 1", 1), ("tick", 0), ("arrival 2", 1), ("end 2", 2),
    ] {
      queue.insert(name, at: SimInstant(nanoseconds: 5), rank: UInt8(rank))
    }
    queue.insert("early", at: SimInstant(nanoseconds: 4), rank: 9)
    #expect(queue.nextTime == SimInstant(nanoseconds: 4))
    var order: [String] = []
    while let next = queue.popFirst() { order.append(next.event) }
    #expect(order == ["early", "tick", "arrival 1", "arrival 2", "end 1", "end 2"])
    #expect(queue.nextTime == .distantFuture)
  }

  /// Whatever the order in which different ranks are added, and however many of them are equal in time.
  @Test(arguments: 0..<50 as Range<UInt64>) func shufflingRanksChangesNothing(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "events")
    let events = (0..<60).map { (time: Int64(chance.below(6)), rank: UInt8($0 % 12)) }
    var order = Array(events.indices)
    chance.shuffle(&order)
    // Of one rank, the order in which they come counts: it is kept.
    order.sort { (events[$0].rank, $0) < (events[$1].rank, $1) }
    var shuffled = order
    for index in shuffled.indices.dropLast() where chance.below(2) == 0 {
      if events[shuffled[index]].rank != events[shuffled[index + 1]].rank {
        shuffled.swapAt(index, index + 1)
      }
    }
    func popped(_ order: [Int]) -> [Int] {
      var queue = EventQueue<Int>()
      for number in order {
        queue.insert(
          number, at: SimInstant(nanoseconds: events[number].time), rank: events[number].rank)
      }
      var result: [Int] = []
      while let next = queue.popFirst() { result.append(next.event) }
      return result
    }
    let expected = events.indices.sorted {
      (events[$0].time, events[$0].rank, $0) < (events[$1].time, events[$1].rank, $1)
    }
    #expect(popped(order) == expected)
    #expect(popped(shuffled) == expected)
  }
}
