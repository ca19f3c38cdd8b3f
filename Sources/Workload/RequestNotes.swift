import Messages
import SimulationKernel

/// What few traces say of their requests: adapters and think times. Lists beside the requests, empty
/// where no request has any, so that millions of requests stay small.
package struct RequestNotes: Equatable, Sendable {
  /// Names of the adapters (LoRA), in order of first appearance.
  package var adapterNames: [String] = []
  /// For each request the number of its adapter in ``adapterNames``, from 1, or 0 for none.
  package var adapters: [UInt16] = []
  /// For each request the nanoseconds from the answer to its session's turn before until it was sent:
  /// what a user thinks or a tool takes. ``noThinkTime`` where there is none.
  package var thinkTimes: [Int64] = []

  package static var noThinkTime: Int64 { -1 }

  package init() {}

  /// The name of a request's adapter; `nil` for none.
  package func adapter(of request: Int) -> String? {
    guard !adapters.isEmpty, adapters[request] > 0 else { return nil }
    return adapterNames[Int(adapters[request]) - 1]
  }

  /// The think time before a request; `nil` for none.
  package func thinkTime(before request: Int) -> SimDuration? {
    guard !thinkTimes.isEmpty, thinkTimes[request] >= 0 else { return nil }
    return SimDuration(nanoseconds: thinkTimes[request])
  }

  /// The notes of the requests `rows`, in that order.
  package func selecting(_ rows: [Int]) -> RequestNotes {
    var selected = self
    if !adapters.isEmpty { selected.adapters = rows.map { adapters[$0] } }
    if !thinkTimes.isEmpty { selected.thinkTimes = rows.map { thinkTimes[$0] } }
    return selected
  }

  /// Appends the notes of `count` requests to those of `before` requests.
  mutating func append(_ other: RequestNotes, before: Int, count: Int) {
    if !other.adapters.isEmpty || !adapters.isEmpty {
      pad(&adapters, to: before, with: 0)
      let numbers = other.adapterNames.map { adapterNames.number(of: $0) }
      for id in 0..<count {
        let old = other.adapters.isEmpty ? 0 : other.adapters[id]
        adapters.append(old == 0 ? 0 : numbers[Int(old) - 1])
      }
    }
    if !other.thinkTimes.isEmpty || !thinkTimes.isEmpty {
      pad(&thinkTimes, to: before, with: Self.noThinkTime)
      thinkTimes +=
        other.thinkTimes.isEmpty
        ? Array(repeating: Self.noThinkTime, count: count) : other.thinkTimes
    }
  }

  private func pad<T>(_ list: inout [T], to count: Int, with value: T) {
    if list.count < count { list += Array(repeating: value, count: count - list.count) }
  }
}

extension [String] {
  /// The number of `name` from 1, as a new name at the end if it is not here.
  ///
  /// - Precondition: Names are at most 65,535; readers see to that.
  mutating func number(of name: String) -> UInt16 {
    if let index = firstIndex(of: name) { return UInt16(index + 1) }
    append(name)
    return UInt16(count)
  }
}

extension Trace {
  /// The name of a request's class; `nil` for none.
  package func className(of request: Int) -> String? {
    let number = Int(requests[request].requestClass)
    return number > 0 ? classNames[number - 1] : nil
  }

  /// The same trace with every request in the class `name`.
  ///
  /// - Throws: ``UserError`` for a name that a file cannot hold.
  package func labelled(_ name: String) throws(UserError) -> Trace {
    var names = NameNumbers()
    var number: UInt16 = 0
    if let mistake = names.label(Array(name.utf8).span, "a class", into: &number) {
      throw UserError(mistake)
    }
    guard !name.isEmpty else { throw UserError("a class needs a name") }
    var trace = self
    trace.classNames = [name]
    for index in trace.requests.indices { trace.requests[index].requestClass = 1 }
    return trace
  }
}
