/// Requests by the iteration, modulo the longest output, with which they finish.
///
///     day       0    1    2    3        each day names one request, which names the next one of its day
///     newest    ·    7    ·    4
///                    ▼
///                    2
///
/// - Complexity: O(1) to add, O(requests of the day) to remove.
struct CompletionCalendar: Sendable {
  private struct Entry: Sendable {
    var request: RequestID
    /// The entry before it of the same day, or of the entries that are not in use; or −1.
    var older: Int32
  }

  /// The newest entry of each day, or −1.
  private var newest: [Int32]
  private var entries: [Entry] = []
  private var unused: Int32 = -1

  /// - Parameter days: Days from today to the last, today included.
  init(days: Int) { newest = Array(repeating: -1, count: max(1, days)) }

  @inline(__always)
  var dayCount: Int { newest.count }

  @inline(__always)
  func isEmpty(_ day: Int) -> Bool { newest[day] < 0 }

  /// Days from `day` to the first on which a request finishes, both included, at most `limit`.
  @inline(__always)
  func daysToCompletion(from day: Int, atMost limit: Int) -> Int {
    newest.withUnsafeBufferPointer { newest in
      var days = 1
      var last = day
      while days < limit, newest[last] < 0 {
        last = last + 1 < newest.count ? last + 1 : 0
        days += 1
      }
      return days
    }
  }

  @inline(__always)
  mutating func add(_ request: RequestID, on day: Int) {
    var place = unused
    if place >= 0 {
      unused = entries[Int(place)].older
      entries[Int(place)] = Entry(request: request, older: newest[day])
    } else {
      place = Int32(entries.count)
      entries.append(Entry(request: request, older: newest[day]))
    }
    newest[day] = place
  }

  /// Takes out all requests of a day, in no order.
  @inline(__always)
  mutating func take(_ day: Int, into requests: inout [RequestID]) {
    var place = newest[day]
    if place < 0 { return }
    newest[day] = -1
    while place >= 0 {
      let entry = entries[Int(place)]
      requests.append(entry.request)
      entries[Int(place)].older = unused
      unused = place
      place = entry.older
    }
  }

  /// Takes out one request of a day.
  mutating func remove(_ request: RequestID, on day: Int) {
    var place = newest[day]
    var newer: Int32 = -1
    while place >= 0, entries[Int(place)].request != request {
      newer = place
      place = entries[Int(place)].older
    }
    precondition(place >= 0, "CompletionCalendar: request \(request) does not finish on day \(day)")
    let older = entries[Int(place)].older
    if newer < 0 { newest[day] = older } else { entries[Int(newer)].older = older }
    entries[Int(place)].older = unused
    unused = place
  }
}
