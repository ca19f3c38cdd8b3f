extension UnitStore {
  /// The first law that is broken, with the numbers, or `nil`: each unit is free once or held once, by the request that
  /// it names, and the requests in order are those that hold units.
  ///
  /// - Complexity: O(units + requests).
  var brokenInvariant: String? {
    var places = [Int](repeating: 0, count: unitCount)
    for unit in freeStack {
      places[Int(unit)] += 1
      guard serials[Int(unit)] == 0 else { return "unit \(unit) is free and has a serial" }
    }
    guard Set(requests).count == requests.count, requests.count == held.count else {
      return "\(requests.count) requests in order, \(held.count) hold units"
    }
    for request in requests {
      let units = held[request] ?? []
      guard !units.isEmpty else { return "request \(request) holds no unit" }
      for unit in units {
        places[Int(unit)] += 1
        guard holders[Int(unit)] == request, serials[Int(unit)] != 0 else {
          return "request \(request) holds unit \(unit), which names \(holders[Int(unit)])"
        }
      }
    }
    guard let unit = places.firstIndex(where: { $0 != 1 }) else { return nil }
    return "unit \(unit) of \(unitCount) is in \(places[unit]) places"
  }
}
