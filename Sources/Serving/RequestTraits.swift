/// What a ``TokenBudgetScheduler`` is told of each request beside its lengths and what its prompt consists of.
package struct RequestTraits: Sendable {
  /// Whom the priority policy serves first; `nil` for those who arrived first.
  package var order: ServiceOrder?
  /// By request, the LoRA adapter that it runs with, 0 for none; empty if none has one.
  package var adapters: [Int32] = []
  /// What comes of drafts, where the engine speculates.
  package var drafts = DraftOutcomes()

  package init() {}
}

/// The order of the priority policy: by priority, lower first, of equal ones who arrived first, of those who arrived
/// together by name.
///
///     (priority, arrival, name)   (0, 2, c)   (1, 0, a)   (1, 0, b)   (1, 1, d)
///     tie                             0           1           1           2
///     place                           0           1           2           3
///
/// - Source: `Request.__lt__` and the choice of the victim in vLLM 0.33, by the rules beside its recorded step traces.
package struct ServiceOrder: Sendable {
  /// By request; requests with the same number are told apart by their names only.
  private let ties: [Int32]
  /// By request; no two are the same.
  private let places: [Int32]

  /// Of requests that are numbered by arrival, no two of which arrive together.
  package init(priorities: [Int32]) {
    self.init(
      priorities.indices.map { Key(priority: priorities[$0], arrival: Double($0), name: "") })
  }

  /// What a request is served by.
  package struct Key: Sendable {
    package var priority: Int32
    package var arrival: Double
    package var name: String

    package init(priority: Int32, arrival: Double, name: String) {
      self.priority = priority
      self.arrival = arrival
      self.name = name
    }

    fileprivate func ties(with other: Key) -> Bool {
      (priority, arrival) == (other.priority, other.arrival)
    }
  }

  package init(_ keys: [Key]) {
    let order = keys.indices.sorted {
      let (a, b) = (keys[$0], keys[$1])
      return (a.priority, a.arrival, a.name, $0) < (b.priority, b.arrival, b.name, $1)
    }
    var ties = [Int32](repeating: 0, count: keys.count)
    var places = ties
    for (place, id) in order.enumerated() {
      places[id] = Int32(place)
      guard place > 0 else { continue }
      let before = order[place - 1]
      ties[id] = keys[id].ties(with: keys[before]) ? ties[before] : Int32(place)
    }
    self.ties = ties
    self.places = places
  }

  func isServed(_ a: RequestID, before b: RequestID) -> Bool { places[Int(a)] < places[Int(b)] }

  /// Whether `a` is served before `b` for another reason than its name.
  func isAhead(_ a: RequestID, of b: RequestID) -> Bool { ties[Int(a)] < ties[Int(b)] }
}
